import Glibc
package import Logging
import SecamBase
import SecamMesh
import SecamMetrics
import SecamProcess
package import SecamRegistry
package import SecamWire

/// The services of `secam up`, with their settings.
package struct ServiceSetPlan: Sendable {
    package var folder: DataFolder
    /// The folder of the sibling programs.
    package var programs: String
    package var host: String
    package var port: Int
    /// Registry address for services.
    package var listen: String
    package var cameras: [CameraPlan]
    /// Number of encoders.
    package var encoders: Int
    /// Number of motion services; 0 turns motion detection off.
    package var motion: Int
    /// Number of archives.
    package var archives = 0
    /// Additional arguments of each archive.
    package var archiveArguments: [String] = []
    /// Additional arguments of the gateway.
    package var gatewayArguments: [String] = []
    /// Whether other processes of this user may read the services' memory.
    package var isDebuggable = false
    /// Whether raw pictures go through shared memory.
    package var isSharing = true
    /// Additional arguments of every service.
    package var serviceArguments: [String] = []

    package init(
        folder: DataFolder, programs: String, host: String, port: Int, listen: String, cameras: [CameraPlan],
        encoders: Int, motion: Int, archives: Int = 0, archiveArguments: [String] = [], gatewayArguments: [String] = [],
        isDebuggable: Bool = false, serviceArguments: [String] = []
    ) {
        self.folder = folder
        self.programs = programs
        self.host = host
        self.port = port
        self.listen = listen
        self.cameras = cameras
        self.encoders = encoders
        self.motion = motion
        self.archives = archives
        self.archiveArguments = archiveArguments
        self.gatewayArguments = gatewayArguments
        self.isDebuggable = isDebuggable
        self.serviceArguments = serviceArguments
    }

    package struct CameraPlan: Sendable, Equatable {
        package let name: Name
        package let source: String
        /// Additional arguments of the capture service.
        package var arguments: [String] = []
        /// A program, with its arguments, that runs the capture service, such as a camera emulator. It must replace itself
        /// by the capture service (exec), since its process is the one that is supervised.
        package var launcher: [String] = []
        /// Login of the source, `USER:PASSWORD`.
        package var login: String?

        package init(
            name: Name, source: String, arguments: [String] = [], launcher: [String] = [], login: String? = nil
        ) {
            self.name = name
            self.source = source
            self.arguments = arguments
            self.launcher = launcher
            self.login = login
        }
    }
}

/// The addresses of a running set, and the fingerprints of its certificate.
package struct ServiceSetAddress: Sendable, Equatable {
    /// Gateway's address for viewers, `host:port`.
    package let viewers: String
    /// Registry address as a ZeroMQ endpoint.
    package let registry: String
    package let fingerprint: String
    /// The fingerprint of the certificate's key.
    package let key: String

    /// Address for viewers on this machine: the loopback address when the gateway listens at all addresses.
    package var local: String {
        HostPort(viewers).map { "\($0.onThisMachine)" } ?? viewers
    }

    /// Reads the gateway's ready file; `nil` when the gateway is not ready yet.
    package init?(readyFile: String) throws {
        guard let text = try SecretFile.readIfThere(readyFile) else { return nil }
        var values: [Substring: String] = [:]
        for line in text.split(separator: "\n") {
            let pair = line.split(separator: "=", maxSplits: 1)
            if pair.count == 2 { values[pair[0]] = String(pair[1]) }
        }
        guard let viewers = values["viewers"], let registry = values["registry"],
            let fingerprint = values["fingerprint"], let key = values["key"]
        else { return nil }
        self.viewers = viewers
        self.registry = registry
        self.fingerprint = fingerprint
        self.key = key
    }
}

