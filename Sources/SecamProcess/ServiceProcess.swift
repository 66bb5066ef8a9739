import Glibc
import Logging
package import SecamBase
package import ServiceLifecycle
import UnixSignals

/// How every program starts and ends.
package enum ServiceProcess {
    /// Makes a service without settings and runs it; see `main(_:_:log:configure:make:)`.
    package static func main(_ program: String, _ make: () async throws -> any Service) async -> Never {
        await main(program, nil, configure: {}, make: { [try await make()] })
    }

    /// Makes a service and runs it until it ends, a signal comes, or the parent is gone. With `--check` it only reads the
    /// settings.
    ///
    /// SIGTERM and SIGINT let it finish; what has not ended after four seconds is cancelled, so that a supervisor sees
    /// the process end within five. An error is one line on standard error and a status of sysexits.
    ///
    /// - Parameters:
    ///   - program: what an error's line begins with.
    ///   - options: what the service was told; none for a program that is no service.
    ///   - log: what a program that is no service was told of its log.
    ///   - configure: reads and checks all settings; it must start, open and change nothing.
    ///   - make: makes the service from its settings, and those beside it; when one of them ends, all do.
    package static func main<Configuration>(
        _ program: String, _ options: ServiceOptions?, log: LogOptions? = nil, configure: () throws -> Configuration,
        make: (Configuration) async throws -> [any Service]
    ) async -> Never {
        ProcessProtection.start()
        // A peer that is gone is an error of the call, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        // Asks a service to read its files anew, and must end none that has nothing to read.
        if options != nil { signal(SIGHUP, SIG_IGN) }
        raiseDescriptorLimit()
        do {
            if let question = options?.health { try answer(question) }
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
            if let stallLimit { LoopWatchdog.process.start(program: program, limit: stallLimit) }
            try await run(services, logger: logger)
            ProcessLog.standardError.flush()
            exit(ExitStatus.success.rawValue)
        } catch let error as any ProgramError {
            fail(program, "\(error)", error.exitStatus)
        } catch {
            fail(program, "\(error)", .software)
        }
    }

    private static func answer(_ question: HealthQuestion) throws -> Never {
        guard let file = HealthFile.ours else {
            throw HealthProblem(description: "SECAM_HEALTH_FILE is not set, neither here nor, likely, for the service")
        }
        try question.ask(file)
        exit(ExitStatus.success.rawValue)
    }

    /// Each peer is a descriptor or two, and the usual soft limit of 1024 is there for programs that use `select`.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// One line on standard error, then the end.
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

/// Gives back, once the service runs, what only its start needed.
private struct SettledProcess: Service {
    /// Within them a service has joined the others and has done all that it does over and over.
    private static let startTime = Duration.seconds(10)

    func run() async {
        try? await cancelWhenGracefulShutdown {
            try await Task.sleep(for: Self.startTime)
            StartupMemory.release()
        }
        try? await gracefulShutdown()
    }
}

/// Ends the process when whoever started it is gone: standard input, a pipe that nobody writes to, comes to its end.
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
