package import ArgumentParser

/// What every service can be told.
package struct ServiceOptions: ParsableArguments {
    @Flag(help: "End when standard input does, as `secam up` wants it.")
    var withParent = false
    @Flag(help: "Check the settings and exit without starting the service.")
    var check = false
    @Option(
        help: """
            Start nothing, ask the service that runs: alive, or joined for more than that. It answers in the file that \
            SECAM_HEALTH_FILE names for both.
            """)
    var health: HealthQuestion?
    @OptionGroup var log: LogOptions
    @Option(
        help: """
            Seconds that an event loop may stand still before the service ends itself, 1 to 3600; 0 for any time. \
            (SECAM_WATCHDOG; default: 30)
            """)
    var watchdog: String?

    @Option(
        help: """
            Address to serve metrics at for Prometheus, as 127.0.0.1:9464: GET /metrics. (SECAM_METRICS; default: none)
            """)
    package var metrics: String?

    package init() {}

    /// - Returns: `nil` for no limit.
    func stallLimit() throws(SettingsError) -> Duration? {
        let settings = Settings(
            commandLine: watchdog.map { ["watchdog": $0] } ?? [:], environment: ProgramEnvironment.variables)
        let seconds = try settings.integer("watchdog", in: 0...3600, default: 30)
        return seconds == 0 ? nil : .seconds(seconds)
    }
}

/// What every program can be told that writes a log.
package struct LogOptions: ParsableArguments {
    @Option(
        help: """
            Least level of log lines: trace, debug, info, notice, warning, error or critical. (SECAM_LOG_LEVEL; \
            default: info)
            """)
    package var logLevel: String?

    package init() {}

    func choose() throws(SettingsError) {
        let own = logLevel.map { ["log.level": $0] } ?? [:]
        try LogThreshold.choose(Settings(commandLine: own, environment: ProgramEnvironment.variables))
    }
}

/// What every service can be told that joins a registry.
package struct MemberOptions: ParsableArguments {
    @Option(help: "Join file with address, name and keys. (SECAM_JOIN)")
    var join: String?
    @Option(help: "Registry instead of the join file's, as tcp://host:port. (SECAM_REGISTRY)")
    var registry: String?

    package init() {}

    /// - Parameter others: the program's own options, by key.
    package func settings(_ others: [String: String?] = [:]) -> Settings {
        let all = others.merging(["join": join, "registry": registry]) { own, _ in own }
        return Settings(commandLine: all.compactMapValues(\.self), environment: ProgramEnvironment.variables)
    }
}

/// What every service can be told that others connect to.
package struct ListenOptions: ParsableArguments {
    @Option(
        help: """
            Where to be reached by the others. (SECAM_LISTEN; default: any free port, on the loopback when the registry \
            is there)
            """)
    package var listen: String?
    @Option(help: "Address that the others are told, behind a translated one. (SECAM_ADVERTISE; default: --listen's)")
    package var advertise: String?

    package init() {}

    package var values: [String: String?] { ["listen": listen, "advertise": advertise] }
}

/// What a health check asks.
enum HealthQuestion: String, ExpressibleByArgument {
    /// Whether the service does its work at all; if not, starting it again may help.
    case alive
    /// Whether the registry knows it too.
    case joined

    func ask(_ file: HealthFile) throws(HealthProblem) {
        let state = try file.read()
        guard state == .ready || self == .alive else {
            throw HealthProblem(description: "the service runs, but the registry does not answer it")
        }
    }
}
