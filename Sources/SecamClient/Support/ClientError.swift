package import SecamBase
import SecamProcess
package import SecamTLS
package import SecamWire

/// What can go wrong in the viewer; its text says what, where, and what to do.
package enum ClientError: Error, Sendable, Equatable {
    case badServer(String)
    case missing(option: String, variable: String)
    case contradiction(String)
    case badOption(option: String, value: String, expected: String)
    case noPassword
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
    case noSuchCamera(names: [String], available: [Name], server: ServerAddress)
    case noCameras(server: ServerAddress)
    case noPicture(camera: Name, seconds: Int, detail: String)
    case nothingRecorded(camera: Name, from: Int64, to: Int64)
    /// Nobody is there who knows what was recorded.
    case noArchive(server: ServerAddress)
    case archiveGone(server: ServerAddress, detail: String)
    case incomplete(path: String, frames: Int)
    /// - Parameter holes: where something is missing that was listed, for people.
    case holes(path: String, frames: Int, holes: [String])
    /// The gateway refuses what was asked of it.
    case refused(server: ServerAddress, detail: String)
    case noAnswer(server: ServerAddress, seconds: Int)
    case fileExists(path: String)
    case file(path: String, operation: String, reason: String)
    case recording(path: String, reason: String)
    case window(operation: String, reason: String)
}

extension ClientError {
    package var exitStatus: ExitStatus {
        switch self {
        case .badServer, .missing, .contradiction, .badOption, .noPassword, .passwordTooLong, .usernameTooLong:
            .usage
        case .passwordPromptCancelled, .untrusted, .notAccepted, .certificateChanged: .noPermission
        case .holes: .incomplete
        case .unreachable, .noPicture, .noAnswer, .noArchive, .archiveGone, .incomplete: .unavailable
        case .connection(_, let end): end.exitStatus
        case .badKnownHosts: .data
        case .trust: .configuration
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
            "'\(printable(text))' is no gateway's address; write HOST:PORT, such as camera.example:4433 or "
                + "[::1]:4433"
        case .missing(let option, let variable):
            "no \(option) given; add \(option) or set \(variable)"
        case .contradiction(let text): text
        case .badOption(let option, let value, let expected):
            "\(option) '\(printable(value))' does not work; give \(expected)"
        case .noPassword:
            "no password, and no terminal to ask for it on; set SECAM_PASSWORD or give --password-file FILE"
        case .passwordPromptCancelled: "no password was typed"
        case .passwordTooLong(let bytes):
            "the password has \(bytes) bytes; at most \(WireLimits.password) are possible"
        case .usernameTooLong(let bytes):
            "the username has \(bytes) bytes; at most \(WireLimits.name) are possible"
        case .unreachable(let server, let reason):
            "cannot reach the gateway at \(server): \(printable(reason)); is it running there, and is the port right?"
        case .connection(let server, let end): "gateway \(server): \(end)"
        case .untrusted(let server, let error):
            "gateway \(server): \(printable("\(error)")); compare the fingerprint with the one that the gateway "
                + "prints"
        case .notAccepted(let server):
            "gateway \(server): its certificate was not accepted; ask its operator for the right fingerprint"
        case .certificateChanged(let server, let seen, let file, let lines):
            "THE KEY OF \(server) HAS CHANGED: another computer may have taken its place. Its certificate now has the "
                + "SHA-256 fingerprint \(seen). If the gateway's operator confirms it, accept it by deleting "
                + (lines.count == 1 ? "line " : "lines ") + lines.map(String.init).joined(separator: " and ")
                + " of \(file) and connecting again"
        case .badKnownHosts(let file, let line):
            "\(file), line \(line): not 'HOST:PORT SHA256:…'; correct or delete the line"
        case .trust(let error): "\(error)"
        case .noSuchCamera(let names, let available, let server):
            "gateway \(server): no camera \(names.map { "'\(printable($0))'" }.joined(separator: ", ")) that you may "
                + "see; "
                + (available.isEmpty
                    ? "there is none at present" : "there are: \(available.map(\.text).joined(separator: ", "))")
        case .noCameras(let server):
            "gateway \(server): there is no camera that you may see; ask for the right to one, or start one"
        case .noPicture(let camera, let seconds, let detail):
            "camera '\(camera)' sent no picture within \(seconds) s\(detail.isEmpty ? "" : ": \(printable(detail))"); "
                + "look at its state with 'secam-view cameras'"
        case .nothingRecorded(let camera, let from, let to):
            "nothing is recorded of '\(camera)' from \(UTC.dateAndTime(from)) to \(UTC.dateAndTime(to)) that you may "
                + "see; see 'secam-view recordings \(camera)'"
        case .noArchive(let server):
            "gateway \(server): no archive answers, so nothing is known of the past; is one running ('secam up --record', "
                + "'secam status')?"
        case .archiveGone(let server, let detail):
            "gateway \(server): the archive is gone\(detail.isEmpty ? "" : " (\(printable(detail)))")"
        case .incomplete(let path, let frames):
            "saved \(frames) frames in \(path), but an archive does not answer: there may be more; try again later"
        case .holes(let path, let frames, let holes):
            "saved \(frames) frames in \(path), but this was recorded and is missing: \(holes.joined(separator: "; "))"
        case .refused(let server, let detail): "gateway \(server): \(printable(detail))"
        case .noAnswer(let server, let seconds):
            "gateway \(server): no answer within \(seconds) s; is it overloaded? Try again"
        case .fileExists(let path): "\(path) exists; choose another name, or overwrite it with --force"
        case .file(let path, let operation, let reason): "cannot \(operation) \(path): \(reason)"
        case .recording(let path, let reason):
            "cannot record \(reason.hasPrefix(path) ? reason : "\(path): \(reason)")"
        case .window(let operation, let reason):
            "cannot \(operation): \(reason); is DISPLAY or WAYLAND_DISPLAY set? Use --headless to do without a window"
        }
    }
}

/// Text from elsewhere with what could steer a terminal replaced, on one line.
package func printable(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
            result.append("\u{FFFD}")
        default: result.append(scalar)
        }
    }
    return String(result)
}
