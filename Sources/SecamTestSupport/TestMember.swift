import Logging
package import SecamMesh
package import SecamRegistry
package import SecamWire

/// A member of the mesh that connects to every camera and says to it whatever a test wants.
package actor TestMember {
    private let loop: MeshLoop
    nonisolated package var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private let member: MeshMember
    private var sockets: [Name: MeshSocket] = [:]
    /// What cameras have sent, whole messages in order.
    package private(set) var received: [MeshMessage] = []
    /// Where others reach it, when it listens.
    private var listener: MeshSocket?
    /// Who has sent something to this member while it listened.
    private var visitors: Set<PeerID> = []
    private var timers: [LoopTimer] = []
    /// Answers at once to what comes from a camera, or from who connects to this member.
    private var answer: (@Sendable (MeshMessage) -> (any WireMessage)?)?

    private init(_ identity: Identity, name: Name, loop: MeshLoop) throws {
        self.loop = loop
        member = try MeshMember(
            identity, name: name, loop: loop, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Joins with a new key of this role.
    package static func join(
        _ folder: DataFolder, _ role: Role, _ name: String, registry: String,
        answer: (@Sendable (MeshMessage) -> (any WireMessage)?)? = nil
    ) async throws -> TestMember {
        let file = folder.joinFile(role, name)
        return try await join(try Identity.read(file, registry: registry, role: role), name, answer: answer)
    }

    /// Joins with a key of which the test has the join file, under any name.
    ///
    /// - Parameter isListening: whether others are told where to reach it.
    package static func join(
        _ identity: Identity, _ name: String, isListening: Bool = false,
        answer: (@Sendable (MeshMessage) -> (any WireMessage)?)? = nil
    ) async throws -> TestMember {
        let loop = MeshLoop(name: "test-member")
        return try await withCheckedThrowingContinuation { continuation in
            loop.post {
                continuation.resume(
                    with: Result {
                        let made = try TestMember(identity, name: Name(name), loop: loop)
                        try made.assumeIsolated { try $0.begin(answer, isListening: isListening) }
                        return made
                    })
            }
        }
    }

    package func stop() {
        for timer in timers { timer.cancel() }
        for socket in sockets.values { loop.unwatch(socket) }
        sockets = [:]
        if let listener { loop.unwatch(listener) }
        member.stop()
        loop.stop()
    }

    package func isConnected(to camera: String) -> Bool { sockets.keys.contains { $0.text == camera } }

    /// Sends to a camera; `false` while it cannot be reached.
    package func send(_ message: MeshMessage, to camera: String) -> Bool {
        sockets.first { $0.key.text == camera }?.value.send(message) == .sent
    }

    /// Sends them one right behind the other, whatever else the machine has to do; `false` when one could not be sent.
    package func send(all messages: [[UInt8]], to camera: String) -> Bool {
        messages.allSatisfy { send(MeshMessage($0), to: camera) }
    }

    package func send(_ message: some WireMessage, to camera: String) -> Bool {
        send(MeshMessage(message), to: camera)
    }

    /// Sends to all who have sent something to this member while it listened.
    package func sendToVisitors(_ messages: [MeshMessage]) {
        for peer in visitors {
            for message in messages { listener?.send(message, to: peer) }
        }
    }

    /// Tells the registry the state of the camera that this member is.
    package func report(_ report: CameraReport) { member.report(report) }

    private func begin(_ answer: (@Sendable (MeshMessage) -> (any WireMessage)?)?, isListening: Bool) throws {
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
    }

    /// Says again and again that a flow is still needed, as a consumer must, until the member stops.
    package func keep(_ flow: UInt32, of camera: String) {
        let timer = loop.makeTimer { [weak self] in
            self?.assumeIsolated { _ = $0.send(Credit(flow: flow, frames: 0), to: camera) }
        }
        timer.schedule(everyMicroseconds: 500_000)
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
