import Logging
import SecamConfig
import SecamJPEG
import SecamMedia
import SecamTestSupport
import SecamWire

@testable import SecamRecording

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A small picture; another one for each number.
func jpeg(_ number: Int, width: Int = 64, height: Int = 48) throws -> [UInt8] {
    let pixels = [UInt8](repeating: UInt8(truncatingIfNeeded: number * 7), count: width * height * 3 / 2)
    var encoder = try JPEGEncoder()
    return try encoder.encode(pixels.span, format: .i420, width: width, height: height, quality: 80) { bytes in
        [UInt8](copying: bytes)
    }
}

/// Recordings of a camera with ten frames a second in a folder of its own.
struct Recordings {
    /// 2026-01-01 12:00:00 UTC.
    static let noon: Int64 = 1_767_268_800_000_000

    let scratch: ScratchFolder
    let folder: RecordingFolder
    let index: RecordingIndex
    let camera: Name

    init() throws {
        scratch = try ScratchFolder()
        folder = RecordingFolder(scratch.file("recordings"))
        index = try RecordingIndex(folder)
        camera = try Name("porch")
    }

    func vault(bytes: UInt64? = nil, writer: String = "archive-1") throws -> Vault {
        try Vault(index, writer: writer, limits: VaultLimits(bytes: bytes, free: 0), logger: quiet)
    }

    func tape(_ vault: Vault, _ limits: CameraTape.Limits = .init()) throws -> CameraTape {
        try CameraTape(vault, camera: camera, limits: limits)
    }

    /// When a frame is captured.
    static func time(_ sequence: UInt64) -> Int64 { noon + Int64(sequence) * 100_123 }

    func frame(
        _ sequence: UInt64, incarnation: UInt64 = 9, width: UInt16 = 64, height: UInt16 = 48, time: Int64? = nil
    ) -> Frame {
        Frame(
            flow: 1, rendition: .jpeg, format: .jpeg, incarnation: incarnation, sequence: sequence,
            timestamp: time ?? Recordings.time(sequence), width: width, height: height)
    }

    @discardableResult
    func put(_ frame: Frame, _ jpeg: [UInt8], _ tape: CameraTape) throws -> Bool {
        let bytes = unsafe jpeg.span.bytes
        return try tape.append(frame, bytes)
    }

    @discardableResult
    func append(_ frames: ClosedRange<UInt64>, to tape: CameraTape) throws -> Int {
        var taken = 0
        for sequence in frames {
            if try put(frame(sequence), jpeg(Int(sequence)), tape) { taken += 1 }
        }
        return taken
    }

    var segments: [SegmentRow] {
        get throws { try index.segments(of: nil, from: .min, to: .max) }
    }

    /// All frames that can be read back, in order.
    func replay(from: Int64 = .min, to: Int64 = .max, interval: Int64 = 0) throws -> [RecordedFrame] {
        let reader = TapeReader(index, camera: camera, from: from, to: to, interval: interval)
        var frames: [RecordedFrame] = []
        while let frame = try reader.next() { frames.append(frame) }
        return frames
    }
}
