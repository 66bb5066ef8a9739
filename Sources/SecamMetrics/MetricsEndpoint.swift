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
        guard let address = HostPort(text) else {
            throw SettingsError(
                key: "metrics", value: text, expected: "ADDRESS:PORT, such as 127.0.0.1:9464 or [::1]:9464")
        }
        host = address.host
        port = Int(address.port)
    }
}

/// The reason why metrics cannot be served.
package struct MetricsFailure: ProgramError, Equatable {
    package let description: String
    package var exitStatus: ExitStatus { .unavailable }
}
