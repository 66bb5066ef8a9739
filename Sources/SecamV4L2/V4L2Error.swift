import Glibc

/// Why a camera gives no pictures, and what to do about it.
package enum V4L2Error: Error, Hashable, Sendable, CustomStringConvertible {
    case noSuchDevice(path: String)
    case permissionDenied(path: String)
    /// Another program has the camera, or its format is held by one.
    case busy(path: String)
    case notACaptureDevice(path: String, reason: String)
    case noUsableFormat(path: String, offered: [String])
    /// An input (HDMI, composite) on which nothing arrives.
    case noSignal(path: String, input: String, reason: String)
    case invalidRequest(path: String, reason: String)
    case unknownControl(path: String, name: String, known: [String])
    case controlOutOfRange(path: String, name: String, value: Int, allowed: String)
    case controlRefused(path: String, name: String, value: Int, reason: String)
    /// The camera was there and is gone: unplugged, or its driver gave up. Opening it again is the only way.
    case lost(path: String, reason: String)
    case io(path: String, operation: String, code: Int32)

    package var description: String {
        switch self {
        case .noSuchDevice(let path):
            "\(path): no such device: plug the camera in, or choose one of /dev/video*"
        case .permissionDenied(let path):
            "\(path): permission denied: add the user to group video (usermod -aG video USER) and log in again"
        case .busy(let path):
            "\(path): busy: another program uses the camera (fuser \(path) tells which); end it first"
        case .notACaptureDevice(let path, let reason):
            "\(path): not a camera that streams (\(reason)): choose another /dev/video*"
        case .noUsableFormat(let path, let offered):
            "\(path): no pixel format that can be used, it offers \(Self.list(offered)): choose another camera"
        case .noSignal(let path, let input, let reason):
            "\(path): no picture arrives at input '\(input)' (\(reason)): connect and switch on its source"
        case .invalidRequest(let path, let reason):
            "\(path): \(reason)"
        case .unknownControl(let path, let name, let known):
            "\(path): the camera has no control '\(name)', it has \(Self.list(known))"
        case .controlOutOfRange(let path, let name, let value, let allowed):
            "\(path): \(name)=\(value) is out of range: \(allowed)"
        case .controlRefused(let path, let name, let value, let reason):
            "\(path): the camera refused \(name)=\(value) (\(reason)): leave it out, or set what it needs before it"
        case .lost(let path, let reason):
            "\(path): the camera is gone (\(reason)): plug it in again"
        case .io(let path, let operation, let code):
            "\(path): \(operation) failed: \(Self.text(ofErrno: code)): plug the camera in anew if it goes on"
        }
    }

    /// The error for an errno that `operation` answered with.
    init(path: String, operation: String, code: Int32) {
        switch code {
        case ENOENT, ENXIO: self = .noSuchDevice(path: path)
        case EACCES, EPERM: self = .permissionDenied(path: path)
        case EBUSY: self = .busy(path: path)
        case ENODEV: self = .lost(path: path, reason: "\(operation): \(Self.text(ofErrno: code))")
        default: self = .io(path: path, operation: operation, code: code)
        }
    }

    static func text(ofErrno code: Int32) -> String {
        unsafe String(cString: strerror(code))
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "none" : names.joined(separator: ", ")
    }
}
