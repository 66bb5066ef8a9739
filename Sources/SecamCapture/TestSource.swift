import SecamBase
import SecamPicture
import SecamWire

/// The built-in test picture, at its frame rate.
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
            description: "test picture \(width)x\(height) at \(framesPerSecond) frames a second")
        bytes = [UInt8](repeating: 0, count: picture.layout.byteCount)
    }

    func next(
        waiting microseconds: Int64, _ take: (Span<UInt8>, SourceFormat, _ timestamp: Int64) -> Void
    ) throws(SourceFailure) -> SourceOutcome {
        guard pacing.wait(atMost: microseconds) else { return .nothing }
        frame += 1
        let timestamp = WallClock.now
        // Taken out of the property while it is written: a span must not outlive the access to what it shows.
        var buffer = bytes
        bytes = []
        defer { bytes = buffer }
        do {
            var target = buffer.mutableSpan
            try picture.render(frame: frame, utcMicroseconds: timestamp, into: &target)
        } catch {
            throw SourceFailure(description: "\(error)")
        }
        take(buffer.span, format, timestamp)
        return .picture
    }
}
