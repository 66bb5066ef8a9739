import CAVFormat
import Glibc

/// Why a file or stream gives no pictures, or takes none, and what to do about it.
/// Addresses are named without the user and password that they may hold.
package enum MediaError: Error, Hashable, Sendable, CustomStringConvertible {
    case noSuchFile(source: String)
    case permissionDenied(source: String)
    /// A scheme that secam does not read, a folder, a device.
    case unsupportedSource(source: String, reason: String)
    case notVideo(source: String, found: String)
    case noVideoStream(source: String, found: String)
    case unsupportedCodec(source: String, codec: String)
    case pictureTooLarge(source: String, width: Int, height: Int)
    case unreachable(source: String, reason: String)
    case timedOut(source: String, seconds: Double)
    case cancelled(source: String)
    /// Too many damaged packets in succession.
    case damaged(source: String, reason: String)
    case io(source: String, operation: String, reason: String)
    case fileExists(path: String)
    case diskFull(path: String)
    /// A frame before the one written last; nothing was written, and the file can go on.
    case outOfOrder(path: String, lastMicroseconds: Int64, givenMicroseconds: Int64)
    case invalidFrame(path: String, reason: String)
    case finished(path: String)

    package var description: String {
        switch self {
        case .noSuchFile(let source): "\(source): no such file: check the path"
        case .permissionDenied(let source): "\(source): permission denied: let this user read (or write) it"
        case .unsupportedSource(let source, let reason):
            "\(source): \(reason): give a video file, rtsp://, rtsps://, http:// or https://"
        case .notVideo(let source, let found): "\(source): not a video, but \(found): give a video file or stream"
        case .noVideoStream(let source, let found): "\(source): no video in it, only \(found): give one with video"
        case .unsupportedCodec(let source, let codec):
            "\(source): libavcodec cannot decode '\(codec)' here: convert it, or set the camera to H.264 or MJPEG"
        case .pictureTooLarge(let source, let width, let height):
            "\(source): pictures of \(width)x\(height) cannot be taken: from 1 to \(MediaReader.largestSide) a side are"
        case .unreachable(let source, let reason):
            "\(source): cannot be opened (\(reason)): check the address, user and password, and that it is switched on"
        case .timedOut(let source, let seconds):
            "\(source): nothing came for \(seconds) s: check the network and that it is switched on"
        case .cancelled(let source): "\(source): cancelled"
        case .damaged(let source, let reason): "\(source): too damaged to go on (\(reason)): check its source"
        case .io(let source, let operation, let reason): "\(source): \(operation) failed: \(reason)"
        case .fileExists(let path): "\(path): exists already: choose another name, or delete it"
        case .diskFull(let path): "\(path): no space left on the disk: make room"
        case .outOfOrder(let path, let last, let given):
            "\(path): a frame of \(given) µs came after \(last) µs: begin a new file if the clock was set back"
        case .invalidFrame(let path, let reason): "\(path): not a frame that can be written: \(reason)"
        case .finished(let path): "\(path): finished already: begin a new file"
        }
    }
}

/// What libav answers with.
struct AVFailure: Hashable, Sendable {
    let code: Int32

    /// The errno that libav passes on from the system, if this is one.
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
    /// libav writes to stderr on its own; what matters is told by our errors. Decided once for the process.
    static let isQuiet: Bool = {
        av_log_set_level(AV_LOG_QUIET)
        return true
    }()
}
