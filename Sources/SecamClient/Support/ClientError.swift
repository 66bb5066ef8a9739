package import SecamBase
import SecamProcess
package import SecamTLS
package import SecamWire

/// An error of `secam-view`. Its description says what failed, why, and what the user can do.
package enum ClientError: Error, Sendable, Equatable {
    case badServer(String)
    case missing(option: String, variable: String)
    case usage(String)
    case badOption(option: String, value: String, expected: String)
    case noPassword
    case notLoggedIn(server: ServerAddress)
    case passwordPromptCancelled
    case passwordTooLong(bytes: Int)
    case usernameTooLong(bytes: Int)
    case unreachable(server: ServerAddress, reason: String)
    case connection(server: ServerAddress, ConnectionEnd)
    case untrusted(server: ServerAddress, TLSError)
    case notAccepted(server: ServerAddress)
    case certificateChanged(
        server: ServerAddress, seen: CertificateFingerprint, file: String, lines: [Int])
    case badKnownHosts(file: String, line: Int)
    case trust(TLSError)
    /// The file in SSLKEYLOGFILE cannot be opened.
    case keyLog(TLSError)
    case noSuchCamera(names: [String], available: [Name], server: ServerAddress)
    case noCameras(server: ServerAddress)
    case noPicture(camera: Name, timeout: Duration, detail: String)
    case nothingRecorded(camera: Name, from: Int64, to: Int64)
    /// No archive answers queries for recordings.
    case noArchive(server: ServerAddress)
    case archiveGone(server: ServerAddress, detail: String)
    case incomplete(path: String, frames: Int)
    /// - Parameter holes: descriptions of the listed but missing parts.
    case holes(path: String, frames: Int, holes: [String])
    /// The gateway refused a request.
    case refused(server: ServerAddress, detail: String)
    case noAnswer(server: ServerAddress, timeout: Duration)
    case fileExists(path: String)
    case file(path: String, operation: String, reason: String)
    case recording(path: String, reason: String)
    case window(operation: String, reason: String)
}

extension ClientError {
    package var exitStatus: ExitStatus {
        switch self {
        case .badServer, .missing, .usage, .badOption, .noPassword, .passwordTooLong, .usernameTooLong:
            .usage
        case .notLoggedIn, .passwordPromptCancelled, .untrusted, .notAccepted, .certificateChanged: .noPermission
        case .holes: .incomplete
        case .unreachable, .noPicture, .noAnswer, .noArchive, .archiveGone, .incomplete: .unavailable
        case .connection(_, let end): end.exitStatus
        case .badKnownHosts: .data
        case .trust: .configuration
        case .keyLog: .inputOutput
        case .noSuchCamera, .noCameras, .nothingRecorded: .noInput
        case .refused: .noPermission
        case .fileExists: .cannotCreate
        case .file, .recording: .inputOutput
        case .window: .system
        }
    }
}

extension ClientError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .badServer(let text):
            "'\(TerminalText.masked(text))' is not a gateway's address; expected HOST:PORT, such as camera.example:7443 or "
                + "[::1]:7443"
        case .missing(let option, let variable):
            "\(option) is missing; add \(option) or set \(variable)"
        case .usage(let text): text
        case .badOption(let option, let value, let expected):
            "invalid \(option) '\(TerminalText.masked(value))'; expected \(expected)"
        case .noPassword:
            "there is no password, and no terminal to ask for it; set SECAM_PASSWORD or give --password-file FILE"
        case .notLoggedIn(let server): "no login at \(server) is remembered on this machine"
        case .passwordPromptCancelled: "no password was typed"
        case .passwordTooLong(let bytes):
            "the password has \(bytes) bytes; the maximum is \(WireLimits.password)"
        case .usernameTooLong(let bytes):
            "the user name has \(bytes) bytes; the maximum is \(WireLimits.name)"
        case .unreachable(let server, let reason):
            "cannot reach the gateway at \(server): \(TerminalText.masked(reason)); is it running there, and is the port right?"
        case .connection(let server, let end): "gateway \(server): \(end)"
        case .untrusted(let server, let error):
            "gateway \(server): \(TerminalText.masked("\(error)")); compare the fingerprint with the one that the gateway "
                + "shows"
        case .notAccepted(let server):
            "gateway \(server): you did not accept its certificate; ask its operator for the right fingerprint"
        case .certificateChanged(let server, let seen, let file, let lines):
            "THE KEY OF \(server) HAS CHANGED: another computer may have taken its place. Its certificate now has the "
                + "SHA-256 fingerprint \(seen). If the gateway's operator confirms it, accept it by deleting "
                + (lines.count == 1 ? "line " : "lines ") + lines.map(String.init).joined(separator: " and ")
                + " of \(file) and connecting again"
        case .badKnownHosts(let file, let line):
            "\(file), line \(line): expected HOST:PORT SPKI-SHA256:…; correct or delete the line"
        case .trust(let error): "\(error)"
        case .keyLog(let error): "\(error). SSLKEYLOGFILE names it: unset the variable, or choose another file"
        case .noSuchCamera(let names, let available, let server):
            "gateway \(server): no camera \(names.map { "'\(TerminalText.masked($0))'" }.joined(separator: ", ")) that you may "
                + "see; "
                + (available.isEmpty
                    ? "there are no cameras at present" : "there are: \(available.map(\.text).joined(separator: ", "))")
        case .noCameras(let server):
            "gateway \(server): no camera that you may see; ask an admin for the right to see one, or start one"
        case .noPicture(let camera, let timeout, let detail):
            "camera '\(camera)' sent no picture within \(timeout.components.seconds) s"
                + "\(detail.isEmpty ? "" : ": \(TerminalText.masked(detail))"); check its state with 'secam-view cameras'"
        case .nothingRecorded(let camera, let from, let to):
            "camera '\(camera)': nothing is recorded from \(UTC.dateAndTime(from)) to \(UTC.dateAndTime(to)) that you may "
                + "see; list its recordings with 'secam-view recordings \(camera)'"
        case .noArchive(let server):
            "gateway \(server): no archive answers, so recordings are unknown; see 'secam status'"
        case .archiveGone(let server, let detail):
            "gateway \(server): lost the archive\(detail.isEmpty ? "" : " (\(TerminalText.masked(detail)))"); try again"
        case .incomplete(let path, let frames):
            "saved \(frames) frames in \(path), but an archive does not answer, so there may be more; try again later"
        case .holes(let path, let frames, let holes):
            "saved \(frames) frames in \(path), but these recorded parts are missing: \(holes.joined(separator: "; "))"
        case .refused(let server, let detail): "gateway \(server): \(TerminalText.masked(detail))"
        case .noAnswer(let server, let timeout):
            "gateway \(server): no answer within \(timeout.components.seconds) s; is it overloaded? Try again"
        case .fileExists(let path): "\(path) exists; choose another name, or overwrite it with --force"
        case .file(let path, let operation, let reason): "cannot \(operation) \(path): \(reason)"
        case .recording(let path, let reason):
            "cannot record \(reason.hasPrefix(path) ? reason : "\(path): \(reason)")"
        case .window(let operation, let reason):
            "cannot \(operation): \(reason); is DISPLAY or WAYLAND_DISPLAY set? Give --headless for no window"
        }
    }
}
