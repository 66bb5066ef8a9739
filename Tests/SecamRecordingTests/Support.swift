import Logging
import SecamBase
import SecamJPEG
import SecamMedia
import SecamTestSupport
import SecamWire
import Synchronization

@testable import SecamRecording

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Returns a small picture that depends on the number.
func jpeg(_ number: Int, width: Int = 64, height: Int = 48) throws -> [UInt8] {
    let pixels = [UInt8](repeating: UInt8(truncatingIfNeeded: number * 7), count: width * height * 3 / 2)
    var encoder = try JPEGEncoder()
    return try encoder.encode(pixels.span, format: .i420, width: width, height: height, quality: 80) { bytes in
        [UInt8](copying: bytes)
    }
}

/// Clocks controlled by a test: the wall clock, and the uptime of a machine that can restart.
final class ScriptedClocks: ArchiveClocks {
    private struct State {
        var wall = Recordings.noon
        var uptime: Int64 = 1_000_000_000
        var boots = 1
        var isSynchronized = false
    }

    private let state = Mutex(State())

    var reading: RetentionClock.Reading {
        state.withLock {
            RetentionClock.Reading(
                wall: $0.wall, uptime: $0.uptime, boot: "boot \($0.boots)", isSynchronized: $0.isSynchronized)
        }
    }

    /// Advances both clocks.
    func pass(_ duration: Duration) {
        state.withLock {
            $0.wall += duration.microseconds
            $0.uptime += duration.microseconds
        }
    }

    /// Advances both clocks until the wall clock reaches a time.
    func pass(untilWall wall: Int64) {
        let now = state.withLock { $0.wall }
        if wall > now { pass(.microseconds(wall - now)) }
    }

    /// Sets the wall clock forward or back.
    func set(by step: Duration) { state.withLock { $0.wall += step.microseconds } }

    /// Restarts the machine after it was off for a time.
    ///
    /// - Parameter wall: the reading of the wall clock afterwards; `nil` if it kept running.
    func restart(after duration: Duration, wall: Int64? = nil) {
        state.withLock {
            $0.wall = wall ?? $0.wall + duration.microseconds
            $0.uptime = 20_000_000
            $0.boots += 1
        }
    }

    func synchronize(_ isSynchronized: Bool = true) { state.withLock { $0.isSynchronized = isSynchronized } }
}

/// Recordings of a camera with ten frames per second, in a folder of their own. Recording a frame advances the clocks.
struct Recordings {
    /// 2026-01-01 12:00:00 UTC.
    static let noon: Int64 = 1_767_268_800_000_000

    let scratch: ScratchFolder
    let folder: RecordingFolder
    let clocks = ScriptedClocks()
    let index: RecordingIndex
    let camera: Name

    init() throws {
        scratch = try ScratchFolder()
        folder = RecordingFolder(scratch.file("recordings"))
        index = try RecordingIndex(folder, clocks: clocks)
        camera = try Name("porch")
    }

    func store(bytes: UInt64? = nil, writer: String = "archive-1") throws -> RecordingStore {
        try RecordingStore(
            index, writer: writer, limits: StorageQuota(maximumBytes: bytes, minimumFreeBytes: 0), logger: quiet)
    }

    func recorder(_ store: RecordingStore, _ limits: CameraRecorder.Limits = .init(), of other: Name? = nil) throws
        -> CameraRecorder
    {
        try CameraRecorder(store, camera: other ?? camera, limits: limits)
    }

    /// Returns the capture time of a frame.
    static func time(_ sequence: UInt64) -> Int64 { noon + Int64(sequence) * 100_123 }

    func frame(
        _ sequence: UInt64, incarnation: UInt64 = 9, width: UInt16 = 64, height: UInt16 = 48, time: Int64? = nil
    ) -> Frame {
        Frame(
            flow: 1, rendition: .jpeg, format: .jpeg, incarnation: incarnation, sequence: sequence,
            timestamp: time ?? Recordings.time(sequence), width: width, height: height)
    }

    @discardableResult
    func put(_ frame: Frame, _ jpeg: [UInt8], _ recorder: CameraRecorder) throws -> Bool {
        clocks.pass(untilWall: frame.timestamp)
        return try putNow(frame, jpeg, recorder)
    }

    /// Records a frame without advancing the clocks.
    @discardableResult
    func putNow(_ frame: Frame, _ jpeg: [UInt8], _ recorder: CameraRecorder) throws -> Bool {
        let bytes = unsafe jpeg.span.bytes
        return try recorder.append(frame, bytes)
    }

    @discardableResult
    func append(_ frames: ClosedRange<UInt64>, to recorder: CameraRecorder) throws -> Int {
        var taken = 0
        for sequence in frames {
            if try put(frame(sequence), jpeg(Int(sequence)), recorder) { taken += 1 }
        }
        return taken
    }

    var segments: [SegmentRow] {
        get throws { try index.segments(of: nil, from: .min, to: .max) }
    }

    /// Returns all recorded frames in the order of a replay.
    func replay(from: Int64 = .min, to: Int64 = .max, interval: Duration = .zero) throws -> [RecordedFrame] {
        let reader = RecordingReader(index, camera: camera, from: from, to: to, interval: interval)
        var frames: [RecordedFrame] = []
        while let frame = try reader.next() { frames.append(frame) }
        return frames
    }
}

extension CameraRecorder.Limits {
    static var filesOfOneSecond: CameraRecorder.Limits {
        var limits = CameraRecorder.Limits()
        limits.maximumDuration = .seconds(1)
        limits.cutsPerSecond = .max
        return limits
    }
}

extension Duration {
    /// Longer than the retention of any rule.
    static let years = Duration.seconds(10 * 365 * 86_400)
    static func days(_ days: Int) -> Duration { .seconds(days * 86_400) }
}
