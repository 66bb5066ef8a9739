import SecamMedia
import SecamWire

/// The pictures of a video file or stream, with their format and measured frame rate.
final class MediaPictures {
    private(set) var format: SourceFormat
    private let reader: MediaReader
    private var meter: RateMeter
    private var bytes: [UInt8] = []

    /// - Parameter framesPerSecond: the rate that the source declares; `nil` to measure it.
    init(_ reader: MediaReader, framesPerSecond: Double?) {
        self.reader = reader
        meter = RateMeter(declared: framesPerSecond)
        let size = reader.format.width > 0 ? "\(reader.format.width)x\(reader.format.height) " : ""
        format = SourceFormat(
            pixelFormat: reader.format.isMotionJPEG ? .jpeg : .i420, width: reader.format.width,
            height: reader.format.height, bytesPerLine: 0, framesPerSecond: framesPerSecond,
            description: size + reader.format.codecName)
    }

    /// Passes the reader's current frame to `body`.
    ///
    /// - Parameters:
    ///   - time: when the frame was captured, microseconds of a monotonic clock.
    ///   - timestamp: the same, UTC microseconds.
    func deliver(
        _ frame: MediaFrame, time: Int64, timestamp: Int64,
        _ body: (Span<UInt8>, SourceFormat, _ timestamp: Int64) -> Void
    ) {
        meter.record(time: time)
        format = SourceFormat(
            pixelFormat: frame.pixelFormat, width: frame.width, height: frame.height, bytesPerLine: 0,
            framesPerSecond: meter.framesPerSecond,
            description: "\(frame.width)x\(frame.height) \(reader.format.codecName)")
        withBytes(of: frame) { body($0, format, timestamp) }
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
}

extension SourceFailure {
    init(_ error: MediaError) {
        switch error {
        case .loginRefused: self.init(description: "\(error)", kind: .loginRefused)
        case .closed: self.init(description: "\(error)", kind: .ended)
        case .timedOut:
            self.init(description: "\(error). For a camera that sends less often, raise --frame-timeout")
        default: self.init(description: "\(error)")
        }
    }
}

extension MediaReader.Options {
    /// The options for a camera.
    ///
    /// - Parameter timeout: the maximum wait for data.
    init(cameraTimeout timeout: Duration) { self.init(timeout: timeout, appliesShape: true) }
}