/// All services as child processes: the gateway starts first, then the others with its address.
package final class ServiceSet: Sendable {
    private let plan: ServiceSetPlan
    private let logger: Logger
    private let gateway: ChildProcess
    private let others: [ChildProcess]
    private let readyFile: String
    /// Identity for status queries.
    private let identity: Identity
    private let address = AddressBox()

    /// Creates missing keys and join files.
    package init(_ plan: ServiceSetPlan, logger: Logger) throws {
        self.plan = plan
        self.logger = logger
        let folder = plan.folder
        readyFile = folder.readyFile
        let operatorFile = try folder.ensureJoinFile(.operator, pattern: "operator", registry: plan.listen)
        identity = try Identity.read(operatorFile, registry: nil, role: .operator)
        let variables = plan.isDebuggable ? [ProcessProtection.debugVariable: "1"] : [:]
        gateway = ChildProcess(
            "\(plan.programs)/secam-gateway", role: "gateway", name: "gateway", logger: logger,
            arguments: [
                "--data", folder.path, "--host", plan.host, "--port", "\(plan.port)", "--listen", plan.listen,
                "--ready-file", readyFile, "--motion", plan.motion > 0 ? "on" : "off",
            ] + plan.gatewayArguments + plan.serviceArguments, variables: variables)
        let sharing = plan.isSharing ? ["--share", folder.share] : []
        let encodeFile = try folder.ensureJoinFile(.encode, pattern: "encode-*", registry: plan.listen)
        let encoders = (0..<plan.encoders).map { index in
            ChildProcess(
                "\(plan.programs)/secam-encode", role: "encode", name: "encode-\(index + 1)", logger: logger,
                arguments: ["--join", encodeFile] + sharing + plan.serviceArguments, variables: variables)
        }
        let motionFile = try folder.ensureJoinFile(.motion, pattern: "motion-*", registry: plan.listen)
        let motion = (0..<plan.motion).map { index in
            ChildProcess(
                "\(plan.programs)/secam-motion", role: "motion", name: "motion-\(index + 1)", logger: logger,
                arguments: ["--join", motionFile] + plan.serviceArguments, variables: variables)
        }
        let archiveFile = try folder.ensureJoinFile(.archive, pattern: "archive-*", registry: plan.listen)
        let archives = (0..<plan.archives).map { index in
            ChildProcess(
                "\(plan.programs)/secam-archive", role: "archive", name: "archive-\(index + 1)", logger: logger,
                arguments: ["--join", archiveFile] + plan.archiveArguments + plan.serviceArguments, isEssential: false,
                variables: variables)
        }
        let cameras = try plan.cameras.map { camera in
            let file = try folder.ensureJoinFile(.capture, pattern: camera.name.text, registry: plan.listen)
            let command = camera.launcher + ["\(plan.programs)/secam-capture", "--join", file]
            let secrets = ["SECAM_SOURCE": camera.source, "SECAM_CREDENTIALS": camera.login].compactMapValues { $0 }
            return ChildProcess(
                command[0], role: "capture", name: camera.name.text, logger: logger,
                arguments: command.dropFirst() + sharing + camera.arguments + plan.serviceArguments,
                variables: variables.merging(secrets) { $1 })
        }
        others = encoders + motion + archives + cameras
        // Removes cameras of an earlier start on this machine, whose keys are in the folder, so that they do not count as
        // offline. Cameras on other machines stay.
        var known = KnownCameras(in: folder)
        known.remove { name in
            let isLocal = unsafe access(folder.joinFile(.capture, name.text), F_OK) == 0
            return isLocal && !plan.cameras.contains { $0.name == name }
        }
        try known.write(to: folder)
    }

    /// The running services, gateway first.
    package var services: [(role: String, name: String, process: Int32)] {
        ([gateway] + others).compactMap { child in child.process.map { (child.role, child.name, $0) } }
    }

    /// Returns whether a service of a role cannot run.
    package func hasFailed(_ role: String) -> Bool { others.contains { $0.role == role && $0.hasFailed } }

    /// Returns the metrics of all services for Prometheus.
    package func metrics() async -> String {
        var text = MetricsText()
        let status = await status(timeout: .seconds(3))
        text.add(
            "secam_gateway_up", status == nil ? 0 : 1, help: "1 while the gateway answers", kind: "gauge")
        for member in status?.members ?? [] {
            text.add(member.figures, role: member.role, name: member.name.text)
            guard let camera = member.camera else { continue }
            text.add(camera.state, camera: member.name.text)
            let isStopped = status?.cause(of: .camerasUnrecorded, member) != nil
            text.add(isStopped ? .stopped : .on, camera: member.name.text)
        }
        return text.text
    }

    /// Returns the system's status; `nil` when the gateway does not answer.
    private func status(timeout: Duration) async -> Status? {
        guard let address = address.get() else { return nil }
        var identity = identity
        identity.registry = address.registry
        return try? await RegistryQuery.status(identity, timeout: timeout)
    }

    /// Starts all services and keeps them running until cancelled.
    ///
    /// - Parameters:
    ///   - onReady: called once, when all services have joined.
    ///   - onRestart: called after each restart of a service.
    package func run(
        onReady: @escaping @Sendable (ServiceSetAddress) throws -> Void, onRestart: @escaping @Sendable () -> Void
    ) async throws {
        try await check()
        _ = unsafe unlink(readyFile)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.gateway.run(onRestart: onRestart) }
            group.addTask {
                let address = try await self.waitForGateway()
                try await self.runOthers(address, onReady: onReady, onRestart: onRestart)
            }
            try await group.waitOrFail()
        }
    }

    /// Services that check their settings at the same time.
    private static let concurrentChecks = 4

    /// Lets every service check its settings before any service starts.
    private func check() async throws {
        var unchecked = ([gateway] + others)[...]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for child in unchecked.prefix(ServiceSet.concurrentChecks) { group.addTask { try await child.check() } }
            unchecked = unchecked.dropFirst(ServiceSet.concurrentChecks)
            while try await group.next() != nil {
                if let child = unchecked.popFirst() { group.addTask { try await child.check() } }
            }
        }
    }

    private func waitForGateway() async throws -> ServiceSetAddress {
        while true {
            try Task.checkCancellation()
            if let address = try ServiceSetAddress(readyFile: readyFile) { return address }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func runOthers(
        _ address: ServiceSetAddress, onReady: @escaping @Sendable (ServiceSetAddress) throws -> Void,
        onRestart: @escaping @Sendable () -> Void
    ) async throws {
        self.address.set(address)
        // A restarted gateway must listen at the same addresses.
        gateway.append(arguments: ["--port", address.viewers.split(separator: ":").last.map(String.init) ?? "0"])
        gateway.append(arguments: ["--listen", address.registry])
        try plan.folder.setRegistry(address.registry, role: .operator, pattern: "operator")
        for child in others { child.append(arguments: ["--registry", address.registry]) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for child in others {
                group.addTask { try await child.run(onRestart: onRestart) }
            }
            group.addTask {
                try await self.waitForMembers(address)
                try onReady(address)
            }
            try await group.waitOrFail()
        }
    }

    private func waitForMembers(_ address: ServiceSetAddress) async throws {
        var identity = identity
        identity.registry = address.registry
        while true {
            let joined = Set(try await RegistryQuery.status(identity, timeout: .seconds(30)).members.map(\.process))
            let allJoined = others.allSatisfy { child in
                child.hasFailed || child.process.map { joined.contains(UInt32($0)) } ?? false
            }
            if allJoined { return }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}

extension ThrowingTaskGroup where ChildTaskResult == Void {
    /// Waits for all tasks or the first error. The error then leaves the group and cancels the other tasks, while
    /// `waitForAll` would wait for them.
    fileprivate mutating func waitOrFail() async throws {
        while try await next() != nil {}
    }
}
