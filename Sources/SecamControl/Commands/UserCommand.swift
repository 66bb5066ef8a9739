import ArgumentParser
import Glibc
import Logging
import SecamBase
import SecamMesh
import SecamProcess
import SecamRegistry
import SecamUsers
import SecamWire

/// `secam user`: manages users in the data folder, with or without a running gateway.
struct UserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Add, list, change and remove users.",
        subcommands: [
            Add.self, List.self, Remove.self, SetPassword.self, Grant.self, Sessions.self, Token.self,
            EnableSecondFactor.self, DisableSecondFactor.self, RequireSecondFactor.self,
        ])

    /// The users and the audit log of a data folder.
    struct Accounts {
        let users: UserStore
        private let audit: AuditLog

        init(_ folder: DataFolder) throws {
            try folder.make()
            users = try UserStore(path: folder.users)
            var logger = Logger.lines("user")
            logger.logLevel = .error
            audit = try AuditLog(path: folder.auditLog, refusalsPath: folder.refusalLog, logger: logger)
        }

        func record(_ event: AuditEvent, _ user: Name) { record(event, user.text) }

        func record(_ event: AuditEvent, _ user: String) {
            audit.record(event, user: user, address: "command line")
            audit.flush()
        }
    }

    static func name(_ text: String) throws(CommandError) -> Name {
        do throws(NameError) {
            return try Name(text)
        } catch {
            throw CommandError("the user name '\(JSONText.escaped(text))' is \(error)")
        }
    }

    static func role(_ text: String) throws(CommandError) -> UserRole {
        guard let role = UserRole(text) else { throw CommandError("--role '\(text)': expected admin or viewer") }
        return role
    }

    /// Parses `all`, or comma-separated camera names.
    static func rights(_ text: String) throws(CommandError) -> CameraRights {
        guard text != "all" else { return .all }
        var cameras: Set<Name> = []
        for part in text.split(separator: ",") { cameras.insert(try CameraName.check(String(part))) }
        return .only(cameras)
    }

    static func password(fromStandardInput: Bool) throws -> String {
        if fromStandardInput {
            guard let line = readLine(strippingNewline: true) else {
                throw CommandError("there is no password on standard input")
            }
            return line
        }
        return try PasswordPrompt.askForNew()
    }

    static func show(_ advice: PasswordAdvice?) {
        if let advice { StandardOutput.print("Note: \(advice)\n") }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "add", abstract: "Add a user.")
        @OptionGroup var data: DataOption
        @Argument(help: "User name.") var name: String
        @Option(help: "Role: admin, who sees and may do everything, or viewer.") var role = "viewer"
        @Option(help: "Cameras that a viewer may see, comma-separated, or all.") var cameras = "all"
        @Flag(help: "Read the password from standard input.") var passwordStdin = false

        func run() async throws {
            await reportingErrors {
                let user = try UserCommand.name(name)
                let role = try UserCommand.role(role)
                let rights = try UserCommand.rights(cameras)
                let accounts = try Accounts(data.folder)
                guard try accounts.users.user(user) == nil else { throw UsersError.userExists(user) }
                let password = try UserCommand.password(fromStandardInput: passwordStdin)
                UserCommand.show(try accounts.users.add(user, password: password, role: role, cameras: rights))
                accounts.record(.userAdded, user)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List all users.")
        @OptionGroup var data: DataOption
        @Flag(help: "Print one JSON array.") var json = false

        func run() async throws {
            await reportingErrors {
                let users = try Accounts(data.existingFolder()).users.list()
                StandardOutput.print(json ? UserCommand.json(users) + "\n" : UserCommand.table(users))
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Remove a user, and end the user's sessions.")
        @OptionGroup var data: DataOption
        @Argument(help: "User name.") var name: String

        func run() async throws {
            await reportingErrors {
                let user = try UserCommand.name(name)
                let accounts = try Accounts(data.existingFolder())
                try accounts.users.remove(user)
                accounts.record(.userRemoved, user)
            }
        }
    }

    struct SetPassword: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "passwd", abstract: "Set a user's password, and end the user's sessions.")
        @OptionGroup var data: DataOption
        @Argument(help: "User name.") var name: String
        @Flag(help: "Read the password from standard input.") var passwordStdin = false

        func run() async throws {
            await reportingErrors {
                let user = try UserCommand.name(name)
                let accounts = try Accounts(data.existingFolder())
                guard try accounts.users.user(user) != nil else { throw UsersError.noSuchUser(user) }
                let password = try UserCommand.password(fromStandardInput: passwordStdin)
                UserCommand.show(try accounts.users.setPassword(password, of: user))
                accounts.record(.passwordChanged, user)
            }
        }
    }

    struct Grant: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "grant", abstract: "Change a user's role or cameras, also in running sessions.")
        @OptionGroup var data: DataOption
        @Argument(help: "User name.") var name: String
        @Option(help: "Role: admin or viewer. (default: unchanged)") var role: String?
        @Option(help: "Cameras that a viewer may see, comma-separated, or all. (default: unchanged)")
        var cameras: String?

        func run() async throws {
            await reportingErrors {
                let user = try UserCommand.name(name)
                guard role != nil || cameras != nil else { throw CommandError("give --role, --cameras or both") }
                let newRole = try role.map { try UserCommand.role($0) }
                let rights = try cameras.map { try UserCommand.rights($0) }
                let accounts = try Accounts(data.existingFolder())
                if let newRole {
                    try accounts.users.setRole(newRole, of: user)
                    accounts.record(.roleChanged, user)
                }
                if let rights {
                    try accounts.users.grant(rights, to: user)
                    accounts.record(.rightsChanged, user)
                }
            }
        }
    }

    struct Sessions: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "sessions", abstract: "List a user's sessions in browsers and secam-view, or end them.")
        @OptionGroup var data: DataOption
        @Argument(help: "User name.") var name: String
        @Option(help: "Session to end, by its ID, or all.") var revoke: String?
        @Flag(help: "Print one JSON array.") var json = false

        func run() async throws {
            await reportingErrors {
                let user = try UserCommand.name(name)
                let accounts = try Accounts(data.existingFolder())
                if let revoke {
                    try accounts.users.endSessions(of: user, id: revoke == "all" ? nil : revoke)
                    return accounts.record(.sessionRevoked, user)
                }
                let sessions = try accounts.users.sessions(of: user)
                StandardOutput.print(json ? Sessions.json(sessions) + "\n" : Sessions.table(sessions))
            }
        }

        private static func json(_ sessions: [UserSession]) -> String {
            JSONText.array(
                sessions.map { session in
                    JSONText.object([
                        "id": JSONText.string(session.id),
                        "created": JSONText.string(UTCText.iso(microseconds: session.created)),
                        "lastUsed": JSONText.string(UTCText.iso(microseconds: session.lastUsed)),
                        "address": JSONText.string(session.address), "client": JSONText.string(session.client),
                    ])
                })
        }

        private static func table(_ sessions: [UserSession]) -> String {
            guard !sessions.isEmpty else { return "No sessions.\n" }
            return TextTable.text(
                sessions.map { session in
                    [
                        session.id, "last used \(UTCText.text(microseconds: session.lastUsed))", session.address,
                        JSONText.escaped(session.client),
                    ]
                }) + "\n"
        }
    }

    private static func json(_ users: [User]) -> String {
        JSONText.array(
            users.map { user in
                JSONText.object([
                    "name": JSONText.string(user.name.text), "role": JSONText.string("\(user.role)"),
                    "cameras": user.cameras.json, "disabled": "\(user.disabled)",
                ])
            })
    }

    private static func table(_ users: [User]) -> String {
        guard !users.isEmpty else { return "" }
        return TextTable.text(
            users.map { user in
                let cameras = user.role == .admin ? "everything" : user.cameras.text
                return [user.name.text, "\(user.role)", cameras, user.disabled ? "disabled" : ""]
            }) + "\n"
    }
}

extension CameraRights {
    /// The cameras for users.
    var text: String {
        switch self {
        case .all: "all cameras"
        case .only(let names): names.isEmpty ? "no camera" : names.sorted().map(\.text).joined(separator: ", ")
        }
    }
}
