import SecamBase
import SecamMesh
import SecamPicture
import SecamTestSupport
import SecamWire
import Synchronization
import Testing

@testable import SecamCapture

/// A source that follows a script, one step per call.
private final class ScriptedSource: PictureSource {
    enum Step: Sendable {
        case picture([UInt8])
        case damaged
        case waiting
        case failure
    }

    let format: SourceFormat
    private let steps: Mutex<[Step]>

    init(_ format: SourceFormat, _ steps: [Step]) {
        self.format = format
        self.steps = Mutex(steps)
    }

    func next(
        timeout: Duration, _ body: (Span<UInt8>, SourceFormat, _ timestamp: Int64) -> Void
    ) throws(SourceFailure) -> SourceOutcome {
        // The last step repeats.
        let step = steps.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
        _ = Pacing.wait(until: .now + .milliseconds(1), timeout: .milliseconds(1))
        switch step {
        case .picture(let bytes):
            body(bytes.span, format, WallClock.now)
            return .picture
        case .damaged: return .damaged("cut short")
        case .waiting: return .waiting("waiting for a key frame")
        case .failure: throw SourceFailure(description: "unplugged")
        }
    }
}

/// The events of a capture thread, and how often it opened its source.
private final class Told: Sendable {
    let events = Mutex<[CaptureEvent]>([])
    let opened = Atomic<Int>(0)
    let isStopped = Atomic<Bool>(false)

    var states: [CameraState] {
        events.withLock { $0.compactMap { if case .state(let state, _, _) = $0 { state } else { nil } } }
    }

    /// The reason of the last failure.
    var failure: String? {
        events.withLock {
            $0.lazy.compactMap { if case .state(.offline, _, let detail) = $0 { detail } else { nil } }.last
        }
    }

    var damagedCount: Int {
        events.withLock { $0.count { if case .damaged = $0 { true } else { false } } }
    }

    var pictures: [CapturedPicture] {
        events.withLock { $0.compactMap { if case .picture(let picture) = $0 { picture } else { nil } } }
    }
}

@Suite struct CaptureThreadTests {
    private static let jpeg = SourceFormat(
        pixelFormat: .jpeg, width: 64, height: 48, bytesPerLine: 0, framesPerSecond: 30, description: "JPEG")
    private static let raw = SourceFormat(
        pixelFormat: .i420, width: 64, height: 48, bytesPerLine: 0, framesPerSecond: 30, description: "I420")

    private static func jpeg(_ width: Int, _ height: Int) -> [UInt8] {
        plainJPEG(width: width, height: height, tables: StandardHuffmanTables.segment)
    }

    /// A JPEG that lost half of its data, with an end marker.
    private static let truncated: [UInt8] = {
        let whole = jpeg(640, 480)
        return whole.prefix(whole.count / 2) + [0xff, 0xd9]
    }()

    /// The result of opening the source.
    private enum Opening: Sendable {
        case source(SourceFormat, [ScriptedSource.Step])
        case failure
    }

    /// Starts a thread whose n-th opening has the n-th result; the last one repeats.
    private func start(_ openings: [Opening], passesDamaged: Bool = false) -> (thread: CaptureThread, told: Told) {
        let told = Told()
        let thread = CaptureThread(
            passesDamaged: passesDamaged,
            open: { (_) throws(SourceFailure) in
                let number = told.opened.add(1, ordering: .relaxed).oldValue
                switch openings[min(number, openings.count - 1)] {
                case .source(let format, let steps): return ScriptedSource(format, steps)
                case .failure: throw SourceFailure(description: "no such device")
                }
            },
            deliver: { event in told.events.withLock { $0.append(event) } },
            stopped: { told.isStopped.store(true, ordering: .relaxed) })
        return (thread, told)
    }

    private func demand(_ renditions: RenditionSet) -> CaptureDemand {
        var demand = CaptureDemand()
        demand.renditions = renditions
        return demand
    }

    private func stop(_ thread: CaptureThread, _ told: Told) async throws {
        thread.stop()
        #expect(try await waitUntil { told.isStopped.load(ordering: .relaxed) })
    }

    @Test func `without demand the source is opened once and becomes idle`() async throws {
        let (thread, told) = start([.source(Self.jpeg, [.picture(Self.jpeg(64, 48))])])
        #expect(try await waitUntil { told.states == [.starting, .online, .idle] })
        #expect(told.pictures.isEmpty)
        #expect(told.opened.load(ordering: .relaxed) == 1)
        thread.demand(demand(.jpeg))
        #expect(try await waitUntil { !told.pictures.isEmpty })
        #expect(told.opened.load(ordering: .relaxed) == 2)
        try await stop(thread, told)
    }

