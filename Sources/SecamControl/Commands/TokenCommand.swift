import ArgumentParser
import SecamBase
import SecamProcess
import SecamUsers
import SecamWire

extension UserCommand {
    /// `secam user token`: manages the tokens of tools.
    struct Token: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "token", abstract: "Add, list and remove tokens, with which tools use the HTTP interface.",
            subcommands: [Add.self, List.self, Remove.self])

        struct Add: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                commandName: "add", abstract: "Add a token, and print it once.",
                discussion: """
                    The token permits its holder what its scopes say, without the user's password. It stays \
                    valid when the password changes.
                    """)
            @OptionGroup var data: DataOption
            @Argument(help: "User name.") var name: String
            @Option(help: "Purpose, for the list.") var label = ""
            @Option(help: "Cameras that the tool may see, comma-separated, or all that the user may see.") var cameras =
                "all"
            @Option(help: "Permissions, comma-separated: live, snapshot, recordings, events.")
            var scopes = "live,snapshot,recordings,events"
            @Option(help: "Lifetime, such as 90d, or never.") var expires = "90d"

            func run() async throws {
                await reportingErrors {
                    let user = try UserCommand.name(name)
                    let length = label.unicodeScalars.count
                    guard length <= AccessToken.labelLength else {
                        throw CommandError(
                            "--label has \(length) characters; the maximum is \(AccessToken.labelLength)")
                    }
                    let scopes = try scopes(scopes)
                    let rights = try UserCommand.rights(cameras)
                    let accounts = try Accounts(data.existingFolder())
                    let token = try accounts.users.addToken(
                        of: user, label: label, scopes: scopes, cameras: rights, expires: try expiry())
                    accounts.record(.tokenAdded, user)
                    StandardOutput.print(token.text + "\n")
                }
            }

            private func scopes(_ text: String) throws(CommandError) -> TokenScopes {
                var scopes: TokenScopes = []
                for word in text.split(separator: ",") {
                    guard let scope = TokenScopes(name: String(word)) else {
                        throw CommandError(
                            "--scopes '\(JSONText.escaped(String(word)))': expected live, snapshot, recordings or events"
                        )
                    }
                    scopes.insert(scope)
                }
                guard !scopes.isEmpty else { throw CommandError("--scopes is empty; name at least one") }
                return scopes
            }

            private func expiry() throws(CommandError) -> Int64? {
                guard expires != "never" else { return nil }
                guard let lifetime = AccessToken.lifetime(expires) else {
                    throw CommandError(
                        "--expires '\(JSONText.escaped(expires))': expected \(DurationText.expected), or never")
                }
                return WallClock.now + lifetime.microseconds
            }
        }

        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(commandName: "list", abstract: "List a user's tokens.")
            @OptionGroup var data: DataOption
            @Argument(help: "User name.") var name: String
            @Flag(help: "Print one JSON array.") var json = false

            func run() async throws {
                await reportingErrors {
                    let user = try UserCommand.name(name)
                    let tokens = try Accounts(data.existingFolder()).users.tokens(of: user)
                    StandardOutput.print(json ? JSONText.array(tokens.map(\.json)) + "\n" : Self.table(tokens))
                }
            }

            private static func table(_ tokens: [AccessToken]) -> String {
                guard !tokens.isEmpty else { return "No tokens.\n" }
                return tokens.map { token in
                    let expiry = token.expires.map { "expires \(UTCText.text(microseconds: $0))" } ?? "never expires"
                    let use = token.lastUsed.map { "last used \(UTCText.text(microseconds: $0))" } ?? "not used"
                    return
                        "\(token.id)  \(token.scopes.names.joined(separator: ","))  \(token.cameras.text)  \(expiry)  \(use)  "
                        + "\(JSONText.escaped(token.label))\n"
                }.joined()
            }
        }

        struct Remove: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                commandName: "remove", abstract: "Remove a token, and end its streams.")
            @OptionGroup var data: DataOption
            @Argument(help: "User name.") var name: String
            @Argument(help: "ID of the token.") var id: String

            func run() async throws {
                await reportingErrors {
                    let user = try UserCommand.name(name)
                    let accounts = try Accounts(data.existingFolder())
                    try accounts.users.removeToken(id, of: user)
                    accounts.record(.tokenRemoved, user)
                }
            }
        }
    }
}
