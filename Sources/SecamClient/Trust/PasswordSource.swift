import SecamProcess
package import SecamWire

/// The source of the password: the prompt for users; the variable, the file or the option for scripts.
package enum PasswordSource: Sendable, Equatable {
    case argument(String)
    case file(String)
    case environment(String)
    case prompt

    static let variable = "SECAM_PASSWORD"
    static let warning =
        "warning: other users of this machine may have read the password from the command line; use the prompt, "
        + "--password-file or SECAM_PASSWORD"

    /// Chooses the first source that is given: option, file, variable, prompt.
    ///
    /// - Throws: `usage` when both options are given.
    package init(
        argument: String?, file: String?, environment: (String) -> String?
    ) throws(ClientError) {
        switch (argument, file) {
        case (.some, .some): throw .usage("--password and --password-file exclude each other; give only one")
        case (let argument?, nil): self = .argument(argument)
        case (nil, let file?): self = .file(file)
        case (nil, nil):
            if let password = environment(Self.variable) { self = .environment(password) } else { self = .prompt }
        }
    }

    /// Returns the password.
    ///
    /// - Parameters:
    ///   - warn: shows a warning when the command line contains the password.
    ///   - ask: asks the user for the password.
    package func password(
        warn: (String) -> Void, ask: () throws(ClientError) -> Secret
    ) throws(ClientError) -> Secret {
        let password: Secret
        switch self {
        case .argument(let text):
            CommandLineSecrets.erase(text)
            warn(Self.warning)
            password = Secret(text)
        case .file(let path): password = try Self.read(path)
        case .environment(let text): password = Secret(text)
        case .prompt: password = try ask()
        }
        guard password.count <= WireLimits.password else { throw .passwordTooLong(bytes: password.count) }
        return password
    }

    /// Returns the file's text without the line end.
    private static func read(_ path: String) throws(ClientError) -> Secret {
        var bytes = try FileIO.read(path, limit: WireLimits.password + 2)
        defer { Secret.erase(&bytes) }
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard !bytes.isEmpty, !bytes.contains(UInt8(ascii: "\n")), (try? UTF8Span(validating: bytes.span)) != nil else {
            throw .file(path: path, operation: "use", reason: "it must hold the password in UTF-8, on one line")
        }
        return Secret(bytes.span)
    }
}
