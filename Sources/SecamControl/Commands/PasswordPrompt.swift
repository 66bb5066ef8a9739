import Glibc
import SecamBase
import SecamProcess
import SecamWire

/// Asks for a password on the terminal without showing it.
enum PasswordPrompt {
    /// Asks for a new password, twice.
    ///
    /// - Parameter alternative: the option that the error names where there is no terminal.
    static func askForNew(alternative: String = "--password-stdin") throws -> String {
        let terminal = try terminal(alternative)
        let first = try ask("New password: ", terminal)
        guard try ask("Again: ", terminal) == first else { throw CommandError("the two passwords differ", .data) }
        return first
    }

    /// Asks for an existing password, once.
    static func askForExisting(alternative: String) throws -> String {
        try ask("Password: ", try terminal(alternative))
    }

    /// A script whose standard input is a file must not stop at a prompt.
    private static func terminal(_ alternative: String) throws(CommandError) -> Terminal {
        guard isatty(0) == 1, let terminal = Terminal() else {
            throw CommandError("there is no terminal to ask for the password; use \(alternative)")
        }
        return terminal
    }

    private static func ask(_ prompt: String, _ terminal: borrowing Terminal) throws(CommandError) -> String {
        let secret = try Terminal.attempt(orElse: "no password was given") { () throws(Terminal.Failure) in
            try terminal.readSecret(prompt)
        }
        return unsafe secret.withBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }
}

extension Terminal {
    /// Runs a dialogue with the user.
    ///
    /// - Parameter cancelled: the error's text when the user cancels it.
    static func attempt<Result>(
        orElse cancelled: String, _ body: () throws(Terminal.Failure) -> Result
    ) throws(CommandError) -> Result {
        do throws(Terminal.Failure) {
            return try body()
        } catch {
            switch error {
            case .cancelled: throw CommandError(cancelled)
            case .inputOutput(let operation, let reason):
                throw CommandError("cannot \(operation) \(Terminal.path): \(reason)", .inputOutput)
            }
        }
    }
}