    @Test func `a JPEG is passed through and only other renditions are work`() async throws {
        let (thread, told) = start([.source(Self.jpeg, [.picture(Self.jpeg(64, 48))])])
        thread.demand(demand(.jpeg))
        #expect(try await waitUntil { !told.pictures.isEmpty })
        thread.demand(demand([.jpeg, .luma]))
        #expect(try await waitUntil { told.pictures.contains { $0.work != nil } })
        try await stop(thread, told)
        let first = try #require(told.pictures.first)
        #expect(first.jpeg.map(Array.init) == Self.jpeg(64, 48) && first.work == nil)
        let asked = try #require(told.pictures.first { $0.work != nil })
        #expect(asked.jpeg.map(Array.init) == Self.jpeg(64, 48) && asked.requested == .luma)
        let numbers = told.pictures.map(\.sequence)
        #expect(numbers == numbers.sorted() && Set(numbers).count == numbers.count)
    }

    @Test func `a raw picture becomes work for the encoders`() async throws {
        let bytes = [UInt8](repeating: 9, count: 64 * 48 * 3 / 2)
        let (thread, told) = start([.source(Self.raw, [.picture(bytes)])])
        thread.demand(demand([.jpeg, .sub]))
        #expect(try await waitUntil { !told.pictures.isEmpty })
        try await stop(thread, told)
        let picture = try #require(told.pictures.first)
        let message = try #require(picture.work).message { _ in false }
        try message.withBytes { bytes in
            let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
            let (work, payload) = try Work.decode(bytes, envelope)
            #expect(work.job == picture.job && work.renditions == [.jpeg, .sub])
            #expect(work.format == .i420 && payload.count == 64 * 48 * 3 / 2)
        }
    }

    @Test func `a lost source is offline and returns with another format`() async throws {
        let (thread, told) = start([
            .source(Self.jpeg, [.picture(Self.jpeg(64, 48)), .failure]),
            .failure,
            .source(Self.raw, [.picture([UInt8](repeating: 0, count: 64 * 48 * 3 / 2))]),
        ])
        thread.demand(demand(.jpeg))
        #expect(try await waitUntil { told.states == [.starting, .online, .offline, .offline, .online] })
        #expect(try await waitUntil { told.pictures.contains { $0.work != nil } })
        try await stop(thread, told)
    }

    @Test func `a source that opens and then fails stays offline`() async throws {
        let (thread, told) = start([.source(Self.jpeg, [.failure])])
        thread.demand(demand(.jpeg))
        #expect(try await waitUntil { told.opened.load(ordering: .relaxed) >= 3 })
        try await stop(thread, told)
        #expect(!told.states.contains(.online))
        #expect(told.states.filter { $0 == .starting }.count == 1)
    }

