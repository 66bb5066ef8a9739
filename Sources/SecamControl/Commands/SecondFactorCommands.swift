import ArgumentParser
import Glibc
import SecamBase
import SecamProcess
import SecamUsers
import SecamWire

extension UserCommand {
    struct EnableSecondFactor: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "enable-2fa",
            abstract: "Set up a user's second factor with an authenticator app, and end the user's sessions.")
        @OptionGroup var data: DataOption
        @Argument(help: "User name.") var name: String

        func run() async throws {
            await reportingErrors {
                let user = try UserCommand.name(name)
                let accounts = try Accounts(data.existingFolder())
                guard try accounts.users.user(user) != nil else { throw UsersError.noSuchUser(user) }
                guard isatty(0) == 1, let terminal = Terminal() else {
                    throw CommandError("there is no terminal to show the QR code and to ask for a code")
                }
                let factor = try SecondFactor.random()
                let codes = try RecoveryCodes.random()
                let picture = QRCode(factor.address(of: user))?.terminalText ?? ""
                let step = try Terminal.attempt(orElse: "cancelled; nothing was changed") {
                    () throws(Terminal.Failure) in
                    try terminal.show(
                        """
                        Scan this with an authenticator app, or type the secret: \(factor.typedSecret)

                        \(picture)
                        """)
                    return try Self.askForCode(of: factor, terminal)
                }
                try accounts.users.setSecondFactor(factor, usedStep: step, recoveryCodes: codes, of: user)
                accounts.record(.secondFactorSet, user)
                StandardOutput.print(
                    """
                    \(user) now logs in with a password and a code. Each of these recovery codes replaces a code once; \
                    keep them where the phone is not:
                    \(codes.map { "  \($0)\n" }.joined())
                    """)
            }
        }

        /// Asks until a code is right. An app with a wrong secret or clock would lock the user out.
        ///
        /// - Returns: the code's step.
        private static func askForCode(
            of factor: SecondFactor, _ terminal: borrowing Terminal
        ) throws(Terminal.Failure) -> Int64 {
            while true {
                let code = try terminal.readSecret("Code that the app shows: ")
                let typed = unsafe code.withBytes { unsafe String(decoding: $0, as: UTF8.self) }
                if let step = try? factor.step(ofCode: typed, at: WallClock.now) { return step }
                try terminal.show("This is not the code. Are the clocks of the phone and of this machine right?\n")
            }
        }
    }

    struct DisableSecondFactor: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "disable-2fa",
            abstract: "Remove a user's second factor and recovery codes, and end the user's sessions.")
        @OptionGroup var data: DataOption
        @Argument(help: "User name.") var name: String

        func run() async throws {
            await reportingErrors {
                let user = try UserCommand.name(name)
                let accounts = try Accounts(data.existingFolder())
                guard try accounts.users.removeSecondFactor(of: user) else {
                    throw CommandError("'\(user)' has no second factor", .data)
                }
                accounts.record(.secondFactorRemoved, user)
            }
        }
    }

    struct RequireSecondFactor: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "require-2fa",
            abstract: "Let users log in only with a second factor. Running sessions continue.")
        @OptionGroup var data: DataOption
        @Argument(help: "User name. (default: with --all, all users)") var name: String?
        @Flag(help: "All users, present and future.") var all = false
        @Flag(help: "Do not require it any more.") var off = false

        func validate() throws {
            guard (name == nil) == all else { throw ValidationError("give a user name or --all") }
        }

        func run() async throws {
            await reportingErrors {
                let user = try name.map { try UserCommand.name($0) }
                let accounts = try Accounts(data.existingFolder())
                try accounts.users.requireSecondFactor(!off, of: user)
                accounts.record(off ? .secondFactorOptional : .secondFactorRequired, user?.text ?? "all users")
                guard !off else { return }
                for waiting in try accounts.users.list() where user.map({ $0 == waiting.name }) ?? true {
                    let state = try accounts.users.secondFactor(of: waiting.name)
                    guard state.isRequired, state.factor == nil else { continue }
                    StandardOutput.print(
                        "\(waiting.name) has no second factor yet. The web page sets one up at the next sign-in, or "
                            + "run: secam user enable-2fa \(waiting.name)\n")
                }
            }
        }
    }
}
