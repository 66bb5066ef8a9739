package import SecamBase
package import SecamProcess

/// The address and port at which metrics are served.
package struct MetricsEndpoint: Sendable, Equatable {
    /// A local IP address, without brackets.
    package let host: String
    package let port: Int

    /// Parses the setting `metrics`; returns `nil` without it.
    package init?(_ settings: Settings) throws(SettingsError) {
        guard let text = settings.text("metrics") else { return nil }
        let expected = "ADDRESS:PORT, such as 127.0.0.1:9464 or [::1]:9464"
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw SettingsError(key: "metrics", value: text, expected: expected)
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw SettingsError(key: "metrics", value: text, expected: expected)
        }
        guard !host.isEmpty else { throw SettingsError(key: "metrics", value: text, expected: expected) }
        self.host = String(host)
        self.port = Int(port)
    }
}

/// The reason why metrics cannot be served.
package struct MetricsFailure: ProgramError, Equatable {
    package let description: String
    package var exitStatus: ExitStatus { .unavailable }
}
