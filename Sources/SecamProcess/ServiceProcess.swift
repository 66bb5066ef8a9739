import Glibc
import Logging
package import SecamBase
package import ServiceLifecycle
import UnixSignals

/// Starts and ends programs.
package enum ServiceProcess {
    /// Runs a service without settings; see `main(_:_:log:configure:make:)`.
    package static func main(_ program: String, _ make: () async throws -> any Service) async -> Never {
        await main(program, nil, configure: {}, make: { [try await make()] })
    }

    /// Runs services until one ends, a signal arrives, or the parent process ends. With `--check` it only checks the
    /// settings.
    ///
    /// SIGTERM and SIGINT stop the services gracefully. Services that have not ended after four seconds are cancelled,
    /// so the process ends within five. An error is reported as one line on standard error and an exit status of
    /// sysexits.h.
    ///
    /// - Parameters:
    ///   - program: the program's name, for error messages.
    ///   - options: the service's options; `nil` for a program that is not a service.
    ///   - log: the log options of a program that is not a service.
    ///   - configure: reads and checks all settings, without side effects.
    ///   - make: creates the services from the settings; when one ends, all end.
    package static func main<Configuration>(
        _ program: String, _ options: ServiceOptions?, log: LogOptions? = nil, configure: () throws -> Configuration,
        make: (Configuration) async throws -> [any Service]
    ) async -> Never {
        ProcessProtection.start()
        // A broken connection is an error of the write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        // SIGHUP asks a service to reload its files; one without files ignores it.
        if options != nil { signal(SIGHUP, SIG_IGN) }
        raiseDescriptorLimit()
        do {
            if let check = options?.health { try run(check) }
            try (options?.log ?? log)?.choose()
            let stallLimit = try options?.stallLimit()
            let configuration = try configure()
            if options?.check == true { exit(ExitStatus.success.rawValue) }
            var services = try await make(configuration)
            let logger = Logger.lines(program, level: .warning)
            if let options {
                services.append(SettledProcess())
                if options.withParent { services.append(ParentWatch()) }
            }
            if let stallLimit { LoopWatchdog.shared.start(program: program, limit: stallLimit) }
            try await run(services, logger: logger)
            ProcessLog.standardError.flush()
            exit(ExitStatus.success.rawValue)
        } catch let error as any ProgramError {
            fail(program, "\(error)", error.exitStatus)
        } catch {
            fail(program, "\(error)", .software)
        }
    }

    private static func run(_ check: HealthCheck) throws -> Never {
        guard let file = HealthFile.configured else {
            throw HealthProblem(description: "SECAM_HEALTH_FILE is not set, for this command or for the service")
        }
        try check.run(on: file)
        exit(ExitStatus.success.rawValue)
    }

    /// Each peer takes a descriptor or two, and the usual soft limit of 1024 exists only for programs that use
    /// `select`.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// Writes one line to standard error and ends the process.
    package static func fail(_ program: String, _ text: String, _ status: ExitStatus) -> Never {
        ProcessLog.standardError.flush()
        var line = "\(program): \(text)\n"
        _ = line.withUTF8 { unsafe write(2, $0.baseAddress, $0.count) }
        exit(status.rawValue)
    }

    private static func run(_ services: [any Service], logger: Logger) async throws {
        var configuration = ServiceGroupConfiguration(
            services: services.map { service in
                .init(
                    service: service, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup)
            },
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(4)
        try await ServiceGroup(configuration: configuration).run()
    }
}

/// Releases memory that only the start needed.
private struct SettledProcess: Service {
    /// Time after which a service has joined the mesh and reached its steady state.
    private static let startTime = Duration.seconds(10)

    func run() async {
        try? await cancelWhenGracefulShutdown {
            try await Task.sleep(for: Self.startTime)
            StartupMemory.release()
        }
        try? await gracefulShutdown()
    }
}

/// Ends the process with its parent, which holds the other end of standard input, a pipe that is never written to.
private struct ParentWatch: Service {
    func run() async throws {
        let ended = AsyncStream<Void>.makeStream()
        DedicatedThread.start {
            var byte: UInt8 = 0
            while unsafe read(0, &byte, 1) > 0 {}
            ended.continuation.finish()
        }
        for await _ in ended.stream.cancelOnGracefulShutdown() {}
    }
}
