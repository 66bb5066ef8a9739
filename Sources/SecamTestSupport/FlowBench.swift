package import SecamMesh
package import SecamWire

/// A consumer's flow from a camera, for tests.
package protocol TestedFlow: AnyObject {
    var socket: MeshSocket { get }
    /// What the flow has reported.
    var report: FlowReport { get }
    /// Opens the flow, or keeps it open.
    func refresh()
    /// Receives the messages that have arrived.
    func receive()
    /// Reacts to a change of the camera.
    func retry()
}

extension TestedFlow {
    package func retry() {}
}

package struct FlowReport: Sendable {
    package var frames: [UInt64] = []
    package var refusals: [CloseReason] = []
    package var violations: [FlowViolation] = []
    package var errors: [WireError] = []

    package init() {}
}

/// A camera and a consumer's flow from it, on one loop. The consumer acts only when the test tells it to.
package actor FlowBench {
    private let loop: MeshLoop
    nonisolated package var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private let admission: ZAPHandler
    private let camera: MeshSocket
    private let flow: any TestedFlow
    private let refusal: CloseReason?
    private var peer: PeerID?
    /// What the camera received, in order.
    package private(set) var opened: [OpenFlow] = []
    package private(set) var closed: [CloseFlow] = []

    private init(
        _ loop: MeshLoop, refusal: CloseReason?, _ make: (MeshSocket) throws -> any TestedFlow
    ) throws {
        self.loop = loop
        self.refusal = refusal
        let pair = try MeshSocketPair()
        admission = pair.admission
        camera = pair.listening
        flow = try make(pair.connecting)
    }

    /// - Parameters:
    ///   - refusal: the camera's answer to each OPEN; `nil` if it accepts them.
    ///   - make: makes the flow from the consumer's socket.
    package static func start(
        refusal: CloseReason? = nil, _ make: @escaping @Sendable (MeshSocket) throws -> any TestedFlow
    ) async throws -> FlowBench {
        try await MeshLoop.start("test-flow") { loop in
            let bench = try FlowBench(loop, refusal: refusal, make)
            bench.assumeIsolated { $0.start() }
            return bench
        }
    }

    private func start() {
        loop.watch(admission)
        loop.watch(camera) { [weak self] in self?.assumeIsolated { $0.receiveAsCamera() } }
        loop.watch(flow.socket) { [weak self] in self?.assumeIsolated { $0.flow.receive() } }
    }

    package func stop() {
        loop.unwatch(camera)
        loop.unwatch(flow.socket)
        loop.unwatch(admission)
        loop.stop()
    }

    package var report: FlowReport { flow.report }

    package func refresh() { flow.refresh() }

    package func retry() { flow.retry() }

    /// Sends messages from the camera, back to back.
    package func send(_ messages: [[UInt8]]) {
        guard let peer else { return }
        for message in messages { _ = camera.send(MeshMessage(message), to: peer) }
    }

    private func receiveAsCamera() {
        while let received = camera.receive() {
            peer = received.peer
            received.message.withBytes { bytes in
                guard let envelope = try? Envelope.readWhole(bytes, limit: WireLimits.meshMessage) else { return }
                if envelope.type == .closeFlow, let close = try? CloseFlow.decode(bytes, envelope) {
                    closed.append(close)
                }
                guard envelope.type == .openFlow, let open = try? OpenFlow.decode(bytes, envelope) else { return }
                opened.append(open)
                if let refusal { send([CloseFlow(flow: open.flow, reason: refusal).encoded()]) }
            }
        }
    }
}
