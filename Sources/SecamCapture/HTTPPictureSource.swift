import SecamBase
import SecamMedia
import SecamPicture
import SecamWire

/// JPEGs over HTTP: a Motion JPEG stream, or a single picture that is fetched again and again.
final class HTTPPictureSource: PictureSource {
    /// Pictures per second that are fetched one by one, if the user sets no rate.
    private static let defaultRate = 1.0

    private(set) var format: SourceFormat
    private let connect: () throws(MediaError) -> HTTPConnection
    private let interval: Duration
    /// `nil` between two single pictures.
    private var reader: HTTPJPEGReader?
    private var opened = MonotonicTime.now
    private var meter = RateMeter()

    /// - Parameters:
    ///   - framesPerSecond: how often a single picture is fetched.
    ///   - connect: opens a connection; it blocks.
    init(
        _ connection: HTTPConnection, framesPerSecond: Double?,
        connect: @escaping () throws(MediaError) -> HTTPConnection
    ) {
        self.connect = connect
        interval = Duration.seconds(1) / (framesPerSecond ?? Self.defaultRate)
        reader = HTTPJPEGReader(connection)
        format = SourceFormat(
            pixelFormat: .jpeg, width: 0, height: 0, bytesPerLine: 0, framesPerSecond: nil,
            description: "Motion JPEG over HTTP")
    }

    func next(
        timeout: Duration, _ body: (Span<UInt8>, SourceFormat, _ timestamp: Int64) -> Void
    ) throws(SourceFailure) -> SourceOutcome {
        do throws(MediaError) {
            guard let reader = try openReader(timeout: timeout) else { return .nothing }
            switch try reader.next() {
            case .jpeg(let jpeg):
                deliver(jpeg, body)
                return .picture
            case .damaged(let reason): return .damaged(reason)
            case .end where reader.pictureCount == 1:
                self.reader = nil
                return .nothing
            case .end: throw reader.closed
            }
        } catch {
            throw SourceFailure(error)
        }
    }

    /// Returns the current reader; a new one if the next single picture is due; `nil` if it is not due in time.
    private func openReader(timeout: Duration) throws(MediaError) -> HTTPJPEGReader? {
        if let reader { return reader }
        guard Pacing.wait(until: opened + interval, timeout: timeout) else { return nil }
        opened = .now
        let new = HTTPJPEGReader(try connect())
        reader = new
        return new
    }

    private func deliver(_ jpeg: [UInt8], _ body: (Span<UInt8>, SourceFormat, _ timestamp: Int64) -> Void) {
        meter.record(time: MonotonicTime.now.microseconds)
        if let header = JPEGFrameHeader(jpeg.span) {
            format = SourceFormat(
                pixelFormat: .jpeg, width: header.width, height: header.height, bytesPerLine: 0,
                framesPerSecond: meter.framesPerSecond, description: "\(header.width)x\(header.height) JPEG over HTTP")
        }
        body(jpeg.span, format, WallClock.now)
    }
}
