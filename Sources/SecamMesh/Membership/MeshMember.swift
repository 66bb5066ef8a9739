import Glibc
package import Logging
import SecamBase
import SecamProcess
package import SecamWire

/// A service's member of the mesh: its loop, its keys, its connection to the registry, and the roster.
///
/// It belongs to its loop's thread and reports changes through closures.
package final class MeshMember {
    package let loop: MeshLoop
    package let context: MeshContext
    package let keys: KeyPair
    package let name: Name
    package let incarnation: UInt64
    /// Returns the figures for the beat; called once a second.
    package var figures: () -> [Figure] = { [] }
    /// Returns the cameras that this archive should record but cannot, for the beat.
    package var failing: () -> [Name] = { [] }
    /// Returns the explanations of the problems in the figures, for the beat.
    package var causes: () -> [Cause] = { [] }
    /// Called with members that are new or restarted, and members that have left.
    package var onRoster: (_ added: [Roster.Member], _ removed: [Roster.Member]) -> Void = { _, _ in }
    package var onPolicy: (Policy) -> Void = { _ in }
    package var onAssignment: (Assignment) -> Void = { _ in }
    package var onRecording: (Recording) -> Void = { _ in }
    /// The largest message that an encoder may send to this camera, bytes.
    package var largestResult = WireLimits.meshMessage

    private let role: Role
    private let logger: Logger
    private let identity: Identity
    private var registry: MeshSocket?
    private var listener: MeshSocket?
    private var membership: Membership
    private var refusedKeys = RefusedKeys()
    private var admission: ZAPHandler?
    private var timer: LoopTimer?
    private var health = HealthFile.configured
    private var dialer: RelayDialer?
    private var currentFigures: [Figure] = []
    private var lastFigures = MonotonicTime.now
    /// Interval at which figures are published while the registry is away.
    private static let figureInterval = Duration.seconds(1)

    /// Creates a member. Call it on the loop's thread.
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

    /// Opens the socket at which members of the roster reach this service. Call it before `start`.
    ///
    /// - Parameter advertised: the endpoint told to other services, for a service behind NAT; by default the endpoint
    ///   itself.
    package func listen(at endpoint: String, advertised: String?) throws(MeshError) -> MeshSocket {
        let admission = try ZAPHandler(
            context,
            isAdmitted: { [unowned self] key in membership.members.contains { $0.key == key.bytes } },
            onRefusal: { [unowned self] key, address in logRefusal(key, address) })
        loop.watch(admission)
        self.admission = admission
        let socket = try MeshSocket.listen(admission: admission, endpoint: endpoint, keys: keys)
        socket.setLargestMessage { [unowned self] key in role(of: key) == .encode ? largestResult : nil }
        socket.onConnectionClosed { [unowned self] reason, key, address in logClosing(reason, key, address) }
        listener = socket
        if let relay = identity.relay {
            dialer = RelayDialer(relay: relay, ownEndpoint: socket.endpoint, logger: logger)
        }
        let advertisedEndpoint = identity.relay == nil ? advertised ?? socket.endpoint : Relay.endpoint
        membership = Membership(MeshMember.join(identity, name, incarnation, endpoint: advertisedEndpoint))
        return socket
    }

    /// Connects to the registry and joins, retrying until it succeeds.
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

    /// Leaves the registry and disconnects.
    package func stop() {
        timer?.cancel()
        guard let registry else { return }
        registry.send(Leave())
        loop.unwatch(registry)
        self.registry = nil
        listener = nil
        if let admission { loop.unwatch(admission) }
    }

    /// Reports the camera's state to the registry.
    package func report(_ report: CameraReport) { apply(membership.report(report)) }

    /// Returns the role of a key's holder; `nil` for a key that is not on the roster.
    package func role(of key: PublicKey) -> Role? { holder(of: key)?.role }

    /// Returns the member with this key; `nil` for a key that is not on the roster.
    package func holder(of key: PublicKey) -> Roster.Member? { membership.members.first { $0.key == key.bytes } }

    /// Returns a connection to another member, which must listen.
    ///
    /// - Parameter messageLimit: maximum size of a received message, bytes.
    package func connect(
        to member: Roster.Member, messageLimit: Int = WireLimits.frameMessage
    ) throws(MeshError) -> MeshSocket {
        guard let key = PublicKey(bytes: member.key) else { preconditionFailure("a roster's keys have 32 bytes") }
        let endpoint = Relay.resolve(member.endpoint, registry: identity.registry)
        return try MeshSocket.connect(
            context, endpoint: endpoint, serverKey: key, keys: keys, messageLimit: messageLimit)
    }

    private func logRefusal(_ key: PublicKey?, _ address: String) {
        let isNew = refusedKeys.isNew(key, now: .now)
        logger.log(
            level: isNew ? .info : .warning, "connection refused",
            metadata: [
                "reason": "key not on the roster", "key": "\(key?.description ?? "none")", "address": "\(address)",
            ])
    }

    private func logClosing(_ reason: String, _ key: PublicKey?, _ address: String) {
        logger.warning(
            "connection closed",
            metadata: ["reason": "\(reason)", "key": "\(key?.description ?? "none")", "address": "\(address)"])
    }

    private func tick() {
        let now = MonotonicTime.now
        let isJoined = membership.isJoined
        if isJoined || now - lastFigures >= MeshMember.figureInterval {
            lastFigures = now
            currentFigures = figures()
            FigureStore.shared.publish(currentFigures)
        }
        apply(
            membership.tick(
                figures: currentFigures, failing: isJoined ? failing() : [], causes: isJoined ? causes() : [], now: now)
        )
        health?.record(membership.isJoined ? .ready : .alone, now: .now)
        timer?.schedule(after: membership.isJoined ? .milliseconds(250) : .milliseconds(50))
    }

    private func receive() {
        while let received = registry?.receive() {
            do throws(WireError) {
                apply(
                    try received.message.withBytes { (bytes) throws(WireError) in
                        try membership.receive(bytes, now: .now)
                    })
            } catch {
                logger.warning("message rejected", metadata: ["sender": "registry", "reason": "\(error)"])
            }
        }
    }

    private func apply(_ actions: [Membership.Action]) {
        for action in actions {
            switch action {
            case .send(let message):
                if registry?.send(MeshMessage(message)) == .unreachable { membership.recordUnreachable() }
            case .roster(let added, let removed):
                if !removed.isEmpty { listener?.closeConnections { holder(of: $0) == nil } }
                onRoster(added, removed)
            case .policy(let policy): onPolicy(policy)
            case .assignment(let assignment): onAssignment(assignment)
            case .recording(let recording): onRecording(recording)
            case .call(let call): dialer?.answer(call)
            case .joined: logger.info("joined", metadata: ["registry": "\(identity.registry)"])
            case .lostRegistry(let silence):
                logger.warning(
                    "registry unreachable",
                    metadata: [
                        "registry": "\(identity.registry)", "silent-milliseconds": "\(silence.milliseconds)",
                        "remedy": "check the address, and this key with: secam keys list",
                    ])
            case .refused(let reason, let detail):
                logger.error("join refused", metadata: ["reason": "\(reason)", "detail": "\(detail)"])
            }
        }
    }

    private static func join(_ identity: Identity, _ name: Name, _ incarnation: UInt64, endpoint: String) -> Join {
        Join(
            role: identity.role, process: UInt32(getpid()), incarnation: incarnation, name: name, endpoint: endpoint,
            software: softwareVersion)
    }
}
