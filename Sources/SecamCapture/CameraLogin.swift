import SecamBase
import SecamProcess

/// The user and password of a camera's stream, separate from its address.
struct CameraLogin: Sendable {
    let user: String
    let password: String

    /// Reads the login from the first line of the file `credentials.file`, or from `SECAM_CREDENTIALS`
    /// (`USER:PASSWORD`).
    ///
    /// - Returns: `nil` if neither is set.
    init?(_ settings: Settings) throws {
        let text: String
        if let path = settings.text("credentials.file") {
            text = try SecretFile.read(path)
        } else if let value = settings.text("credentials") {
            text = value
        } else {
            return nil
        }
        let line = text.prefix { !$0.isNewline }
        guard let colon = line.firstIndex(of: ":"), colon > line.startIndex else {
            throw SettingsError(key: "credentials.file", value: "…", expected: "a file with the line USER:PASSWORD")
        }
        user = String(line[..<colon])
        password = String(line[line.index(after: colon)...])
    }
}

extension CameraLogin: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    var description: String { "…" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: []) }
}
