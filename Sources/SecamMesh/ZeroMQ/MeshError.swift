package import SecamBase

/// What can go wrong between services.
package enum MeshError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A call of libzmq failed; the text is its own.
    case library(call: String, reason: String)
    /// Nothing can listen at this endpoint.
    case cannotBind(endpoint: String, reason: String)
    /// This is no endpoint that can be reached.
    case badEndpoint(String, reason: String)
    /// libzmq was built without CURVE.
    case curveMissing
    /// A key is not 64 hexadecimal digits.
    case badKey(what: String)
    /// A service cannot be called this.
    case badName(String)
    /// A file of ours cannot be read or written.
    case file(path: String, reason: String)
    /// A line of a file is not what it should be.
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
            "'\(text)' is not usable as a service's name: use letters, digits, spaces and signs, without '/'"
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
