package import SecamBase
package import SecamProcess

/// Where metrics are served: an address of this machine and a port.
package struct MetricsEndpoint: Sendable, Equatable {
    /// An IP address, without brackets.
    package let host: String
    package let port: Int

    /// The setting `metrics`; `nil` when there is none.
    package init?(_ settings: Settings) throws(SettingsError) {
        guard let text = settings.text("metrics") else { return nil }
        let expected = "ADDRESS:PORT to serve metrics at, as 127.0.0.1:9464 or [::1]:9464"
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

/// Why metrics cannot be served.
package struct MetricsFailure: ProgramError, Equatable {
    package let description: String
    package var exitStatus: ExitStatus { .unavailable }
}
