import SecamMesh
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamMotion

/// A motion service's flow from a camera, over real sockets.
@Suite struct CameraWatchTests {
    private func start(refusal: CloseReason? = nil) async throws -> FlowBench {
        try await FlowBench.start(refusal: refusal) { try TestedWatch($0) }
    }

    private func map(_ sequence: UInt64, _ rendition: Rendition = .luma) -> [UInt8] {
        let frame = Frame(
            flow: 1, rendition: rendition, format: rendition == .luma ? .gray8 : .jpeg, incarnation: 9,
            sequence: sequence, timestamp: Int64(sequence) * 100_000, width: 32, height: 32)
        return frame.encoded(payload: 1024) + [UInt8](repeating: 100, count: 1024)
    }

    @Test func `a camera that sends more maps than its credit loses the flow`() async throws {
        let bench = try await start()
        try await eventually("the flow is open") {
            await bench.refresh()
            return await !bench.opened.isEmpty
        }
        await bench.send((1...60).map { map($0) })
        try await eventually("the flow is closed") { await bench.closed.first?.reason == .shutdown }
        #expect(await bench.report.violations == [.beyondCredit])
        try await eventually("the flow is requested again") {
            await bench.refresh()
            return await bench.opened.count == 2
        }
        let maps = await bench.report.frames.count
        await bench.send([map(61)])
        try await eventually("a map arrives") { await bench.report.frames.count == maps + 1 }
        await bench.stop()
    }

    @Test func `a camera without luma maps is asked once, and reported once`() async throws {
        let bench = try await start(refusal: .noSuchContent)
        try await eventually("the camera refuses the flow") {
            await bench.refresh()
            return await !bench.report.refusals.isEmpty
        }
        let opened = await bench.opened.count
        for _ in 0..<50 { await bench.refresh() }
        // Sent behind any further OPEN.
        await bench.retry()
        try await eventually("the last message arrived") { await !bench.closed.isEmpty }
        #expect(await bench.opened.count == opened)
        #expect(await bench.report.refusals == [.noSuchContent])
        await bench.stop()
    }

    @Test func `maps of another flow are ignored, and one of another rendition is reported`() async throws {
        let bench = try await start()
        try await eventually("the flow is open") {
            await bench.refresh()
            return await !bench.opened.isEmpty
        }
        var other = map(1)
        other[10] = 7
        await bench.send([other, map(1, .sub), map(2)])
        try await eventually("the map arrives") { await bench.report.frames.count == 1 }
        #expect(await bench.report.violations == [.rendition(.sub, onFlowOf: .luma)])
        #expect(await bench.report.errors.isEmpty)
        await bench.stop()
    }
}

private final class TestedWatch: TestedFlow {
    private let watch: CameraWatch
    private(set) var report = FlowReport()

    init(_ socket: MeshSocket) throws {
        watch = CameraWatch(
            socket,
            assignment: Assignment.Camera(
                sensitivity: 50, mapsPerSecond: 10, smallestObject: 100, camera: try Name("porch"), zones: []))
    }

    var socket: MeshSocket { watch.socket }

    func refresh() { watch.refreshFlow() }

    func receive() {
        do throws(WireError) {
            try watch.receive(
                onRefusal: { report.refusals.append($0.reason) }, onViolation: { report.violations.append($0) })
        } catch {
            report.errors.append(error)
        }
        while report.frames.count < watch.maps { report.frames.append(UInt64(report.frames.count + 1)) }
    }

    func retry() { watch.close() }
}
