package import SecamBase

/// An error of the connections between services or of their key files.
package enum MeshError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A libzmq call failed, with libzmq's own text.
    case library(call: String, reason: String)
    /// The endpoint cannot be listened at.
    case cannotBind(endpoint: String, reason: String)
    /// The endpoint is invalid or unreachable.
    case badEndpoint(String, reason: String)
    /// libzmq was built without CURVE.
    case curveMissing
    /// A key is not 64 hexadecimal digits.
    case badKey(what: String)
    /// A text is not a valid service name.
    case badName(String)
    /// A file cannot be read, written or used.
    case file(path: String, reason: String)
    /// A line of a file is invalid.
    case badLine(path: String, line: Int, reason: String)

    package var description: String {
        switch self {
        case .library(let call, let reason): "\(call) failed: \(reason)"
        case .cannotBind(let endpoint, let reason):
            "cannot listen at \(endpoint): \(reason); choose another address or port, or end the program that has it"
        case .badEndpoint(let endpoint, let reason): "cannot connect to \(endpoint): \(reason)"
        case .curveMissing:
            "this libzmq was built without CURVE encryption; install one that was built with libsodium"
        case .badKey(let what): "\(what) is not a key of 64 hexadecimal digits"
        case .badName(let text):
            "'\(text)' is not usable as a service's name: use letters, digits, spaces and punctuation except '/'"
        case .file(let path, let reason): "\(path): \(reason)"
        case .badLine(let path, let line, let reason): "\(path), line \(line): \(reason)"
        }
    }
}

extension MeshError: ProgramError {
    package var exitStatus: ExitStatus {
        switch self {
        case .library, .curveMissing: .software
        case .cannotBind: .unavailable
        case .badEndpoint, .badKey, .badName, .badLine: .configuration
        case .file: .noInput
        }
    }
}
