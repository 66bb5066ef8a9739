import Logging
package import SecamMesh
package import SecamRegistry
package import SecamWire

/// A mesh member that connects to every camera and sends it arbitrary messages.
package actor TestMember {
    private let loop: MeshLoop
    nonisolated package var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private let member: MeshMember
    private var sockets: [Name: MeshSocket] = [:]
    /// Whole messages from cameras, in order.
    package private(set) var received: [MeshMessage] = []
    /// The socket for other services, when it listens.
    private var listener: MeshSocket?
    /// The peers that have sent something to the listener.
    private var visitors: Set<PeerID> = []
    private var timers: [LoopTimer] = []
    /// Itself until `stop`, because the loop's thread calls it until then, also after a test that failed early.
    private var running: TestMember?
    /// Returns the immediate answer to a message from a camera or from a peer of the listener.
    private var answer: (@Sendable (MeshMessage) -> (any WireMessage)?)?

    private init(_ identity: Identity, name: Name, loop: MeshLoop) throws {
        self.loop = loop
        member = try MeshMember(
            identity, name: name, loop: loop, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Joins with a new key for this role.
    package static func join(
        _ folder: DataFolder, _ role: Role, _ name: String, registry: String,
        answer: (@Sendable (MeshMessage) -> (any WireMessage)?)? = nil
    ) async throws -> TestMember {
        let file = folder.joinFile(role, name)
        return try await join(try Identity.read(file, registry: registry, role: role), name, answer: answer)
    }

    /// Joins with an existing identity, under any name.
    ///
    /// - Parameter isListening: whether it advertises an endpoint to other services.
    package static func join(
        _ identity: Identity, _ name: String, isListening: Bool = false,
        answer: (@Sendable (MeshMessage) -> (any WireMessage)?)? = nil
    ) async throws -> TestMember {
        try await MeshLoop.start("test-member") { loop in
            let made = try TestMember(identity, name: Name(name), loop: loop)
            try made.assumeIsolated { try $0.start(answer, isListening: isListening) }
            return made
        }
    }

    package func stop() {
        for timer in timers { timer.cancel() }
        for socket in sockets.values { loop.unwatch(socket) }
        sockets = [:]
        if let listener { loop.unwatch(listener) }
        member.stop()
        loop.stop()
        running = nil
    }

    package func isConnected(to camera: String) -> Bool { sockets.keys.contains { $0.text == camera } }

    /// Sends to a camera; returns `false` while it is unreachable.
    package func send(_ message: MeshMessage, to camera: String) -> Bool {
        sockets.first { $0.key.text == camera }?.value.send(message) == .sent
    }

    /// Sends messages back to back, independent of the machine's load; returns `false` if one could not be sent.
    package func send(all messages: [[UInt8]], to camera: String) -> Bool {
        messages.allSatisfy { send(MeshMessage($0), to: camera) }
    }

    package func send(_ message: some WireMessage, to camera: String) -> Bool {
        send(MeshMessage(message), to: camera)
    }

    /// Sends to all peers that have sent something to the listener.
    package func sendToVisitors(_ messages: [MeshMessage]) {
        for peer in visitors {
            for message in messages { listener?.send(message, to: peer) }
        }
    }

    /// Reports the state of the camera that this member represents.
    package func report(_ report: CameraReport) { member.report(report) }

    private func start(_ answer: (@Sendable (MeshMessage) -> (any WireMessage)?)?, isListening: Bool) throws {
        self.answer = answer
        if isListening {
            let listener = try member.listen(at: "tcp://127.0.0.1:*", advertised: nil)
            self.listener = listener
            loop.watch(listener) { [weak self] in self?.assumeIsolated { $0.answerOthers() } }
        }
        member.onRoster = { [weak self] added, removed in
            self?.assumeIsolated { $0.adopt(added: added, removed: removed) }
        }
        try member.start()
        running = self
    }

    /// Keeps a flow open, as a consumer must, until the member stops.
    package func keep(_ flow: UInt32, of camera: String) {
        let timer = loop.makeTimer { [weak self] in
            self?.assumeIsolated { _ = $0.send(Credit(flow: flow, frames: 0), to: camera) }
        }
        timer.schedule(every: .milliseconds(500))
        timers.append(timer)
    }

    private func adopt(added: [Roster.Member], removed: [Roster.Member]) {
        for old in removed where old.role == .capture {
            if let socket = sockets.removeValue(forKey: old.name) { loop.unwatch(socket) }
        }
        for new in added where new.role == .capture && !new.endpoint.isEmpty {
            guard let socket = try? member.connect(to: new) else { continue }
            sockets[new.name] = socket
            loop.watch(socket) { [weak self] in self?.assumeIsolated { $0.receive(new.name) } }
        }
    }

    private func answerOthers() {
        while let next = listener?.receive() {
            guard let peer = next.peer else { continue }
            visitors.insert(peer)
            if let reply = answer?(next.message) { listener?.send(MeshMessage(reply), to: peer) }
        }
    }

    private func receive(_ camera: Name) {
        while let next = sockets[camera]?.receive() {
            received.append(next.message)
            if let reply = answer?(next.message) { sockets[camera]?.send(MeshMessage(reply)) }
        }
    }
}
