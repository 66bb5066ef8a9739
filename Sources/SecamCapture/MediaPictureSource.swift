import SecamBase
import SecamMedia
import SecamWire

/// A video file, played in a loop at its own pace, or a network stream.
final class MediaPictureSource: PictureSource {
    private(set) var format: SourceFormat
    private let reader: MediaReader
    private let isFile: Bool
    private let rate: Double
    /// A file's own times are kept unless a rate was given.
    private let keepsTimes: Bool
    private var pacing: Pacing
    private var waiting: MediaFrame?
    private var bytes: [UInt8] = []
    private var started = MonotonicTime.now
    private var loopOffset: Int64 = 0
    private var lastTime: Int64 = 0

    /// - Parameter cancellation: ends a wait for the network.
    convenience init(
        file path: String, framesPerSecond: Double?, _ cancellation: MediaCancellation
    ) throws(SourceFailure) {
        try self.init(path, isFile: true, framesPerSecond, cancellation)
    }

    convenience init(stream address: SecretURL, _ cancellation: MediaCancellation) throws(SourceFailure) {
        do throws(SourceFailure) {
            try self.init(address.revealed, isFile: false, nil, cancellation)
        } catch {
            // A @ may be in the path, so that the address is tried.
            guard address.isAmbiguous else { throw error }
            throw SourceFailure(description: "\(error); \(SourceAddress.encodingAdvice)")
        }
    }

    private init(
        _ url: String, isFile: Bool, _ framesPerSecond: Double?, _ cancellation: MediaCancellation
    ) throws(SourceFailure) {
        do throws(MediaError) {
            reader = try MediaReader(url: url, cancellation: cancellation)
        } catch {
            throw SourceFailure(description: "\(error)")
        }
        self.isFile = isFile
        // What a file says of itself may be absurd.
        let ownRate = reader.format.framesPerSecond.flatMap { (0.01...1000).contains($0) ? $0 : nil }
        rate = framesPerSecond ?? ownRate ?? 25
        keepsTimes = framesPerSecond == nil
        pacing = Pacing(framesPerSecond: rate)
        format = SourceFormat(
            pixelFormat: reader.format.isMotionJPEG ? .jpeg : .i420, width: reader.format.width,
            height: reader.format.height, bytesPerLine: 0, framesPerSecond: rate,
            description: "\(reader.format)")
    }

    func next(
        waiting microseconds: Int64, _ take: (Span<UInt8>, SourceFormat, _ timestamp: Int64) -> Void
    ) throws(SourceFailure) -> SourceOutcome {
        let frame = try nextFrame()
        guard !isFile || isDue(frame, microseconds) else {
            waiting = frame
            return .nothing
        }
        if frame.pixelFormat != format.pixelFormat || frame.width != format.width || frame.height != format.height {
            format = SourceFormat(
                pixelFormat: frame.pixelFormat, width: frame.width, height: frame.height, bytesPerLine: 0,
                framesPerSecond: rate, description: "\(frame.width)x\(frame.height) \(reader.format.codecName)")
        }
        show(frame) { take($0, format, WallClock.now) }
        return .picture
    }

    private func show(_ frame: MediaFrame, _ body: (Span<UInt8>) -> Void) {
        let wasJPEG: Void? = reader.withJPEG { jpeg in
            unsafe jpeg.withUnsafeBytes { raw in body(unsafe Span<UInt8>(_unsafeBytes: raw)) }
        }
        guard wasJPEG == nil else { return }
        var buffer = bytes
        bytes = []
        defer { bytes = buffer }
        if buffer.count < frame.byteCount { buffer = [UInt8](repeating: 0, count: frame.byteCount) }
        // libavcodec's planes have gaps between their rows, so they are put together here once.
        var target = buffer.mutableSpan
        var raw = unsafe target.mutableBytes
        reader.copyFrame(into: &raw)
        body(buffer.span.extracting(0..<frame.byteCount))
    }

    private func nextFrame() throws(SourceFailure) -> MediaFrame {
        if let frame = waiting {
            waiting = nil
            return frame
        }
        do throws(MediaError) {
            if let frame = try reader.next() { return frame }
            if isFile {
                try reader.rewind()
                loopOffset += lastTime + Int64(1_000_000 / rate)
                if let frame = try reader.next() { return frame }
            }
        } catch {
            throw SourceFailure(description: "\(error)")
        }
        throw SourceFailure(description: isFile ? "the file holds no picture" : "the stream has ended")
    }

    private func isDue(_ frame: MediaFrame, _ microseconds: Int64) -> Bool {
        guard keepsTimes else { return pacing.wait(atMost: microseconds) }
        let due = started.advanced(byMicroseconds: loopOffset + frame.timestampMicroseconds)
        let late = MonotonicTime.now.since(due)
        // After a stop of the whole machine it goes on from here, instead of catching up.
        if late > 1_000_000 { started = started.advanced(byMicroseconds: late) }
        let isOnTime = Pacing.wait(until: due, atMost: microseconds)
        if isOnTime { lastTime = frame.timestampMicroseconds }
        return isOnTime
    }
}
