import SecamMesh
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamGateway

/// The gateway's flow from a camera, over real sockets.
@Suite struct GatewayCameraFlowTests {
    @Test func `a camera with huge frames gets credit for a few per second`() async throws {
        let camera = try await HugeFrames.start(bytes: 500_000)
        try await eventually("frames arrive, and the flow is refreshed several times") {
            let (frames, refreshes) = await camera.counts
            return frames >= 10 && refreshes >= 5
        }
        let (frames, refreshes) = await camera.counts
        // The first window is sent before the frame size is known.
        #expect(frames <= Int(GatewayCameraFlow.window) + 3 * refreshes, "\(frames) frames, \(refreshes) refreshes")
        await camera.stop()
    }

    private func start(_ content: FlowContent, refusal: CloseReason? = nil) async throws -> FlowBench {
        let bench = try await FlowBench.start(refusal: refusal) { TestedCameraFlow($0, content) }
        try await eventually("the flow is requested") {
            await bench.refresh()
            return await !bench.opened.isEmpty
        }
        return bench
    }

    private func frame(_ sequence: UInt64, flow: UInt32 = 1, _ rendition: Rendition = .jpeg) -> [UInt8] {
        Frame(
            flow: flow, rendition: rendition, format: .jpeg, incarnation: 9, sequence: sequence, timestamp: 1,
            width: 64, height: 48
        ).encoded(payload: 0)
    }

    @Test func `a camera that sends more frames than its credit loses the flow`() async throws {
        let bench = try await start(.jpeg)
        await bench.send((1...200).map { frame($0) })
        try await eventually("the flow is closed") { await bench.closed.first?.reason == .shutdown }
        #expect(await bench.report.violations == [.beyondCredit])
        try await eventually("the flow is requested again") {
            await bench.refresh()
            return await bench.opened.count == 2
        }
        await bench.send([frame(201)])
        try await eventually("a frame arrives") { await bench.report.frames.last == 201 }
        await bench.stop()
    }

    @Test func `a camera without a rendition is asked again only after a change`() async throws {
        let bench = try await start(.sub, refusal: .noSuchContent)
        try await eventually("the refusal arrives") { await bench.report.refusals == [.noSuchContent] }
        for _ in 0..<50 { await bench.refresh() }
        await bench.retry()
        await bench.refresh()
        try await eventually("the flow is requested again") { await bench.report.refusals.count == 2 }
        #expect(await bench.opened.count == 2)
        await bench.stop()
    }

    @Test func `frames of another rendition and of lower numbers are reported and not used`() async throws {
        let bench = try await start(.jpeg)
        await bench.send([frame(60), frame(61, .sub), frame(10), frame(61), frame(62, flow: 2), frame(62)])
        try await eventually("the last frame arrives") { await bench.report.frames.last == 62 }
        #expect(await bench.report.frames == [60, 61, 62])
        #expect(await bench.report.violations == [.rendition(.sub, onFlowOf: .jpeg), .order(10, after: 60)])
        #expect(await bench.report.errors.isEmpty)
        await bench.stop()
    }
}

private final class TestedCameraFlow: TestedFlow {
    private let flow: GatewayCameraFlow
    private(set) var report = FlowReport()

    init(_ socket: MeshSocket, _ content: FlowContent) {
        flow = GatewayCameraFlow(socket, number: 1, content: content)
    }

    var socket: MeshSocket { flow.socket }

    func refresh() { flow.refresh() }

    func retry() { flow.retry() }

    func receive() {
        do throws(WireError) {
            try flow.receive(
                { report.frames.append($1.sequence) }, onEvent: { _, _ in },
                onRefusal: { report.refusals.append($0.reason) }, onViolation: { report.violations.append($0) })
        } catch {
            report.errors.append(error)
        }
    }
}

/// A camera that sends a frame per credit, and the gateway's flow from it, on one loop.
private actor HugeFrames {
    private let loop: MeshLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private let payload: [UInt8]
    private let camera: MeshSocket
    private let admission: ZAPHandler
    private let flow: GatewayCameraFlow
    private var timer: LoopTimer?
    private var sequence: UInt64 = 0
    private var frames = 0
    private var refreshes = 0

    private init(_ bytes: Int, loop: MeshLoop) throws {
        self.loop = loop
        payload = [UInt8](repeating: 1, count: bytes)
        let pair = try MeshSocketPair()
        admission = pair.admission
        camera = pair.listening
        flow = GatewayCameraFlow(pair.connecting, number: 1, content: .jpeg, byteLimit: 1_000_000)
    }

    static func start(bytes: Int) async throws -> HugeFrames {
        try await MeshLoop.start("test-huge") { loop in
            let made = try HugeFrames(bytes, loop: loop)
            made.assumeIsolated { $0.listen() }
            return made
        }
    }

    var counts: (frames: Int, refreshes: Int) { (frames, refreshes) }

    func stop() {
        timer?.cancel()
        loop.unwatch(camera)
        loop.unwatch(flow.socket)
        loop.unwatch(admission)
        loop.stop()
    }

    private func listen() {
        loop.watch(admission)
        loop.watch(camera) { [weak self] in self?.assumeIsolated { $0.receiveAsCamera() } }
        loop.watch(flow.socket) { [weak self] in self?.assumeIsolated { $0.receiveAsGateway() } }
        let timer = loop.makeTimer { [weak self] in self?.assumeIsolated { $0.refresh() } }
        timer.schedule(every: .milliseconds(100))
        self.timer = timer
        refresh()
    }

    private func refresh() {
        if flow.refresh(), frames > 0 { refreshes += 1 }
    }

    private func receiveAsGateway() {
        try? flow.receive({ _, _ in frames += 1 }, onEvent: { _, _ in }, onRefusal: { _ in }, onViolation: { _ in })
    }

    private func receiveAsCamera() {
        while let received = camera.receive() {
            let credit = received.message.withBytes { bytes -> UInt32 in
                guard let envelope = try? Envelope.readWhole(bytes, limit: WireLimits.meshMessage) else { return 0 }
                if let open = try? OpenFlow.decode(bytes, envelope) { return open.credit }
                return (try? Credit.decode(bytes, envelope).frames) ?? 0
            }
            guard let peer = received.peer else { continue }
            for _ in 0..<credit {
                sequence += 1
                let frame = Frame(
                    flow: 1, rendition: .jpeg, format: .jpeg, incarnation: 9, sequence: sequence, timestamp: 1,
                    width: 64, height: 48)
                _ = camera.send(MeshMessage(frame.encoded(payload: payload.count), payload: payload[...]), to: peer)
            }
        }
    }
}
