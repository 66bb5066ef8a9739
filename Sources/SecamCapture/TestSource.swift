import SecamBase
import SecamPicture
import SecamWire

/// The built-in test picture as a source.
final class TestSource: PictureSource {
    let format: SourceFormat
    private let picture: TestPicture
    private var pacing: Pacing
    private var bytes: [UInt8]
    private var frame: UInt64 = 0

    init(width: Int, height: Int, framesPerSecond: Int) throws(SourceFailure) {
        do {
            picture = try TestPicture(width: width, height: height, framesPerSecond: framesPerSecond)
        } catch {
            throw SourceFailure(description: "\(error)")
        }
        pacing = Pacing(framesPerSecond: Double(framesPerSecond))
        format = SourceFormat(
            pixelFormat: .i420, width: width, height: height, bytesPerLine: 0,
            framesPerSecond: Double(framesPerSecond),
            description: "test picture \(width)x\(height) at \(framesPerSecond) frames per second")
        bytes = [UInt8](repeating: 0, count: picture.layout.byteCount)
    }

    func next(
        timeout: Duration, _ body: (Span<UInt8>, SourceFormat, _ timestamp: Int64) -> Void
    ) throws(SourceFailure) -> SourceOutcome {
        guard pacing.wait(timeout: timeout) else { return .nothing }
        frame += 1
        let timestamp = WallClock.now
        // Moved out of the property, because a span must not outlive the access to its memory.
        var buffer = bytes
        bytes = []
        defer { bytes = buffer }
        do {
            var target = buffer.mutableSpan
            try picture.render(frame: frame, utcMicroseconds: timestamp, into: &target)
        } catch {
            throw SourceFailure(description: "\(error)")
        }
        body(buffer.span, format, timestamp)
        return .picture
    }
}
