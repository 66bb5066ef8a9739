import SecamBase
import SecamMedia
import SecamWire

/// A live RTSP stream.
final class StreamSource: PictureSource {
    private let reader: MediaReader
    private let pictures: MediaPictures
    private var clock = StreamClock()

    var format: SourceFormat { pictures.format }

    /// - Parameter cancellation: ends a wait for the network.
    init(_ address: SecretURL, timeout: Duration, _ cancellation: MediaCancellation) throws(SourceFailure) {
        do throws(MediaError) {
            reader = try MediaReader(
                url: address.revealed, options: .init(cameraTimeout: timeout), cancellation: cancellation)
        } catch {
            throw SourceFailure(error)
        }
        pictures = MediaPictures(reader, framesPerSecond: nil)
    }

    func next(
        timeout: Duration, _ body: (Span<UInt8>, SourceFormat, _ timestamp: Int64) -> Void
    ) throws(SourceFailure) -> SourceOutcome {
        do throws(MediaError) {
            switch try reader.read() {
            case .frame(let frame):
                let arrival = MonotonicTime.now.microseconds
                let time = clock.stamp(stream: frame.statedMicroseconds, arrival: arrival)
                pictures.deliver(frame, time: time, timestamp: WallClock.now - (arrival - time), body)
                return .picture
            case .damaged(let reason): return .damaged(reason)
            case .waiting(let reason): return .waiting(reason)
            case .end: throw reader.closed
            }
        } catch {
            throw SourceFailure(error)
        }
    }
}