    @Test func `a damaged picture is reported`() async throws {
        let (thread, told) = start([
            .source(Self.jpeg, [.picture(Self.jpeg(64, 48)), .damaged, .picture(Self.jpeg(64, 48))])
        ])
        thread.demand(demand(.jpeg))
        #expect(
            try await waitUntil {
                told.events.withLock { $0.contains { if case .damaged = $0 { true } else { false } } }
            })
        try await stop(thread, told)
    }

    @Test func `a source with nothing but damaged pictures goes offline with the reason`() async throws {
        let (thread, told) = start([.source(Self.jpeg, [.picture(Self.truncated)])])
        thread.demand(demand(.jpeg))
        let failure = try await eventually("the camera offline") { told.failure }
        #expect(failure.contains("damaged"))
        try await stop(thread, told)
        #expect(!told.states.contains(.online) && told.pictures.isEmpty)
    }

    @Test func `damaged pictures are passed on if the operator demands it, and counted`() async throws {
        let (thread, told) = start([.source(Self.jpeg, [.picture(Self.truncated)])], passesDamaged: true)
        thread.demand(demand(.jpeg))
        #expect(try await waitUntil { told.pictures.first?.jpeg.map(Array.init) == Self.truncated })
        #expect(try await waitUntil { told.damagedCount > 0 })
        try await stop(thread, told)
    }

    @Test func `a JPEG that no viewer can show makes the camera offline at once`() async throws {
        let (thread, told) = start([.source(Self.jpeg, [.picture(Self.jpeg(64, 16_385))])])
        thread.demand(demand(.jpeg))
        let failure = try await eventually("the camera offline") { told.failure }
        #expect(failure.contains("no viewer can show"))
        try await stop(thread, told)
    }

    @Test func `a JPEG without Huffman tables gets the standard ones, for viewers and encoders`() async throws {
        let bare = plainJPEG(width: 64, height: 48)
        let (thread, told) = start([.source(Self.jpeg, [.picture(bare + [0, 0, 0])])])
        thread.demand(demand([.jpeg, .luma]))
        #expect(try await waitUntil { told.pictures.contains { $0.work != nil } })
        try await stop(thread, told)
        let picture = try #require(told.pictures.first { $0.work != nil })
        #expect(picture.jpeg.map(Array.init) == Self.jpeg(64, 48))
        try picture.work?.message { _ in false }.withBytes { bytes in
            let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
            let (_, payload) = try Work.decode(bytes, envelope)
            #expect([UInt8](copying: bytes.extracting(payload)) == Self.jpeg(64, 48))
        }
    }

    @Test func `a CMYK JPEG and one that lies on its side are converted`() async throws {
        let exif: [UInt8] = [
            0xff, 0xe1, 0, 34, 0x45, 0x78, 0x69, 0x66, 0, 0, 0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0,
            0,
            1, 0, 6, 0, 0, 0, 0, 0, 0,
        ]
        let tables = StandardHuffmanTables.segment
        let pictures = [
            plainJPEG(width: 64, height: 48, tables: tables, components: 4),
            plainJPEG(width: 64, height: 48, tables: exif + tables, components: 3),
        ]
        let (thread, told) = start([.source(Self.jpeg, pictures.map { .picture($0) })])
        thread.demand(demand([.jpeg, .luma]))
        #expect(try await waitUntil { told.pictures.contains { $0.width == 48 && $0.height == 64 } })
        try await stop(thread, told)
        let cmyk = try #require(told.pictures.first)
        #expect(cmyk.jpeg == nil && cmyk.requested == .jpeg && cmyk.luma != nil)
        #expect(cmyk.width == 64 && cmyk.height == 48)
    }

    @Test func `a source that waits for a key frame says so`() async throws {
        let (thread, told) = start([.source(Self.raw, [.waiting])])
        thread.demand(demand(.jpeg))
        #expect(
            try await waitUntil {
                told.events.withLock {
                    $0.contains { if case .state(.starting, _, "waiting for a key frame") = $0 { true } else { false } }
                }
            })
        try await stop(thread, told)
    }

    @Test func `a JPEG has the size of its own header`() async throws {
        let (thread, told) = start([.source(Self.jpeg, [.picture(Self.jpeg(64, 56))])])
        thread.demand(demand(.jpeg))
        #expect(try await waitUntil { !told.pictures.isEmpty })
        try await stop(thread, told)
        let picture = try #require(told.pictures.first)
        #expect(picture.width == 64 && picture.height == 56)
    }

    @Test(arguments: [[], [0xff, 0xd8, 7], jpeg(0, 48), truncated, Array(jpeg(64, 48).dropLast(2))] as [[UInt8]])
    func `a JPEG that is not whole is damaged`(bytes: [UInt8]) async throws {
        let (thread, told) = start([.source(Self.jpeg, [.picture(bytes)])])
        thread.demand(demand(.jpeg))
        #expect(
            try await waitUntil {
                told.events.withLock { $0.contains { if case .damaged = $0 { true } else { false } } }
            })
        try await stop(thread, told)
        #expect(told.pictures.isEmpty)
    }

    @Test func `pictures without demand are reported for each rendition before its next one`() async throws {
        let (thread, told) = start([.source(Self.jpeg, [.picture(Self.jpeg(64, 48))])])
        thread.demand(demand(.jpeg))
        #expect(try await waitUntil { told.pictures.count >= 3 })
        thread.demand(demand([.jpeg, .luma]))
        #expect(try await waitUntil { told.pictures.contains { $0.requested == .luma } })
        try await stop(thread, told)
        let first = try #require(told.pictures.first { $0.requested == .luma }).sequence
        let skipped = told.events.withLock { events in
            events.compactMap { event -> SequenceRange? in
                if case .skipped(.luma, let range) = event { range } else { nil }
            }
        }
        #expect(skipped == [SequenceRange(1, through: first - 1)!])
    }
}
