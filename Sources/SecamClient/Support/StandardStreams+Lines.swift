import Glibc
import SecamBase

extension StandardOutput {
    /// Writes a line.
    static func printLine(_ text: String) throws(ClientError) {
        try FileIO.writeAll((text + "\n").utf8, to: STDOUT_FILENO, path: "standard output")
    }
}

extension StandardError {
    /// Writes a message to the user.
    static func line(_ text: String) { print("secam-view: \(text)\n") }
}
