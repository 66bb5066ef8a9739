package import SecamBase
package import SecamMesh
package import SecamWire

/// The gateway's list of who lives: it admits members by their keys, notices their silence and tells everybody.
///
/// A state machine without I/O: time is an argument, what is to be sent is returned.
package struct Registry: Sendable {
    package struct Limits: Sendable {
        /// Microseconds of silence after which a member is gone.
        package var silence: Int64 = 3_000_000
        /// Microseconds of silence after which another connection may say that it is the same process: more than a beat.
        package var takeover: Int64 = 1_500_000
        /// Microseconds between two beats.
        package var beat: Int64 = 1_000_000
        /// Microseconds after the start during which members may only not have come back yet, unless all of them have.
        package var settling: Int64 = 4_000_000
        /// Messages that a member may send between two ticks.
        package var messages = 200
        /// Services that one key may make join between two ticks; others try again by themselves.
        package var joins = 16
        /// Messages that all connections with one key may send between two ticks.
        package var messagesOfKey = 1000
        /// Services that have joined with one key, from all networks and from one.
        package var instances = 512
        package var instancesInNetwork = 64
        /// Reports of one camera between two ticks that are told at once; later ones are told with the tick.
        package var reports = 4
        /// Encoders of one camera's own, whose key is the camera's.
        package var ownEncoders = 8
        /// Rosters that everybody is sent between two beats because of a change; the changes behind them are told together
        /// with the next tick.
        package var announcements = 64
        /// Members in all rosters that are sent between two beats because of changes, beyond the first one: in a large
        /// system each one costs its square.
        package var announcedMembers = 16_384
        /// Questions for the status that one operator's key may ask between two ticks; each answer may be long.
        package var questions = 8

        package init() {}
    }

    package enum Action: Sendable {
        case send(any WireMessage, to: PeerID)
        /// The roster or a camera's state is another one now.
        case changed
        case joined(Status.Member)
        case left(Status.Member, reason: String)
        /// Somebody was turned away; for the log.
        case refused(key: PublicKey, reason: String)
    }

    package struct Camera: Sendable, Equatable {
        package let member: Roster.Member
        package let report: CameraReport
    }

    /// How the recording of a camera is that the policies record.
    package struct CameraRecording: Sendable, Equatable {
        package let health: RecordingHealth
        /// Why it is not on, for people; empty when that is not known.
        package let cause: String

        package init(_ health: RecordingHealth, cause: String = "") {
            self.health = health
            self.cause = cause
        }
    }

    private struct Member {
        let join: Join
        let key: PublicKey
        /// Where it joined from (see `SourceNetwork`).
        let network: String
        let joined: Int64
        var heard: MonotonicTime
        var figures: [Figure] = []
        /// Cameras that this archive is to record and cannot.
        var failing: Set<Name> = []
        var causes: [Cause] = []
        /// The port at which it is reached through the gateway.
        var relayPort: UInt16?
        var camera: CameraReport?
        /// Reports since the last tick.
        var reports = 0
        /// An archive that the gateway has asked for its volume, and that has answered.
        var isConfirmed = false

        /// How this archive records one of its cameras.
        func recording(of camera: Name) -> CameraRecording {
            func cause(_ metric: Metric) -> String { causes.first { $0.metric == metric }?.detail ?? "" }
            if failing.contains(camera) { return CameraRecording(.stopped, cause: cause(.camerasFailing)) }
            let isDiskLow = figures.contains { $0.metric == .diskLow && $0.value > 0 }
            return isDiskLow ? CameraRecording(.diskLow, cause: cause(.diskLow)) : CameraRecording(.on)
        }

        /// Where the others find it; empty as long as the gateway has no port for it.
        var endpoint: String {
            guard join.isRelayed else { return join.endpoint }
            return relayPort.map { "\(Relay.endpoint):\($0)" } ?? ""
        }
    }

    private let incarnation: UInt64
    private let limits: Limits
    private let own: Roster.Member
    private var allowlist: Allowlist
    private var members: [PeerID: Member] = [:]
    /// Services that a key made join, since the last tick.
    private var joins: [PublicKey: Int] = [:]
    /// Messages of each connection since the last tick.
    private var messages: [PeerID: Int] = [:]
    /// Members whose JOIN was answered once more since the last tick: each answer is a whole roster.
    private var repeatedJoins: Set<PeerID> = []
    private var messagesOfKey: [PublicKey: Int] = [:]
    private var questions: [PublicKey: Int] = [:]
    /// A camera's report has not been told.
    private var hasUntoldReports = false
    private var generation: UInt64 = 0
    /// Rosters that were to be sent since the last beat.
    private var announcements = 0
    private var announcedMembers = 0
    /// A roster is to be sent with the next tick.
    private var isRosterDue = false
    private var wasSettling = true
    private var lastBeat: MonotonicTime
    private var lastTick: MonotonicTime
    private var settlingUntil: MonotonicTime
    /// Who is to come back before; `nil` when that is not known.
    private let expected: MemberCount?

    private var policies: any CameraPolicies
    /// What was last sent to whom, so that only changes are.
    private var sentPolicies: [PeerID: Policy] = [:]
    private var sentAssignments: [PeerID: Assignment] = [:]
    private var sentRecordings: [PeerID: Recording] = [:]

    /// - Parameter expected: who had joined when the gateway ran before; `nil` when that is not known.
    package init(
        own: Roster.Member, allowlist: Allowlist, limits: Limits = Limits(), now: MonotonicTime,
        policies: any CameraPolicies, expected: MemberCount? = nil
    ) {
        self.own = own
        incarnation = own.incarnation
        self.allowlist = allowlist
        self.limits = limits
        self.policies = policies
        lastBeat = now
        lastTick = now
        settlingUntil = now.advanced(byMicroseconds: limits.settling)
        self.expected = expected
        endSettlingIfComplete(now)
    }

    /// Who has joined.
    package var memberCount: MemberCount { MemberCount(of: members.values.lazy.map(\.join.role)) }

    private mutating func endSettlingIfComplete(_ now: MonotonicTime) {
        guard let expected, isSettling(now), memberCount.contains(expected) else { return }
        settlingUntil = now
    }

    package func isAdmitted(_ key: PublicKey) -> Bool { allowlist.contains(key) }

    /// The archives that can be asked for what they have.
    package var archives: [Roster.Member] {
        members.values.filter { $0.join.role == .archive && !$0.endpoint.isEmpty }.map(entry)
    }

    /// The cameras whose state is known, by name.
    package var cameras: [Camera] {
        members.values
            .compactMap { member in member.camera.map { Camera(member: entry(member), report: $0) } }
            .sorted { $0.member.name < $1.member.name }
    }

    /// How the recording of each camera is that the policies record; others are left out.
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
        let list = [own] + members.values.map(entry).sorted { $0.name < $1.name }
        return Roster(generation: generation, settling: isSettling(now), members: list)
    }

    /// - Parameters:
    ///   - figures: the gateway's own.
    ///   - causes: why these tell of problems.
    ///   - away: cameras that are not here any more.
    package func status(
        figures: [Figure], causes: [Status.MemberCause] = [], away: [Status.Member] = [], time: Int64, joined: Int64,
        process: UInt32, now: MonotonicTime
    ) -> Status {
        let gateway = Status.Member(
            role: .gateway, process: process, joined: joined, silence: 0, name: own.name, endpoint: own.endpoint,
            software: softwareVersion, camera: nil, figures: figures)
        let others = members.values.sorted {
            ($0.join.role.rawValue, $0.join.name) < ($1.join.role.rawValue, $1.join.name)
        }
        return Status(
            time: time,
            members: Array(([gateway] + others.map { describe($0, now: now) } + away).prefix(WireLimits.members)),
            causes: causes
                + others.flatMap { member in
                    member.causes.map { Status.MemberCause(role: member.join.role, name: member.join.name, $0) }
                })
    }

    /// Takes a message from a connection whose key the handshake has checked.
    ///
    /// - Parameter address: the connection's other end, an IP address.
    package mutating func receive(
        _ bytes: Span<UInt8>, from peer: PeerID, key: PublicKey, address: String = "", time: Int64, now: MonotonicTime
    ) throws(WireError) -> [Action] {
        let envelope = try Envelope.readWhole(bytes, limit: WireLimits.viewerMessage)
        guard allowlist.contains(key) else {
            return [.refused(key: key, reason: "its key was revoked")] + remove(peer, "key revoked", now)
        }
        // Whoever has a key is bounded, joined or not.
        messages[peer, default: 0] += 1
        messagesOfKey[key, default: 0] += 1
        // A member's signs of life count for its connection alone: others of its key must not silence it.
        let isSignOfLife = envelope.type == .beat && members[peer]?.key == key
        guard messages[peer]! <= limits.messages, isSignOfLife || messagesOfKey[key]! <= limits.messagesOfKey else {
            return []
        }
        switch envelope.type {
        case .join:
            let join = try Join.decode(bytes, envelope).reachable(at: address)
            return self.join(join, peer, key, address, time, now)
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
                return [.refused(key: key, reason: "\(member.join.role) \(member.join.name) sent a camera's state")]
            }
            members[peer]!.heard = now
            guard member.camera != report else { return [] }
            members[peer]!.camera = report
            members[peer]!.reports += 1
            // A camera whose state changes all the time must not keep all viewers busy.
            guard member.reports < limits.reports else {
                hasUntoldReports = true
                return []
            }
            return [.changed]
        case .leave:
            _ = try Leave.decode(bytes, envelope)
            return remove(peer, "it left", now)
        default:
            throw .unknownType(envelope.type.rawValue)
        }
    }

    /// The policies were changed.
    package mutating func update(_ policies: any CameraPolicies, now: MonotonicTime) -> [Action] {
        self.policies = policies
        return tellPolicies(now)
    }

    /// A member that can only dial out is reached at a port of the gateway now.
    ///
    /// - Parameter incarnation: of the member that was meant; for another one nothing happens.
    package mutating func relay(_ port: UInt16, for name: Name, _ role: Role, incarnation: UInt64, now: MonotonicTime)
        -> [Action]
    {
        let peer = members.first { $0.value.join.name == name && $0.value.join.role == role }
        guard let peer, peer.value.join.incarnation == incarnation, peer.value.join.isRelayed else { return [] }
        members[peer.key]!.relayPort = port
        return announce(now)
    }

    /// Calls a member that is reached through the gateway.
    package func call(_ name: Name, _ role: Role, ticket: [UInt8]) -> [Action] {
        guard let peer = members.first(where: { $0.value.join.name == name && $0.value.join.role == role }),
            peer.value.join.isRelayed
        else { return [] }
        return [.send(Call(ticket: ticket), to: peer.key)]
    }

    /// The members that are reached through the gateway.
    package var relayed: [Roster.Member] { members.values.filter(\.join.isRelayed).map(entry) }

    /// The connection to a member is gone.
    package mutating func lost(_ peer: PeerID, now: MonotonicTime) -> [Action] {
        remove(peer, "its connection is gone", now)
    }

    /// Whether this key may ask for the status.
    package func isOperator(_ key: PublicKey) -> Bool { allowlist.admits(key, role: .operator) }

    /// Whether an operator's question is within the bound on them.
    package mutating func mayAsk(_ key: PublicKey) -> Bool {
        questions[key, default: 0] += 1
        return questions[key]! <= limits.questions
    }

    /// An archive has answered the gateway. Cameras are given only to such archives, unless there are none.
    package mutating func confirm(_ archive: Roster.Member, now: MonotonicTime) -> [Action] {
        let peer = members.first { entry($0.value) == archive }?.key
        guard let peer, members[peer]!.join.role == .archive, !members[peer]!.isConfirmed else { return [] }
        members[peer]!.isConfirmed = true
        return tellPolicies(now)
    }

    /// The list of keys was changed: members whose key is gone are removed.
    package mutating func update(_ allowlist: Allowlist, now: MonotonicTime) -> [Action] {
        self.allowlist = allowlist
        let revoked = members.filter {
            !allowlist.admits($0.value.key, role: $0.value.join.role, name: $0.value.join.name)
        }
        return revoked.keys.flatMap { remove($0, "key revoked", now) }
    }

    /// Time has passed: beats go out, silent members are removed.
    package mutating func tick(now: MonotonicTime) -> [Action] {
        if now.since(lastTick) > limits.beat {
            // We stood still ourselves, so that the members' beats are still waiting to be read.
            for peer in members.keys { members[peer]!.heard = now }
            settlingUntil = now.advanced(byMicroseconds: limits.settling)
            wasSettling = true
        }
        lastTick = now
        var actions: [Action] = []
        for (peer, member) in members where now.since(member.heard) > limits.silence {
            actions += remove(peer, "silent for \(now.since(member.heard) / 1000) ms", now)
        }
        messages.removeAll(keepingCapacity: true)
        repeatedJoins.removeAll(keepingCapacity: true)
        messagesOfKey.removeAll(keepingCapacity: true)
        questions.removeAll(keepingCapacity: true)
        if hasUntoldReports { actions.append(.changed) }
        hasUntoldReports = false
        for peer in members.keys { members[peer]!.reports = 0 }
        joins.removeAll(keepingCapacity: true)
        // What was put off.
        if isRosterDue { actions += sendRoster(now) }
        if wasSettling, !isSettling(now) {
            wasSettling = false
            actions += announce(now)
        }
        actions += tellPolicies(now)
        if now.since(lastBeat) >= limits.beat {
            lastBeat = now
            announcements = 0
            announcedMembers = 0
            let beat = Beat(incarnation: incarnation, figures: [])
            actions += members.keys.map { .send(beat, to: $0) }
        }
        return actions
    }

    // MARK: Inside

    /// Whether members that are missing may only not have come back yet.
    package func isSettling(_ now: MonotonicTime) -> Bool { now < settlingUntil }

    private mutating func join(
        _ join: Join, _ peer: PeerID, _ key: PublicKey, _ address: String, _ time: Int64, _ now: MonotonicTime
    ) -> [Action] {
        guard allowlist.admits(key, role: join.role, name: join.name), join.role != .gateway, join.role != .operator
        else {
            let detail = "this key is not for \(join.role) \(join.name)"
            return refuse(peer, key, .wrongRole, detail)
        }
        if members[peer]?.join == join {
            members[peer]!.heard = now
            guard repeatedJoins.insert(peer).inserted else { return [] }
            // It may have been told before it lost what it knew.
            sentPolicies[peer] = nil
            sentAssignments[peer] = nil
            sentRecordings[peer] = nil
            return [.send(roster(now: now), to: peer)] + tellPolicies(now)
        }
        if let problem = join.endpointProblem ?? hostProblem(join, address) {
            return refuse(peer, key, .wrongRole, problem)
        }
        if DedicatedEncoders.camera(ofEncoder: join.name) != nil, members[peer] == nil,
            members.values.count(where: { $0.key == key && $0.join.role == join.role }) >= limits.ownEncoders
        {
            return refuse(peer, key, .tooMany, "a camera has at most \(limits.ownEncoders) encoders of its own")
        }
        let network = SourceNetwork.of(address)
        if let problem = tooManyInstances(of: key, in: network, besides: join) {
            return refuse(peer, key, .tooMany, problem)
        }
        guard members[peer] != nil || members.count < WireLimits.members - 1 else {
            return refuse(peer, key, .tooMany, "the registry has \(members.count) members")
        }
        if let (other, member) = members.first(where: { $0.key != peer && isSame($0.value.join, join) }) {
            // Of two that run at once the first one keeps the name. Whether it still runs shows when it is spoken to:
            // a service that was started again finds its place free at its next try.
            // The roster shows incarnations to everybody, so the same one over another connection proves nothing while
            // the first connection beats.
            guard member.join.incarnation == join.incarnation, member.key == key,
                now.since(member.heard) > limits.takeover
            else {
                let detail =
                    "another \(join.role) \(join.name) runs with process \(member.join.process) at "
                    + "\(member.join.endpoint); give one of them another name"
                return [.send(Beat(incarnation: incarnation, figures: []), to: other)]
                    + refuse(peer, key, .nameTaken, detail)
            }
            // The same process over another connection: nothing has changed for the others.
            members[other] = nil
            members[peer] = member
            members[peer]!.heard = now
            // It listens where it did: nothing has changed for the others.
            return [.send(roster(now: now), to: peer)] + tellPolicies(now)
        }
        joins[key, default: 0] += 1
        guard joins[key]! <= limits.joins else { return [] }
        var actions: [Action] = []
        if let member = members[peer] { actions += [.left(describe(member, now: now), reason: "joined as another")] }
        members[peer] = Member(join: join, key: key, network: network, joined: time, heard: now)
        endSettlingIfComplete(now)
        actions.append(.joined(describe(members[peer]!, now: now)))
        return actions + announce(now)
    }

    /// What keeps one key from making another service join, for people; `nil` when nothing does.
    private func tooManyInstances(of key: PublicKey, in network: String, besides join: Join) -> String? {
        let others = members.values.filter { $0.key == key && !isSame($0.join, join) }
        if others.count >= limits.instances { return "\(others.count) services have joined with this key" }
        let count = others.count { $0.network == network }
        guard count >= limits.instancesInNetwork else { return nil }
        return "\(count) services have joined with this key from \(network.isEmpty ? "one address" : network)"
    }

    /// What is wrong with the host that others would connect to; `nil` when nothing is. A stolen key must not make them
    /// connect to any host of its holder's choice.
    private func hostProblem(_ join: Join, _ address: String) -> String? {
        guard let host = EndpointHost(endpoint: join.endpoint) else { return nil }
        let expected = [address] + policies.advertisedHosts
        guard !expected.contains(where: { host.isSameHost(as: EndpointHost($0)) }) else { return nil }
        return "it connects from \(address) and says that it is reached at \(host.text); name that host under "
            + "'advertise' in policy.yaml, or start it without --advertise"
    }

    private func isSame(_ left: Join, _ right: Join) -> Bool { left.role == right.role && left.name == right.name }

    private func refuse(
        _ peer: PeerID, _ key: PublicKey, _ reason: RefusalReason, _ detail: String
    ) -> [Action] {
        [.send(Refused(reason: reason, detail: detail), to: peer), .refused(key: key, reason: detail)]
    }

    private func notJoined(_ peer: PeerID) -> Action {
        .send(Refused(reason: .notJoined, detail: "join first"), to: peer)
    }

    private mutating func remove(_ peer: PeerID, _ reason: String, _ now: MonotonicTime) -> [Action] {
        guard let member = members.removeValue(forKey: peer) else { return [] }
        return [.left(describe(member, now: now), reason: reason)] + announce(now)
    }

    /// Tells everybody who is there now: at once, unless somebody comes and goes all the time.
    private mutating func announce(_ now: MonotonicTime) -> [Action] {
        generation += 1
        let cost = members.count * (members.count + 1)
        guard announcements < limits.announcements,
            announcements == 0 || announcedMembers + cost <= limits.announcedMembers
        else {
            isRosterDue = true
            return [.changed]
        }
        announcements += 1
        announcedMembers += cost
        return sendRoster(now)
    }

    private mutating func sendRoster(_ now: MonotonicTime) -> [Action] {
        isRosterDue = false
        let roster = roster(now: now)
        return members.keys.map { .send(roster, to: $0) } + [.changed] + tellPolicies(now)
    }

    /// Cameras and motion services are told what is another thing now.
    private mutating func tellPolicies(_ now: MonotonicTime) -> [Action] {
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
        // Until all had time to come back, whoever is there goes on with what it has.
        guard !isSettling(now) else { return actions }
        for (peer, duties) in spread(over: .motion, policies.motion) {
            let assignment = Assignment(cameras: duties)
            guard sentAssignments[peer] != assignment else { continue }
            sentAssignments[peer] = assignment
            actions.append(.send(assignment, to: peer))
        }
        // Where not all cameras are known by name, none is taken for gone.
        let admitted = policies.goneCameraKeep > 0 ? allowlist.cameras : nil
        let goneKeep = admitted == nil ? 0 : policies.goneCameraKeep
        for (peer, duties) in spread(over: .archive, policies.recording) {
            let recording = Recording(cameras: duties, goneKeep: goneKeep, admitted: admitted?.sorted() ?? [])
            guard sentRecordings[peer] != recording else { continue }
            sentRecordings[peer] = recording
            actions.append(.send(recording, to: peer))
        }
        return actions
    }

    /// Gives each camera to one of the services of a role (see `DutyTree`).
    private func spread<Duty>(over role: Role, _ duty: (Name) -> Duty?) -> [PeerID: [Duty]] {
        let services = members.filter { $0.value.join.role == role }
        guard !services.isEmpty else { return [:] }
        var duties: [PeerID: [Duty]] = services.mapValues { _ in [] }
        let confirmed = services.filter(\.value.isConfirmed)
        var tree = DutyTree<PeerID>()
        for (peer, member) in confirmed.isEmpty ? services : confirmed {
            tree.add(peer, key: member.key, network: member.network, name: member.join.name)
        }
        for camera in members.values.lazy.filter({ $0.join.role == .capture }).map(\.join.name).sorted() {
            guard let wanted = duty(camera), let owner = tree.owner(of: camera) else { continue }
            duties[owner]!.append(wanted)
        }
        return duties
    }

    private func entry(_ member: Member) -> Roster.Member {
        Roster.Member(
            role: member.join.role, incarnation: member.join.incarnation, key: member.key.bytes,
            name: member.join.name, endpoint: member.endpoint)
    }

    private func describe(_ member: Member, now: MonotonicTime) -> Status.Member {
        Status.Member(
            role: member.join.role, process: member.join.process, joined: member.joined,
            silence: UInt32(clamping: now.since(member.heard) / 1000), name: member.join.name,
            endpoint: member.endpoint, software: member.join.software, camera: member.camera,
            figures: member.figures)
    }
}

