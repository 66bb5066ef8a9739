import SecamV4L2
import SecamWire

/// A webcam.
final class DeviceSource: PictureSource {
    let format: SourceFormat
    private var stream: V4L2Stream
    private var silence: Duration = .zero
    private let path: String

    private let silenceLimit: Duration

    /// - Parameter silenceLimit: time without a frame after which the device is reopened: a camera that hangs reports no
    ///   error. `nil` for 5 s.
    init(_ request: V4L2Request, silenceLimit: Duration?) throws(SourceFailure) {
        path = request.path
        self.silenceLimit = silenceLimit ?? .seconds(5)
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
        timeout: Duration, _ body: (Span<UInt8>, SourceFormat, _ timestamp: Int64) -> Void
    ) throws(SourceFailure) -> SourceOutcome {
        let outcome: V4L2Outcome<Void>
        do throws(V4L2Error) {
            outcome = try stream.next(timeout: timeout) { bytes, info in
                unsafe bytes.withUnsafeBytes { raw in
                    body(unsafe Span<UInt8>(_unsafeBytes: raw), format, info.timestampMicroseconds)
                }
            }
        } catch {
            throw SourceFailure(description: "\(error)")
        }
        switch outcome {
        case .frame:
            silence = .zero
            return .picture
        case .damaged(let reason):
            silence = .zero
            return .damaged(reason)
        case .timeout:
            silence += timeout
            guard silence < silenceLimit else {
                let reason = stream.signalProblem() ?? "the camera hangs. Unplug it and plug it in again"
                throw SourceFailure(
                    description: "\(path) has sent nothing for \(silence.components.seconds) s: \(reason)")
            }
            return .nothing
        }
    }
}
