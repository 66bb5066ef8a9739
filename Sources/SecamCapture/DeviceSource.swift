import SecamV4L2
import SecamWire

/// A webcam.
final class DeviceSource: PictureSource {
    let format: SourceFormat
    private var stream: V4L2Stream
    private var silentFor: Int64 = 0
    private let path: String

    /// A camera that hangs delivers nothing, yet no error: after this many microseconds it is opened anew.
    private static let longestSilence: Int64 = 5_000_000

    init(_ request: V4L2Request) throws(SourceFailure) {
        path = request.path
        do throws(V4L2Error) {
            stream = try V4L2Stream(request)
        } catch {
            throw SourceFailure(description: "\(error)")
        }
        let agreed = stream.negotiated
        format = SourceFormat(
            pixelFormat: agreed.pixelFormat, width: agreed.width, height: agreed.height,
            bytesPerLine: agreed.bytesPerLine, framesPerSecond: agreed.framesPerSecond,
            description: "\(agreed)")
    }

    func next(
        waiting microseconds: Int64, _ take: (Span<UInt8>, SourceFormat, _ timestamp: Int64) -> Void
    ) throws(SourceFailure) -> SourceOutcome {
        let outcome: V4L2Outcome<Void>
        do throws(V4L2Error) {
            outcome = try stream.next(milliseconds: Int(microseconds / 1000)) { bytes, info in
                unsafe bytes.withUnsafeBytes { raw in
                    take(unsafe Span<UInt8>(_unsafeBytes: raw), format, info.timestampMicroseconds)
                }
            }
        } catch {
            throw SourceFailure(description: "\(error)")
        }
        switch outcome {
        case .frame:
            silentFor = 0
            return .picture
        case .damaged(let reason):
            silentFor = 0
            return .damaged(reason)
        case .timeout:
            silentFor += microseconds
            guard silentFor < DeviceSource.longestSilence else {
                let reason = stream.signalProblem() ?? "the camera hangs; unplug it and plug it in again"
                throw SourceFailure(
                    description: "\(path) has sent nothing for \(silentFor / 1_000_000) s: \(reason)")
            }
            return .nothing
        }
    }
}