extension Join {
    /// Whether it is reached through the gateway alone.
    fileprivate var isRelayed: Bool { endpoint == Relay.endpoint }

    /// What is wrong with where the service says it is, for people; `nil` when nothing is.
    fileprivate var endpointProblem: String? {
        if role == .capture, name.text.contains(DedicatedEncoders.sign) {
            return "a camera's name has no \(DedicatedEncoders.sign): give it another one"
        }
        if isRelayed { return role == .capture || role == .archive ? nil : "nobody connects to \(role)" }
        if endpoint.isEmpty { return role == .capture ? "a capture must say where it is reached" : nil }
        // Others connect to it: only to what is an address of a host and a port.
        let parts = endpoint.split(separator: ":")
        guard endpoint.hasPrefix("tcp://"), let port = parts.last.flatMap({ UInt16($0) }), port > 0,
            Self.isHost(endpoint.dropFirst("tcp://".count).dropLast(parts.last!.count + 1))
        else { return "the endpoint '\(endpoint)' is not tcp://host:port" }
        return nil
    }

    /// Whether it is a name, an IPv4 address, or an IPv6 address in brackets.
    private static func isHost(_ text: Substring) -> Bool {
        let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
        let inner = isBracketed ? text.dropFirst().dropLast() : text
        let others: Set<Character> = isBracketed ? [":", ".", "%"] : [".", "-", "_"]
        return !inner.isEmpty && inner.utf8.count <= 253
            && inner.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || others.contains($0) }
    }

    /// A service that listens at every address of its host is reached at the one that it came from.
    fileprivate func reachable(at address: String) -> Join {
        let wildcards = ["tcp://0.0.0.0:", "tcp://[::]:", "tcp://*:"]
        guard !address.isEmpty, let wildcard = wildcards.first(where: endpoint.hasPrefix) else { return self }
        let host = address.contains(":") ? "[\(address)]" : address
        return Join(
            role: role, process: process, incarnation: incarnation, name: name,
            endpoint: "tcp://\(host):\(endpoint.dropFirst(wildcard.count))", software: software)
    }
}
