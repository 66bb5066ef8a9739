import Glibc
package import Logging
import SecamBase
import SecamProcess
package import SecamWire

/// A service's place in the mesh: its loop, its keys, its connection to the registry and what it knows of the others.
///
/// It belongs to its loop's thread; the service is told of changes through the closures.
package final class MeshMember {
    package let loop: MeshLoop
    package let context: MeshContext
    package let keys: KeyPair
    package let name: Name
    package let incarnation: UInt64
    /// What the last beat says; asked for once a second.
    package var figures: () -> [Figure] = { [] }
    /// Cameras that this archive is to record and cannot, for the beat.
    package var failing: () -> [Name] = { [] }
    /// Why figures tell of problems, for the beat.
    package var causes: () -> [Cause] = { [] }
    /// Members that are new or started anew, and members that are gone.
    package var onRoster: (_ added: [Roster.Member], _ removed: [Roster.Member]) -> Void = { _, _ in }
    package var onPolicy: (Policy) -> Void = { _ in }
    package var onAssignment: (Assignment) -> Void = { _ in }
    package var onRecording: (Recording) -> Void = { _ in }

    private let role: Role
    private let logger: Logger
    private let identity: Identity
    private var registry: MeshSocket?
    private var listener: MeshSocket?
    private var membership: Membership
    private var admission: ZAPHandler?
    private var timer: LoopTimer?
    private var health = HealthFile.ours
    private var dialer: RelayDialer?
    private var currentFigures: [Figure] = []
    private var lastFigures = MonotonicTime.now
    /// Microseconds between two looks at the figures while the registry is away.
    private static let figureInterval: Int64 = 1_000_000

    /// Called on the loop's thread.
    package init(_ identity: Identity, name: Name, loop: MeshLoop, logger: Logger) throws(MeshError) {
        self.identity = identity
        self.loop = loop
        self.logger = logger
        self.name = name
        keys = identity.keys
        role = identity.role
        context = try MeshContext()
        incarnation = UInt64.random(in: 1...UInt64.max)
        membership = Membership(MeshMember.join(identity, name, incarnation, endpoint: ""))
    }

    /// Opens the socket at which members of the roster reach this service, before `start`.
    ///
    /// - Parameters:
    ///   - advertised: what others are told instead of the endpoint, as behind a translated address.
    package func listen(at endpoint: String, advertised: String?) throws(MeshError) -> MeshSocket {
        let admission = try ZAPHandler(
            context,
            isAdmitted: { [unowned self] key in membership.members.contains { $0.key == key.bytes } },
            onRefusal: { [unowned self] key, address in noteRefusal(key, address) })
        loop.watch(admission)
        self.admission = admission
        let socket = try MeshSocket.listen(admission: admission, endpoint: endpoint, keys: keys)
        socket.setLargeSenders { [unowned self] key in role(of: key) == .encode }
        socket.onConnectionClosed { [unowned self] reason, key, address in noteClosing(reason, key, address) }
        listener = socket
        if let relay = identity.relay {
            dialer = RelayDialer(relay: relay, own: socket.endpoint, logger: logger)
        }
        let told = identity.relay == nil ? advertised ?? socket.endpoint : Relay.endpoint
        membership = Membership(MeshMember.join(identity, name, incarnation, endpoint: told))
        return socket
    }

    /// Connects to the registry and joins, again and again until it succeeds.
    package func start() throws(MeshError) {
        let socket = try MeshSocket.connect(
            context, endpoint: identity.registry, serverKey: identity.registryKey, keys: keys,
            messageLimit: WireLimits.meshMessage)
        registry = socket
        loop.watch(socket) { [unowned self] in receive() }
        let timer = loop.makeTimer { [unowned self] in tick() }
        self.timer = timer
        tick()
    }

    /// Leaves at once and lets go of the registry.
    package func stop() {
        timer?.cancel()
        guard let registry else { return }
        registry.send(Leave())
        loop.unwatch(registry)
        self.registry = nil
        listener = nil
        if let admission { loop.unwatch(admission) }
    }

    /// The camera's state has changed.
    package func report(_ report: CameraReport) { perform(membership.report(report)) }

    /// The role of a key's holder, as the registry knows it; `nil` for who is not on the roster.
    package func role(of key: PublicKey) -> Role? { holder(of: key)?.role }

    /// Who on the roster has this key.
    package func holder(of key: PublicKey) -> Roster.Member? { membership.members.first { $0.key == key.bytes } }

    /// A connection to another member that listens.
    package func connect(to member: Roster.Member) throws(MeshError) -> MeshSocket {
        guard let key = PublicKey(bytes: member.key) else { preconditionFailure("a roster's keys have 32 bytes") }
        let endpoint = Relay.resolve(member.endpoint, registry: identity.registry)
        return try MeshSocket.connect(context, endpoint: endpoint, serverKey: key, keys: keys)
    }

    private func noteRefusal(_ key: PublicKey?, _ address: String) {
        logger.warning(
            "connection refused",
            metadata: [
                "reason": "key not on the roster", "key": "\(key?.description ?? "none")", "address": "\(address)",
            ])
    }

    private func noteClosing(_ reason: String, _ key: PublicKey?, _ address: String) {
        logger.warning(
            "connection closed",
            metadata: ["reason": "\(reason)", "key": "\(key?.description ?? "none")", "address": "\(address)"])
    }

    private func tick() {
        let now = MonotonicTime.now
        let isJoined = membership.isJoined
        if isJoined || now.since(lastFigures) >= MeshMember.figureInterval {
            lastFigures = now
            currentFigures = figures()
            FigureStore.ours.publish(currentFigures)
        }
        perform(
            membership.tick(
                figures: currentFigures, failing: isJoined ? failing() : [], causes: isJoined ? causes() : [], now: now)
        )
        health?.note(membership.isJoined ? .ready : .alone, now: .now)
        timer?.schedule(afterMicroseconds: membership.isJoined ? 250_000 : 50_000)
    }

    private func receive() {
        while let received = registry?.receive() {
            do throws(WireError) {
                perform(
                    try received.message.withBytes { (bytes) throws(WireError) in
                        try membership.receive(bytes, now: .now)
                    })
            } catch {
                logger.warning("message rejected", metadata: ["sender": "registry", "reason": "\(error)"])
            }
        }
    }

    private func perform(_ actions: [Membership.Action]) {
        for action in actions {
            switch action {
            case .send(let message):
                if registry?.send(MeshMessage(message)) == .unreachable { membership.noteUnreachable() }
            case .roster(let added, let removed):
                if !removed.isEmpty { listener?.closeConnections { holder(of: $0) == nil } }
                onRoster(added, removed)
            case .policy(let policy): onPolicy(policy)
            case .assignment(let assignment): onAssignment(assignment)
            case .recording(let recording): onRecording(recording)
            case .call(let call): dialer?.answer(call)
            case .joined: logger.info("joined", metadata: ["registry": "\(identity.registry)"])
            case .lostRegistry(let milliseconds):
                logger.warning(
                    "the registry does not answer; is the address right, and this key admitted (secam keys list)?",
                    metadata: ["registry": "\(identity.registry)", "milliseconds": "\(milliseconds)"])
            case .refused(let reason, let detail):
                logger.error("the registry refused us", metadata: ["reason": "\(reason)", "detail": "\(detail)"])
            }
        }
    }

    private static func join(_ identity: Identity, _ name: Name, _ incarnation: UInt64, endpoint: String) -> Join {
        Join(
            role: identity.role, process: UInt32(getpid()), incarnation: incarnation, name: name, endpoint: endpoint,
            software: softwareVersion)
    }
}
