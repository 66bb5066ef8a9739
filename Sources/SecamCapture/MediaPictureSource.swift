import SecamBase
import SecamMedia
import SecamWire

/// A video file, played in a loop at its own pace, or a network stream, as a source.
final class MediaPictureSource: PictureSource {
    private(set) var format: SourceFormat
    private let reader: MediaReader
    private let isFile: Bool
    private let rate: Double
    /// The file's own times are kept, because no rate was given.
    private let keepsTimes: Bool
    private var pacing: Pacing
    private var waiting: MediaFrame?
    private var bytes: [UInt8] = []
    private var started = MonotonicTime.now
    /// Length of the loops before this one.
    private var loopOffset: Duration = .zero
    /// Time of the last frame in the file.
    private var lastTime: Duration = .zero

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
            // The `@` may belong to the path, so the address was tried.
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
        // A file may claim an absurd rate.
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
        timeout: Duration, _ body: (Span<UInt8>, SourceFormat, _ timestamp: Int64) -> Void
    ) throws(SourceFailure) -> SourceOutcome {
        let frame = try nextFrame()
        guard !isFile || waitUntilDue(frame, timeout: timeout) else {
            waiting = frame
            return .nothing
        }
        if frame.pixelFormat != format.pixelFormat || frame.width != format.width || frame.height != format.height {
            format = SourceFormat(
                pixelFormat: frame.pixelFormat, width: frame.width, height: frame.height, bytesPerLine: 0,
                framesPerSecond: rate, description: "\(frame.width)x\(frame.height) \(reader.format.codecName)")
        }
        withBytes(of: frame) { body($0, format, WallClock.now) }
        return .picture
    }

    private func withBytes(of frame: MediaFrame, _ body: (Span<UInt8>) -> Void) {
        let wasJPEG: Void? = reader.withJPEG { jpeg in
            unsafe jpeg.withUnsafeBytes { raw in body(unsafe Span<UInt8>(_unsafeBytes: raw)) }
        }
        guard wasJPEG == nil else { return }
        var buffer = bytes
        bytes = []
        defer { bytes = buffer }
        if buffer.count < frame.byteCount { buffer = [UInt8](repeating: 0, count: frame.byteCount) }
        // Packed by one copy, because libavcodec pads the rows of its planes.
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
                loopOffset += lastTime + Duration.seconds(1) / rate
                if let frame = try reader.next() { return frame }
            }
        } catch {
            throw SourceFailure(description: "\(error)")
        }
        throw SourceFailure(description: isFile ? "the file holds no picture" : "the stream has ended")
    }

    private func waitUntilDue(_ frame: MediaFrame, timeout: Duration) -> Bool {
        guard keepsTimes else { return pacing.wait(timeout: timeout) }
        let time = Duration.microseconds(frame.timestampMicroseconds)
        let due = started + (loopOffset + time)
        let delay = MonotonicTime.now - due
        // After a suspension of the whole machine, playback resumes instead of catching up.
        if delay > Pacing.longestDelay { started = started + delay }
        let isDue = Pacing.wait(until: due, timeout: timeout)
        if isDue { lastTime = time }
        return isDue
    }
}
