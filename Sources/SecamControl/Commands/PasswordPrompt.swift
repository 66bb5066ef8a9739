internal import Glibc
import SecamConfig

/// Asks for a new password on the terminal, twice and without showing it.
enum PasswordPrompt {
    static func new() throws -> String {
        guard isatty(0) == 1 else {
            throw CommandError("there is no terminal to ask for the password; use --password-stdin")
        }
        let first = try ask("New password: ")
        guard try ask("Again: ") == first else { throw CommandError("the two passwords differ", .data) }
        return first
    }

    private static func ask(_ prompt: String) throws -> String {
        var saved = termios()
        guard unsafe tcgetattr(0, &saved) == 0 else { throw CommandError("the terminal cannot be read") }
        var silent = saved
        silent.c_lflag &= ~tcflag_t(ECHO)
        StandardOutput.print(prompt)
        unsafe tcsetattr(0, TCSAFLUSH, &silent)
        defer {
            unsafe tcsetattr(0, TCSAFLUSH, &saved)
            StandardOutput.print("\n")
        }
        guard let line = readLine(strippingNewline: true) else { throw CommandError("no password was given") }
        return line
    }
}
