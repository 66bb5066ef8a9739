import Configuration
package import SecamBase

/// The settings of a program, from the command line or else from environment variables `SECAM_…`.
///
/// Values are checked when they are read, so an error names the key, the value and the expected form.
package struct Settings: Sendable {
    private let reader: ConfigReader

    /// - Parameters:
    ///   - commandLine: the given options by key; dots separate a key's words, as in `listen.port`.
    ///   - environment: the process's environment variables.
    package init(commandLine: [String: String], environment: [String: String]) {
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        for (key, value) in commandLine {
            values[AbsoluteConfigKey(["secam"] + key.split(separator: ".").map(String.init))] =
                ConfigValue(.string(value), isSecret: false)
        }
        let providers: [any ConfigProvider] = [
            InMemoryProvider(name: "command line", values: values),
            EnvironmentVariablesProvider(environmentVariables: environment),
        ]
        reader = ConfigReader(providers: providers).scoped(to: "secam")
    }

    package func text(_ key: String) -> String? {
        let value = reader.string(forKey: ConfigKey(key))
        return value == "" ? nil : value
    }

    package func required(_ key: String, _ expected: String) throws(SettingsError) -> String {
        guard let value = text(key) else { throw SettingsError(key: key, value: nil, expected: expected) }
        return value
    }

    /// Returns a setting that is `on` or `off`.
    package func flag(_ key: String, default fallback: Bool) throws(SettingsError) -> Bool {
        switch text(key)?.lowercased() {
        case nil: return fallback
        case "on", "yes", "true", "1": return true
        case "off", "no", "false", "0": return false
        default: throw SettingsError(key: key, value: text(key), expected: "on or off")
        }
    }

    /// Returns a time span in seconds.
    package func seconds(_ key: String, atMost limit: Int, default fallback: Int) throws(SettingsError) -> Int {
        guard let text = text(key) else { return fallback }
        guard let seconds = DurationText.seconds(text), seconds <= limit else {
            throw SettingsError(
                key: key, value: text, expected: "\(DurationText.expected), at most \(limit / 86_400)d")
        }
        return seconds
    }

    package func integer(_ key: String, in range: ClosedRange<Int>, default fallback: Int) throws(SettingsError) -> Int
    {
        guard let text = text(key) else { return fallback }
        guard let value = Int(text), range.contains(value) else {
            throw SettingsError(
                key: key, value: text, expected: "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }
}

/// A missing or invalid setting.
package struct SettingsError: Error, Equatable, Sendable, CustomStringConvertible {
    package let key: String
    package let value: String?
    package let expected: String

    package init(key: String, value: String?, expected: String) {
        self.key = key
        self.value = value
        self.expected = expected
    }

    package var description: String {
        let option = "--" + key.split(separator: ".").joined(separator: "-")
        let variable = "SECAM_" + key.uppercased().split(separator: ".").joined(separator: "_")
        guard let value else { return "\(option) (or \(variable)) is missing: expected \(expected)" }
        return "\(option) (or \(variable)) is '\(value)': expected \(expected)"
    }
}

extension SettingsError: ProgramError {
    package var exitStatus: ExitStatus { .usage }
}
