import CAVFormat
import Glibc
import SecamBase

/// The reason why a file or stream cannot be read or written, with advice. Addresses appear without user and password.
package enum MediaError: Error, Hashable, Sendable, CustomStringConvertible {
    case noSuchFile(source: String)
    case permissionDenied(source: String)
    /// An unsupported scheme, a folder or a device.
    case unsupportedSource(source: String, reason: String)
    case notVideo(source: String, found: String)
    case noVideoStream(source: String, found: String)
    case noPicture(source: String)
    case unsupportedCodec(source: String, codec: String)
    case pictureTooLarge(source: String, width: Int, height: Int)
    case unreachable(source: String, reason: String)
    case unknownHost(source: String, host: String, reason: String)
    case loginRefused(source: String, advice: String)
    /// The server closed the connection.
    case closed(source: String)
    case timedOut(source: String, after: Duration)
    case cancelled(source: String)
    /// Too many consecutive damaged packets.
    case damaged(source: String, reason: String)
    case io(source: String, operation: String, reason: String)
    case fileExists(path: String)
    case diskFull(path: String)
    /// A frame earlier than the previous one. It was not written; later frames can be.
    case outOfOrder(path: String, lastMicroseconds: Int64, givenMicroseconds: Int64)
    case invalidFrame(path: String, reason: String)
    case finished(path: String)

    package var description: String {
        switch self {
        case .noSuchFile(let source): "\(source): no such file. Check the path"
        case .permissionDenied(let source): "\(source): permission denied. Give this user access"
        case .unsupportedSource(let source, let reason):
            "\(source): \(reason). Use a video file, rtsp://, rtsps://, http:// or https://"
        case .notVideo(let source, let found): "\(source): not a video (\(found)). Use a video file or stream"
        case .noVideoStream(let source, let found): "\(source): no video stream (found: \(found)). Use one with video"
        case .noPicture(let source):
            "\(source): it holds no picture that can be read. Over HTTP, MP4 files need a server that supports ranges, or "
                + "their index at the start"
        case .unsupportedCodec(let source, let codec):
            "\(source): no decoder for '\(codec)'. Convert the file, or set the camera to H.264 or MJPEG"
        case .pictureTooLarge(let source, let width, let height):
            "\(source): unsupported size \(width)x\(height): width and height must be 1 to \(MediaReader.largestSide)"
        case .unreachable(let source, let reason):
            "\(source): cannot connect (\(reason)). Check the address and the camera's power"
        case .unknownHost(let source, let host, let reason):
            "\(source): no address found for '\(host)' (\(reason)). Check the name"
        case .loginRefused(let source, let advice): "\(source): login refused. \(advice)"
        case .closed(let source): "\(source): the server closed the connection. Check the address and the camera"
        case .timedOut(let source, let timeout):
            "\(source): no data for \(Double(timeout.milliseconds) / 1000) s. Check the network and the camera's power"
        case .cancelled(let source): "\(source): cancelled"
        case .damaged(let source, let reason):
            "\(source): too damaged to continue (\(reason)). Check the camera or file"
        case .io(let source, let operation, let reason): "\(source): \(operation) failed: \(reason)"
        case .fileExists(let path): "\(path): file exists. Choose another name, or delete it"
        case .diskFull(let path): "\(path): no space left on the disk. Free some space"
        case .outOfOrder(let path, let last, let given):
            "\(path): frame at \(given) µs after one at \(last) µs. Start a new file if the clock was set back"
        case .invalidFrame(let path, let reason): "\(path): cannot write the frame: \(reason)"
        case .finished(let path): "\(path): already finished. Start a new file"
        }
    }
}

/// An error code of libav.
struct AVFailure: Hashable, Sendable {
    let code: Int32

    /// The errno of a system error; `nil` for other codes.
    var errno: Int32? {
        (1...4095).contains(-code) ? -code : nil
    }

    var text: String {
        let capacity = 128
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { text in
            guard let start = text.baseAddress else { return "" }
            return unsafe String(cString: secam_av_error_text(code, start, capacity))
        }
    }
}

enum LibAV {
    /// Silences libav's own output to standard error, once for the process. Errors are reported by ``MediaError``.
    static let isQuiet: Bool = {
        av_log_set_level(AV_LOG_QUIET)
        return true
    }()
}
