import Logging
import SecamBase
import SecamMesh
import SecamRecording
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamArchive

/// An archive's flows from a camera that sends extreme numbers, over real sockets and to a real disk. A trap ends the
/// test.
@Suite struct HostileCameraTests {
    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func `a camera with extreme numbers crashes neither its archive nor a reader of the index`(seed: UInt64)
        async throws
    {
        let scratch = try ScratchFolder()
        let folder = RecordingFolder(scratch.file("recordings"))
        let archive = try await HostileCamera.start(folder, seed: seed)
        try await eventually("the camera has sent all messages") { await archive.isDone }
        await archive.stop()
        let index = try RecordingIndex(folder)
        for gap in try index.gaps(of: nil, from: .min, to: .max) { #expect(gap.frames <= WireLimits.sequence + 1) }
        let reader = RecordingReader(index, camera: try Name("porch"), from: .min, to: .max, interval: .zero)
        while try reader.next() != nil {}
    }

    @Test func `gaps that are not recorded yet are limited, since they need no credit`() async throws {
        let scratch = try ScratchFolder()
        // Its writer does not report the gaps that it has recorded.
        let archive = try await HostileCamera.start(RecordingFolder(scratch.file("recordings")), seed: nil)
        let ranges = try (1...1000 as ClosedRange<UInt64>).map { try #require(SequenceRange(2 * $0, through: 2 * $0)) }
        try await archive.send(gaps: ranges)
        try await eventually("the flow is closed") { await archive.isFlowClosed }
        #expect(await archive.missed == 256)
        await archive.stop()
    }

    @Test func `a camera without events is asked once, and cannot be recorded on motion`() async throws {
        let scratch = try ScratchFolder()
        let folder = RecordingFolder(scratch.file("recordings"))
        let bench = try await FlowBench.start(refusal: .noSuchContent) { socket in
            try TestedArchiveFlow(socket, folder)
        }
        try await eventually("the refusals arrive") {
            await bench.refresh()
            return await bench.report.refusals.count == 1
        }
        for _ in 0..<50 { await bench.refresh() }
        // Sent behind any further OPEN.
        await bench.retry()
        try await eventually("the last message arrives") { await bench.opened.contains { $0.content == .jpeg } }
        #expect(await bench.opened.filter { $0.content == .events }.count == 1)
        #expect(await bench.report.frames == [1], "events are missing")
        await bench.stop()
    }

    @Test func `gaps that overlap and reach up to the largest number are counted once`() async throws {
        let scratch = try ScratchFolder()
        let archive = try await HostileCamera.start(RecordingFolder(scratch.file("recordings")), seed: nil)
        let largest = WireLimits.sequence
        let ranges = [(1, largest), (1, largest), (largest, largest), (0, 5)] as [(UInt64, UInt64)]
        try await archive.send(
            gaps: ranges.map { try #require(SequenceRange($0.0, through: $0.1)) })
        try await eventually("the gaps are counted") { await archive.missed == largest }
        await archive.stop()
    }
}

/// An archive's flows that record on motion.
private final class TestedArchiveFlow: TestedFlow {
    private let flow: ArchiveCameraFlows
    private let writer: Writer
    private var rule: Recording.Camera
    private(set) var report = FlowReport()

    init(_ socket: MeshSocket, _ folder: RecordingFolder) throws {
        let index = try RecordingIndex(folder)
        writer = try HostileCamera.writer(index, folder)
        rule = HostileCamera.rule(.motion, try Name("porch"))
        flow = try ArchiveCameraFlows(
            Roster.Member(
                role: .capture, incarnation: 9, key: [UInt8](repeating: 1, count: 32), name: rule.camera, endpoint: ""),
            socket: socket, rule: rule, index: index, writer: writer, rateLimit: CameraRateLimit(now: .now))
    }

    deinit { writer.stop() }

    var socket: MeshSocket { flow.socket }

    func refresh() { flow.refresh() }

    /// Requests frames too.
    func retry() { flow.apply(HostileCamera.rule(.both, rule.camera)) }

    func receive() {
        do throws(WireError) {
            try flow.receive(
                onRefusal: { close, _ in report.refusals.append(close.reason) },
                onViolation: { report.violations.append($0) })
        } catch {
            report.errors.append(error)
        }
        if flow.missingContent == .events { report.frames = [1] }
    }
}

/// A camera and the archive's flows from it, on one loop.
private actor HostileCamera {
    private static let messages = 2000

    private let loop: MeshLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private let camera: MeshSocket
    private let admission: ZAPHandler
    private let flow: ArchiveCameraFlows
    private let writer: Writer
    private var random: SeededGenerator?
    private var timer: LoopTimer?
    private var peer: PeerID?
    private var opened: [FlowContent: UInt32] = [:]
    private var sent = 0
    private(set) var isFlowClosed = false

    private init(_ folder: RecordingFolder, seed: UInt64?, loop: MeshLoop) throws {
        self.loop = loop
        random = seed.map { SeededGenerator(seed: $0) }
        let name = try Name("porch")
        let pair = try MeshSocketPair()
        admission = pair.admission
        camera = pair.listening
        let index = try RecordingIndex(folder)
        writer = try Self.writer(index, folder)
        let rule = Self.rule(.both, name)
        flow = try ArchiveCameraFlows(
            Roster.Member(
                role: .capture, incarnation: 9, key: pair.key.bytes, name: name, endpoint: camera.endpoint),
            socket: pair.connecting, rule: rule, index: index, writer: writer, rateLimit: CameraRateLimit(now: .now))
    }

    static func writer(_ index: RecordingIndex, _ folder: RecordingFolder) throws -> Writer {
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return Writer(
            RecordingStore.Configuration(
                index: index, writer: "test", limits: StorageQuota(maximumBytes: nil, minimumFreeBytes: 0),
                logger: quiet,
                lock: try VolumeLock(folder, isAlone: false)), report: { _ in })
    }

    static func rule(_ mode: RecordingMode, _ name: Name) -> Recording.Camera {
        Recording.Camera(
            mode: mode, preRoll: 3600, postRoll: 3600, keep: 0, keepBytes: 0, thinAfter: 0, thinRate: 1000,
            camera: name)
    }

    static func start(_ folder: RecordingFolder, seed: UInt64?) async throws -> HostileCamera {
        try await MeshLoop.start("test-hostile") { loop in
            let made = try HostileCamera(folder, seed: seed, loop: loop)
            made.assumeIsolated { $0.start() }
            return made
        }
    }

    var isDone: Bool { sent >= HostileCamera.messages }
    var missed: UInt64 { flow.missed }

    func send(gaps: [SequenceRange]) async throws {
        while opened[.jpeg] == nil { try await Task.sleep(for: .milliseconds(2)) }
        for gap in gaps {
            send(Gap(flow: opened[.jpeg] ?? 0, incarnation: 9, missing: gap, reason: .overflow).encoded())
        }
    }

    func stop() async {
        timer?.cancel()
        let (camera, socket) = (camera, flow.socket)
        loop.unwatch(camera)
        loop.unwatch(socket)
        loop.unwatch(admission)
        writer.stop()
        await writer.waitUntilStopped()
        loop.stop()
    }

    private func start() {
        loop.watch(admission)
        let (camera, socket) = (camera, flow.socket)
        loop.watch(camera) { [weak self] in self?.assumeIsolated { $0.receive() } }
        loop.watch(socket) { [weak self] in self?.assumeIsolated { $0.receiveAsArchive() } }
        let timer = loop.makeTimer { [weak self] in self?.assumeIsolated { $0.proceed() } }
        timer.schedule(every: .milliseconds(5))
        self.timer = timer
    }

    private func receiveAsArchive() { try? flow.receive(onRefusal: { _, _ in }, onViolation: { _ in }) }

    private func receive() {
        while let received = camera.receive() {
            peer = received.peer
            received.message.withBytes { bytes in
                guard let envelope = try? Envelope.readWhole(bytes, limit: WireLimits.meshMessage) else { return }
                if envelope.type == .closeFlow { isFlowClosed = true }
                guard let open = try? OpenFlow.decode(bytes, envelope) else { return }
                opened[open.content] = open.flow
            }
        }
    }

    private func proceed() {
        flow.refresh()
        guard var random, !isDone, let frames = opened[.jpeg], let events = opened[.events] else { return }
        for _ in 0..<20 {
            sent += 1
            let message = HostileCamera.message(UInt64(sent), frames: frames, events: events, &random)
            send(random.chance(percent: 60) ? ExtremeNumbers.replacing(in: message, using: &random) : message)
        }
        self.random = random
    }

    private func send(_ bytes: [UInt8]) {
        guard let peer else { return }
        _ = camera.send(MeshMessage(bytes), to: peer)
    }

    private static func message(
        _ number: UInt64, frames: UInt32, events: UInt32, _ random: inout SeededGenerator
    ) -> [UInt8] {
        let time = WallClock.now
        switch Int.random(in: 0..<3, using: &random) {
        case 0:
            let frame = Frame(
                flow: frames, rendition: .jpeg, format: .jpeg, incarnation: 9, sequence: number, timestamp: time,
                width: 64, height: 48)
            let picture: [UInt8] = [0xff, 0xd8, 0xff, 0xd9]
            return frame.encoded(payload: picture.count) + picture
        case 1:
            guard let missing = SequenceRange(number, through: number + 2) else { return [] }
            return Gap(flow: frames, incarnation: 9, missing: missing, reason: .overflow).encoded()
        default:
            let event = CameraEvent(
                kind: .motion, state: EventState.allCases.randomElement(using: &random) ?? .start,
                id: .random(in: 0...3, using: &random), start: time, last: time, peakTime: time, peakSequence: number,
                peakBox: .none, boxes: [])
            return Event(flow: events, incarnation: 9, sequence: number, event: event).encoded()
        }
    }
}
