import Glibc

/// The reason why a camera delivers no pictures, with advice.
package enum V4L2Error: Error, Hashable, Sendable, CustomStringConvertible {
    case noSuchDevice(path: String)
    case permissionDenied(path: String)
    /// Another program uses the camera.
    case busy(path: String)
    case notACaptureDevice(path: String, reason: String)
    case noUsableFormat(path: String, offered: [String])
    /// An input (HDMI, composite) without a signal.
    case noSignal(path: String, input: String, reason: String)
    case invalidRequest(path: String, reason: String)
    case unknownControl(path: String, name: String, known: [String])
    case controlOutOfRange(path: String, name: String, value: Int, allowed: String)
    case controlRefused(path: String, name: String, value: Int, reason: String)
    /// The camera was unplugged, or its driver failed. It must be reopened.
    case lost(path: String, reason: String)
    case io(path: String, operation: String, code: Int32)

    package var description: String {
        switch self {
        case .noSuchDevice(let path):
            "\(path): no such device. Plug the camera in, or choose one of /dev/video*"
        case .permissionDenied(let path):
            "\(path): permission denied. Add the user to group video (usermod -aG video USER) and log in again"
        case .busy(let path):
            "\(path): busy. End the other program that uses the camera (fuser \(path) shows which)"
        case .notACaptureDevice(let path, let reason):
            "\(path): not a streaming camera (\(reason)). Choose another /dev/video*"
        case .noUsableFormat(let path, let offered):
            "\(path): no supported pixel format (offered: \(Self.list(offered))). Choose another camera"
        case .noSignal(let path, let input, let reason):
            "\(path): no signal at input '\(input)' (\(reason)). Connect and switch on its source"
        case .invalidRequest(let path, let reason):
            "\(path): \(reason)"
        case .unknownControl(let path, let name, let known):
            "\(path): unknown control '\(name)' (known: \(Self.list(known)))"
        case .controlOutOfRange(let path, let name, let value, let allowed):
            "\(path): \(name)=\(value) is out of range (allowed: \(allowed))"
        case .controlRefused(let path, let name, let value, let reason):
            "\(path): the camera rejected \(name)=\(value) (\(reason)). Remove it, or first set what it depends on"
        case .lost(let path, let reason):
            "\(path): camera lost (\(reason)). Plug it in again"
        case .io(let path, let operation, let code):
            "\(path): \(operation) failed: \(Self.text(ofErrno: code)). Replug the camera if this persists"
        }
    }

    /// Makes the error for an errno of `operation`.
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
