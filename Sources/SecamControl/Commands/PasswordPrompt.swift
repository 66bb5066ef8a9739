import Glibc
import SecamBase

/// Asks for a password on the terminal without showing it.
enum PasswordPrompt {
    /// Asks for a new password, twice.
    ///
    /// - Parameter alternative: the option to use where there is no terminal.
    static func new(alternative: String = "--password-stdin") throws -> String {
        try requireTerminal(alternative)
        let first = try ask("New password: ")
        guard try ask("Again: ") == first else { throw CommandError("the two passwords differ", .data) }
        return first
    }

    /// Asks for a password that exists, once.
    static func existing(alternative: String) throws -> String {
        try requireTerminal(alternative)
        return try ask("Password: ")
    }

    private static func requireTerminal(_ alternative: String) throws(CommandError) {
        guard isatty(0) == 1 else {
            throw CommandError("there is no terminal to ask for the password; use \(alternative)")
        }
    }

    /// The prompt goes to standard error, since standard output may be a file.
    private static func prompt(_ text: String) { _ = unsafe write(2, text, text.utf8.count) }

    private static func ask(_ prompt: String) throws -> String {
        var saved = termios()
        guard unsafe tcgetattr(0, &saved) == 0 else { throw CommandError("the terminal cannot be read") }
        var silent = saved
        silent.c_lflag &= ~tcflag_t(ECHO)
        self.prompt(prompt)
        unsafe tcsetattr(0, TCSAFLUSH, &silent)
        defer {
            unsafe tcsetattr(0, TCSAFLUSH, &saved)
            self.prompt("\n")
        }
        guard let line = readLine(strippingNewline: true) else { throw CommandError("no password was given") }
        return line
    }
}
