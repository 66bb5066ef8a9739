package import ArgumentParser

/// Options of every service.
package struct ServiceOptions: ParsableArguments {
    @Flag(help: "Exit when standard input closes; `secam up` uses it to stop its services.")
    var withParent = false
    @Flag(help: "Check the settings and exit without starting the service.")
    var check = false
    @Option(
        help: """
            Query the running service's health and exit: alive, or joined (alive and registered). Needs \
            SECAM_HEALTH_FILE set for this command and for the service.
            """)
    var health: HealthCheck?
    @OptionGroup var log: LogOptions
    @Option(
        help: """
            Time without a response from an event loop after which the service ends, seconds, 1 to 3600; 0 for no \
            limit. (SECAM_WATCHDOG; default: 30)
            """)
    var watchdog: String?

    @Option(
        help: """
            Address of the Prometheus endpoint GET /metrics, such as 127.0.0.1:9464. (SECAM_METRICS; default: none)
            """)
    package var metrics: String?

    package init() {}

    /// Returns the watchdog's time limit; `nil` for none.
    func stallLimit() throws(SettingsError) -> Duration? {
        let settings = Settings(
            commandLine: watchdog.map { ["watchdog": $0] } ?? [:], environment: ProgramEnvironment.variables)
        let seconds = try settings.integer("watchdog", in: 0...3600, default: 30)
        return seconds == 0 ? nil : .seconds(seconds)
    }
}

/// Options of every program that writes a log.
package struct LogOptions: ParsableArguments {
    @Option(
        help: """
            Minimum level of log lines: trace, debug, info, notice, warning, error or critical. (SECAM_LOG_LEVEL; \
            default: info)
            """)
    package var logLevel: String?

    package init() {}

    func choose() throws(SettingsError) {
        let own = logLevel.map { ["log.level": $0] } ?? [:]
        try LogThreshold.choose(Settings(commandLine: own, environment: ProgramEnvironment.variables))
    }
}

/// Options of every service that joins a registry.
package struct MemberOptions: ParsableArguments {
    @Option(help: "Join file with address, name and keys. (SECAM_JOIN)")
    var join: String?
    @Option(help: "Registry address instead of the join file's, such as tcp://host:port. (SECAM_REGISTRY)")
    var registry: String?

    package init() {}

    /// Returns the settings.
    ///
    /// - Parameter others: the program's own options by key.
    package func settings(_ others: [String: String?] = [:]) -> Settings {
        let all = others.merging(["join": join, "registry": registry]) { own, _ in own }
        return Settings(commandLine: all.compactMapValues(\.self), environment: ProgramEnvironment.variables)
    }
}

/// Options of every service that listens for other services.
package struct ListenOptions: ParsableArguments {
    @Option(
        help: """
            Address to listen at for other services. (SECAM_LISTEN; default: any free port, on the loopback interface \
            if the registry is local)
            """)
    package var listen: String?
    @Option(help: "Address told to other services, for a service behind NAT. (SECAM_ADVERTISE; default: --listen's)")
    package var advertise: String?

    package init() {}

    package var values: [String: String?] { ["listen": listen, "advertise": advertise] }
}

/// A health check of a running service.
enum HealthCheck: String, ExpressibleByArgument {
    /// Whether the service is working; if not, a restart may help.
    case alive
    /// Whether the service is also connected to the registry.
    case joined

    func run(on file: HealthFile) throws(HealthProblem) {
        let state = try file.read()
        guard state == .ready || self == .alive else {
            throw HealthProblem(description: "the service runs, but the registry does not answer it")
        }
    }
}
