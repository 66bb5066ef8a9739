package import SecamBase
package import SecamMesh
package import SecamWire

/// The gateway's registry of services: admits members by their keys, detects their silence, and sends the roster.
///
/// A state machine without I/O: time is an argument, and methods return actions.
package struct Registry: Sendable {
    /// The interval at which `tick` must be called. Limits of messages and joins are per tick.
    package static let tickInterval = Duration.milliseconds(250)

    package struct Limits: Sendable {
        /// Silence after which a member is removed.
        package var silenceTimeout = Duration.seconds(3)
        /// Silence after which the same process may join over another connection; longer than the beat interval.
        package var takeoverTimeout = Duration.milliseconds(1500)
        package var beatInterval = Duration.seconds(1)
        /// Time after the start for earlier members to come back. It ends early when all have.
        package var settlingTime = Duration.seconds(4)
        /// Messages of one connection in each tick (see `tickInterval`).
        package var messages = 200
        /// New members with one key in each tick; a service beyond the limit retries its JOIN.
        package var joins = 16
        /// Messages of all connections with one key in each tick.
        package var messagesOfKey = 1000
        /// Members with one key in total, and from one network.
        package var instances = 512
        package var instancesInNetwork = 64
        /// Reports of one camera in each tick that are forwarded at once; later ones wait for the next tick.
        package var reports = 4
        /// Dedicated encoders of one camera, which share its key.
        package var dedicatedEncoders = 8
        /// Roster broadcasts between two beats; later changes are sent together with the next tick.
        package var broadcasts = 64
        /// Entries sent in all roster broadcasts between two beats. Each broadcast costs the square of the number of
        /// members. The first one is sent whatever it costs.
        package var broadcastEntries = 16_384
        /// Status requests of one operator's key in each tick; each answer may be long.
        package var statusRequests = 8

        package init() {}
    }

    package enum Action: Sendable {
        case send(any WireMessage, to: PeerID)
        /// The roster or a camera's state has changed.
        case changed
        case joined(Status.Member)
        case left(Status.Member, reason: String)
        /// A message was rejected or a join refused, for the log.
        case rejected(key: PublicKey, reason: String)
    }

    package struct Camera: Sendable, Equatable {
        package let member: Roster.Member
        package let report: CameraReport
    }

    /// The state of a camera's recording, for a camera that the policies record.
    package struct CameraRecording: Sendable, Equatable {
        package let health: RecordingHealth
        /// The reason why it is not on, for users; empty when unknown.
        package let cause: String

        package init(_ health: RecordingHealth, cause: String = "") {
            self.health = health
            self.cause = cause
        }
    }

    private struct Member {
        let join: Join
        let key: PublicKey
        /// The network that it joined from (see `SourceNetwork`).
        let network: String
        let joined: Int64
        var heard: MonotonicTime
        var figures: [Figure] = []
        /// Cameras that this archive should record but cannot.
        var failing: Set<Name> = []
        var causes: [Cause] = []
        /// The gateway's port for this member if it uses the relay.
        var relayPort: UInt16?
        var camera: CameraReport?
        /// Reports since the last tick.
        var reports = 0
        /// Whether this archive has answered the gateway's query for its volume.
        var isConfirmed = false

        /// Returns how this archive records one of its cameras.
        func recording(of camera: Name) -> CameraRecording {
            func cause(_ metric: Metric) -> String { causes.first { $0.metric == metric }?.detail ?? "" }
            if failing.contains(camera) { return CameraRecording(.stopped, cause: cause(.camerasFailing)) }
            let isDiskLow = figures.contains { $0.metric == .diskLow && $0.value > 0 }
            return isDiskLow ? CameraRecording(.diskLow, cause: cause(.diskLow)) : CameraRecording(.on)
        }

        /// The endpoint for other services; empty while the gateway has no port for a relayed member.
        var endpoint: String {
            guard join.isRelayed else { return join.endpoint }
            return relayPort.map { "\(Relay.endpoint):\($0)" } ?? ""
        }
    }

    private let incarnation: UInt64
    private let limits: Limits
    private let gateway: Roster.Member
    private var keyList: KeyList
    private var members: [PeerID: Member] = [:]
    private var limiter: RegistryLimiter
    /// Whether a camera's report waits for the next tick.
    private var hasUnsentReports = false
    private var generation: UInt64 = 0
    /// Whether the next tick broadcasts the roster.
    private var isRosterDue = false
    private var wasSettling = true
    private var lastBeat: MonotonicTime
    private var lastTick: MonotonicTime
    private var settlingUntil: MonotonicTime
    /// The members before the restart; `nil` when unknown.
    private let expected: MemberCount?

    private var policies: any CameraPolicies
    /// The last messages sent to each member, so that only changes are sent.
    private var sentPolicies: [PeerID: Policy] = [:]
    private var sentAssignments: [PeerID: Assignment] = [:]
    private var sentRecordings: [PeerID: Recording] = [:]

    /// - Parameter expected: the members of the gateway's previous run; `nil` when unknown.
    package init(
        gateway: Roster.Member, keyList: KeyList, limits: Limits = Limits(), now: MonotonicTime,
        policies: any CameraPolicies, expected: MemberCount? = nil
    ) {
        self.gateway = gateway
        incarnation = gateway.incarnation
        self.keyList = keyList
        self.limits = limits
        limiter = RegistryLimiter(limits)
        self.policies = policies
        lastBeat = now
        lastTick = now
        settlingUntil = now + limits.settlingTime
        self.expected = expected
        endSettlingIfComplete(now)
    }

    /// The number of members of each role.
    package var memberCount: MemberCount { MemberCount(of: members.values.lazy.map(\.join.role)) }

    /// Returns whether missing members may still come back after a restart.
    package func isSettling(_ now: MonotonicTime) -> Bool { now < settlingUntil }

    private mutating func endSettlingIfComplete(_ now: MonotonicTime) {
        guard let expected, isSettling(now), memberCount.contains(expected) else { return }
        settlingUntil = now
    }

    package func isAdmitted(_ key: PublicKey) -> Bool { keyList.contains(key) }

    /// The archives that can be queried.
    package var archives: [Roster.Member] {
        members.values.filter { $0.join.role == .archive && !$0.endpoint.isEmpty }.map(entry)
    }

    /// The cameras with a known state, sorted by name.
    package var cameras: [Camera] {
        members.values
            .compactMap { member in member.camera.map { Camera(member: entry(member), report: $0) } }
            .sorted { $0.member.name < $1.member.name }
    }

    /// Returns the state of the recording of each camera that the policies record.
    package func recordings(now: MonotonicTime) -> [Name: CameraRecording] {
        var owners: [Name: Member] = [:]
        for (peer, recording) in sentRecordings {
            guard let archive = members[peer] else { continue }
            for camera in recording.cameras { owners[camera.camera] = archive }
        }
        let hasArchive = members.values.contains { $0.join.role == .archive }
        var recordings: [Name: CameraRecording] = [:]
        for camera in members.values.lazy.filter({ $0.join.role == .capture }).map(\.join.name)
        where policies.recording(of: camera) != nil {
            if let archive = owners[camera] {
                recordings[camera] = archive.recording(of: camera)
            } else if !isSettling(now) {
                recordings[camera] = CameraRecording(.stopped, cause: hasArchive ? "" : "no archive runs")
            }
        }
        return recordings
    }

    /// The archives whose disk is nearly full.
    package var archivesLowOnDisk: [Name] {
        members.values.filter {
            $0.join.role == .archive && $0.figures.contains { $0.metric == .diskLow && $0.value > 0 }
        }
        .map(\.join.name)
    }

    package func roster(now: MonotonicTime) -> Roster {
        let list = [gateway] + members.values.map(entry).sorted { $0.name < $1.name }
        return Roster(generation: generation, settling: isSettling(now), members: list)
    }

    /// - Parameters:
    ///   - figures: the gateway's own figures.
    ///   - causes: explanations of the problems in these figures.
    ///   - away: cameras that have left.
    package func status(
        figures: [Figure], causes: [Status.MemberCause] = [], away: [Status.Member] = [], time: Int64, joined: Int64,
        process: UInt32, now: MonotonicTime
    ) -> Status {
        let own = Status.Member(
            role: .gateway, process: process, joined: joined, silence: 0, name: gateway.name,
            endpoint: gateway.endpoint, software: softwareVersion, camera: nil, figures: figures)
        let others = members.values.sorted {
            ($0.join.role.rawValue, $0.join.name) < ($1.join.role.rawValue, $1.join.name)
        }
        return Status(
            time: time,
            members: Array(([own] + others.map { describe($0, now: now) } + away).prefix(WireLimits.members)),
            causes: causes
                + others.flatMap { member in
                    member.causes.map { Status.MemberCause(role: member.join.role, name: member.join.name, $0) }
                })
    }

    /// Processes a message from a connection with a verified key.
    ///
    /// - Parameter address: the sender's IP address.
    package mutating func receive(
        _ bytes: Span<UInt8>, from peer: PeerID, key: PublicKey, address: String = "", time: Int64, now: MonotonicTime
    ) throws(WireError) -> [Action] {
        let envelope = try Envelope.readWhole(bytes, limit: WireLimits.viewerMessage)
        guard keyList.contains(key) else {
            return [.rejected(key: key, reason: "its key was revoked")] + remove(peer, "key revoked", now)
        }
        let isSignOfLife = envelope.type == .beat && members[peer]?.key == key
        guard limiter.admitsMessage(from: peer, key: key, isSignOfLife: isSignOfLife) else { return [] }
        switch envelope.type {
        case .join:
            let join = try Join.decode(bytes, envelope).reachable(at: address)
            return self.join(join, from: peer, key: key, address: address, time: time, now: now)
        case .beat:
            let beat = try Beat.decode(bytes, envelope)
            guard members[peer]?.join.incarnation == beat.incarnation else { return [notJoined(peer)] }
            members[peer]!.heard = now
            members[peer]!.figures = beat.figures
            members[peer]!.failing = Set(beat.failing)
            members[peer]!.causes = beat.causes
            return []
        case .camera:
            let report = try CameraReport.decode(bytes, envelope)
            guard let member = members[peer] else { return [notJoined(peer)] }
            guard member.join.role == .capture else {
                return [.rejected(key: key, reason: "\(member.join.role) \(member.join.name) sent a camera's state")]
            }
            members[peer]!.heard = now
            guard member.camera != report else { return [] }
            members[peer]!.camera = report
            members[peer]!.reports += 1
            // A camera whose state changes constantly must not keep all viewers busy.
            guard member.reports < limits.reports else {
                hasUnsentReports = true
                return []
            }
            return [.changed]
        case .leave:
            _ = try Leave.decode(bytes, envelope)
            return remove(peer, "leave received", now)
        default:
            throw .unknownType(envelope.type.rawValue)
        }
    }

    /// Replaces the policies.
    package mutating func update(_ policies: any CameraPolicies, now: MonotonicTime) -> [Action] {
        self.policies = policies
        return sendPolicyChanges(now)
    }

    /// Sets the gateway's port for a member that can only dial out.
    ///
    /// - Parameter incarnation: the member's incarnation; another incarnation is left unchanged.
    package mutating func setRelayPort(
        _ port: UInt16, for name: Name, _ role: Role, incarnation: UInt64, now: MonotonicTime
    ) -> [Action] {
        let peer = members.first { $0.value.join.name == name && $0.value.join.role == role }
        guard let peer, peer.value.join.incarnation == incarnation, peer.value.join.isRelayed else { return [] }
        members[peer.key]!.relayPort = port
        return broadcastRoster(now)
    }

    /// Calls a member that is reached through the relay.
    package func call(_ name: Name, _ role: Role, ticket: [UInt8]) -> [Action] {
        guard let peer = members.first(where: { $0.value.join.name == name && $0.value.join.role == role }),
            peer.value.join.isRelayed
        else { return [] }
        return [.send(Call(ticket: ticket), to: peer.key)]
    }

    /// The members that are reached through the relay.
    package var relayed: [Roster.Member] { members.values.filter(\.join.isRelayed).map(entry) }

    /// The networks from which members have joined (see `SourceNetwork`).
    package var networks: Set<String> { Set(members.values.map(\.network)) }

    /// Removes the member of a lost connection.
    package mutating func lost(_ peer: PeerID, now: MonotonicTime) -> [Action] {
        remove(peer, "connection lost", now)
    }

    /// Returns whether a key may request the status.
    package func isOperator(_ key: PublicKey) -> Bool { keyList.admits(key, role: .operator) }

    /// Counts a status request, and returns whether it is within the limit.
    package mutating func mayRequestStatus(_ key: PublicKey) -> Bool { limiter.admitsStatusRequest(from: key) }

    /// Records that an archive has answered the gateway. Cameras are assigned only to such archives, unless there are
    /// none.
    package mutating func confirm(_ archive: Roster.Member, now: MonotonicTime) -> [Action] {
        let peer = members.first { entry($0.value) == archive }?.key
        guard let peer, members[peer]!.join.role == .archive, !members[peer]!.isConfirmed else { return [] }
        members[peer]!.isConfirmed = true
        return sendPolicyChanges(now)
    }

    /// Replaces the key list, and removes members whose key is no longer admitted.
    package mutating func update(_ keyList: KeyList, now: MonotonicTime) -> [Action] {
        self.keyList = keyList
        let revoked = members.filter {
            !keyList.admits($0.value.key, role: $0.value.join.role, name: $0.value.join.name)
        }
        return revoked.keys.flatMap { remove($0, "key revoked", now) }
    }

    /// Removes silent members, and sends beats and delayed changes.
    package mutating func tick(now: MonotonicTime) -> [Action] {
        if now - lastTick > limits.beatInterval {
            // The gateway itself was suspended, so beats of the members still wait to be read.
            for peer in members.keys { members[peer]!.heard = now }
            settlingUntil = now + limits.settlingTime
            wasSettling = true
        }
        lastTick = now
        var actions: [Action] = []
        for (peer, member) in members where now - member.heard > limits.silenceTimeout {
            actions += remove(peer, "silent for \((now - member.heard).milliseconds) ms", now)
        }
        limiter.beginTick()
        if hasUnsentReports { actions.append(.changed) }
        hasUnsentReports = false
        for peer in members.keys { members[peer]!.reports = 0 }
        // Delayed broadcasts.
        if isRosterDue { actions += sendRoster(now) }
        if wasSettling, !isSettling(now) {
            wasSettling = false
            actions += broadcastRoster(now)
        }
        actions += sendPolicyChanges(now)
        if now - lastBeat >= limits.beatInterval {
            lastBeat = now
            limiter.beginBeat()
            let beat = Beat(incarnation: incarnation, figures: [])
            actions += members.keys.map { .send(beat, to: $0) }
        }
        return actions
    }

    // MARK: Joining

    private mutating func join(
        _ join: Join, from peer: PeerID, key: PublicKey, address: String, time: Int64, now: MonotonicTime
    ) -> [Action] {
        guard keyList.admits(key, role: join.role, name: join.name), join.role != .gateway, join.role != .operator
        else {
            let isMember = join.role != .gateway && join.role != .operator
            let detail =
                isMember ? "this key is not for \(join.role) \(join.name)" : "the role \(join.role) does not join"
            return refuse(peer, key, Refused(reason: .wrongRole, detail: detail))
        }
        if members[peer]?.join == join { return repeatJoin(of: peer, now) }
        let network = SourceNetwork.of(address)
        if let refusal = refusal(of: join, from: peer, key: key, address: address, network: network) {
            return refuse(peer, key, refusal)
        }
        if let other = members.first(where: { $0.key != peer && isSame($0.value.join, join) })?.key {
            return takeOver(join, from: other, to: peer, key: key, now: now)
        }
        guard limiter.admitsJoin(with: key) else { return [] }
        return admit(Member(join: join, key: key, network: network, joined: time, heard: now), as: peer, now: now)
    }

    /// Answers the JOIN of a member that has joined already. It may have lost the messages sent to it before.
    private mutating func repeatJoin(of peer: PeerID, _ now: MonotonicTime) -> [Action] {
        members[peer]!.heard = now
        guard limiter.admitsRepeatedJoin(of: peer) else { return [] }
        sentPolicies[peer] = nil
        sentAssignments[peer] = nil
        sentRecordings[peer] = nil
        return [.send(roster(now: now), to: peer)] + sendPolicyChanges(now)
    }

    /// Returns the refusal of an admitted key's join; `nil` for a join that is valid and within the limits.
    private func refusal(
        of join: Join, from peer: PeerID, key: PublicKey, address: String, network: String
    ) -> Refused? {
        if let problem = join.endpointProblem ?? hostProblem(join, address) {
            return Refused(reason: .wrongRole, detail: problem)
        }
        if DedicatedEncoders.camera(ofEncoder: join.name) != nil, members[peer] == nil,
            members.values.count(where: { $0.key == key && $0.join.role == join.role }) >= limits.dedicatedEncoders
        {
            let detail = "a camera has at most \(limits.dedicatedEncoders) dedicated encoders"
            return Refused(reason: .tooMany, detail: detail)
        }
        if let problem = tooManyInstances(of: key, in: network, besides: join) {
            return Refused(reason: .tooMany, detail: problem)
        }
        guard members[peer] != nil || members.count < WireLimits.members - 1 else {
            return Refused(reason: .tooMany, detail: "the registry has \(members.count) members")
        }
        return nil
    }

    /// Gives a member's name to the same process on a new connection, or refuses the name to another process.
    ///
    /// Of two running services with one name, the first keeps it. The beat shows whether the first still runs; if it does
    /// not, a restarted service gets the name at its next attempt. The roster shows incarnations to all members, so the
    /// same incarnation over another connection proves nothing while the first connection sends beats.
    private mutating func takeOver(
        _ join: Join, from other: PeerID, to peer: PeerID, key: PublicKey, now: MonotonicTime
    ) -> [Action] {
        let member = members[other]!
        guard member.join.incarnation == join.incarnation, member.key == key,
            now - member.heard > limits.takeoverTimeout
        else {
            let detail =
                "another \(join.role) \(join.name) runs with process \(member.join.process) at "
                + "\(member.join.endpoint); give one of them another name"
            return [.send(Beat(incarnation: incarnation, figures: []), to: other)]
                + refuse(peer, key, Refused(reason: .nameTaken, detail: detail))
        }
        members[other] = nil
        members[peer] = member
        members[peer]!.heard = now
        // Its endpoint is unchanged, so the other members need no roster.
        return [.send(roster(now: now), to: peer)] + sendPolicyChanges(now)
    }

    private mutating func admit(_ member: Member, as peer: PeerID, now: MonotonicTime) -> [Action] {
        var actions: [Action] = []
        if let former = members[peer] {
            actions.append(.left(describe(former, now: now), reason: "joined under another name"))
        }
        members[peer] = member
        endSettlingIfComplete(now)
        actions.append(.joined(describe(member, now: now)))
        return actions + broadcastRoster(now)
    }

    /// Returns why one key may not join another service, for users; `nil` when it may.
    private func tooManyInstances(of key: PublicKey, in network: String, besides join: Join) -> String? {
        let others = members.values.filter { $0.key == key && !isSame($0.join, join) }
        if others.count >= limits.instances { return "\(others.count) services have joined with this key" }
        let count = others.count { $0.network == network }
        guard count >= limits.instancesInNetwork else { return nil }
        return "\(count) services have joined with this key from \(network.isEmpty ? "one address" : network)"
    }

    /// Returns the problem of an endpoint's host, for users; `nil` for a valid host. A stolen key must not make other
    /// services connect to an arbitrary host.
    private func hostProblem(_ join: Join, _ address: String) -> String? {
        guard let host = EndpointHost(endpoint: join.endpoint) else { return nil }
        let expected = [address] + policies.advertisedHosts
        guard !expected.contains(where: { host.isSameHost(as: EndpointHost($0)) }) else { return nil }
        return "it connects from \(address) and says that it is reached at \(host.text); name that host under "
            + "'advertise' in policy.yaml, or start it without --advertise"
    }

    private func isSame(_ left: Join, _ right: Join) -> Bool { left.role == right.role && left.name == right.name }

    private func refuse(_ peer: PeerID, _ key: PublicKey, _ refusal: Refused) -> [Action] {
        [.send(refusal, to: peer), .rejected(key: key, reason: refusal.detail)]
    }

    private func notJoined(_ peer: PeerID) -> Action {
        .send(Refused(reason: .notJoined, detail: "join first"), to: peer)
    }

    private mutating func remove(_ peer: PeerID, _ reason: String, _ now: MonotonicTime) -> [Action] {
        guard let member = members.removeValue(forKey: peer) else { return [] }
        return [.left(describe(member, now: now), reason: reason)] + broadcastRoster(now)
    }

    // MARK: Broadcasts

    /// Broadcasts the roster at once, or with the next tick when members come and go constantly.
    private mutating func broadcastRoster(_ now: MonotonicTime) -> [Action] {
        generation += 1
        guard limiter.admitsBroadcast(toMembers: members.count) else {
            isRosterDue = true
            return [.changed]
        }
        return sendRoster(now)
    }

    private mutating func sendRoster(_ now: MonotonicTime) -> [Action] {
        isRosterDue = false
        let roster = roster(now: now)
        return members.keys.map { .send(roster, to: $0) } + [.changed] + sendPolicyChanges(now)
    }

    // MARK: Policies

    /// Sends changed policies, assignments and recordings to cameras, motion services and archives.
    private mutating func sendPolicyChanges(_ now: MonotonicTime) -> [Action] {
        sentPolicies = sentPolicies.filter { members[$0.key] != nil }
        sentAssignments = sentAssignments.filter { members[$0.key] != nil }
        sentRecordings = sentRecordings.filter { members[$0.key] != nil }
        var actions: [Action] = []
        for (peer, member) in members where member.join.role == .capture {
            let policy = policies.policy(for: member.join.name)
            guard sentPolicies[peer] != policy else { continue }
            sentPolicies[peer] = policy
            actions.append(.send(policy, to: peer))
        }
        // While members may still come back, the present ones keep their cameras.
        guard !isSettling(now) else { return actions }
        for (peer, cameras) in assign(to: .motion, policies.motion) {
            let assignment = Assignment(cameras: cameras)
            guard sentAssignments[peer] != assignment else { continue }
            sentAssignments[peer] = assignment
            actions.append(.send(assignment, to: peer))
        }
        // If the key list does not name every camera, no camera counts as gone.
        let admitted = policies.goneCameraKeep > 0 ? keyList.cameras : nil
        let goneKeep = admitted == nil ? 0 : policies.goneCameraKeep
        for (peer, cameras) in assign(to: .archive, policies.recording) {
            let recording = Recording(cameras: cameras, goneKeep: goneKeep, admitted: admitted?.sorted() ?? [])
            guard sentRecordings[peer] != recording else { continue }
            sentRecordings[peer] = recording
            actions.append(.send(recording, to: peer))
        }
        return actions
    }

    /// Assigns each camera to one of the services of a role (see `AssignmentTree`).
    private func assign<Entry>(to role: Role, _ entry: (Name) -> Entry?) -> [PeerID: [Entry]] {
        let services = members.filter { $0.value.join.role == role }
        guard !services.isEmpty else { return [:] }
        var assignments: [PeerID: [Entry]] = services.mapValues { _ in [] }
        let confirmed = services.filter(\.value.isConfirmed)
        var tree = AssignmentTree<PeerID>()
        for (peer, member) in confirmed.isEmpty ? services : confirmed {
            tree.add(peer, key: member.key, network: member.network, name: member.join.name)
        }
        for camera in members.values.lazy.filter({ $0.join.role == .capture }).map(\.join.name).sorted() {
            guard let entry = entry(camera), let owner = tree.owner(of: camera) else { continue }
            assignments[owner]!.append(entry)
        }
        return assignments
    }

    private func entry(_ member: Member) -> Roster.Member {
        Roster.Member(
            role: member.join.role, incarnation: member.join.incarnation, key: member.key.bytes,
            name: member.join.name, endpoint: member.endpoint)
    }

    private func describe(_ member: Member, now: MonotonicTime) -> Status.Member {
        Status.Member(
            role: member.join.role, process: member.join.process, joined: member.joined,
            silence: UInt32(clamping: (now - member.heard).milliseconds), name: member.join.name,
            endpoint: member.endpoint, software: member.join.software, camera: member.camera,
            figures: member.figures)
    }
}
