import Foundation
import Glibc
import Synchronization

/// The programs of the package, built together with the tests.
package enum Programs {
    /// The folder of the tests' own executable.
    package static let folder: String = {
        var bytes = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &bytes, bytes.count)
        let path = String(decoding: bytes.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
        return URL(fileURLWithPath: path).deletingLastPathComponent().path
    }()

    private static let counter = Atomic(0)

    /// Returns a minimal environment: a separate home folder, and no variables of the user.
    package static func environment(_ scratch: ScratchFolder) -> [String: String] {
        ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": scratch.path, "LC_ALL": "C.UTF-8"]
    }

    /// Starts a program of the package, or any other by its path.
    package static func start(
        _ program: String, _ arguments: [String], in scratch: ScratchFolder, environment: [String: String] = [:],
        input: String? = nil, folder: String? = nil
    ) throws -> ChildProgram {
        let number = counter.add(1, ordering: .relaxed).newValue
        let name = program.split(separator: "/").last.map(String.init) ?? program
        return try ChildProgram(
            program.contains("/") ? program : "\(self.folder)/\(program)", arguments,
            environment: self.environment(scratch).merging(environment) { $1 }, input: input,
            folder: folder ?? scratch.path, log: scratch.file("\(name)-\(number)"))
    }

    /// Runs a program until it ends.
    package static func run(
        _ program: String, _ arguments: [String], in scratch: ScratchFolder, environment: [String: String] = [:],
        input: String? = nil, folder: String? = nil, seconds: Int = 60
    ) async throws -> FinishedProgram {
        try await start(program, arguments, in: scratch, environment: environment, input: input, folder: folder)
            .finish(seconds: seconds)
    }

    /// Runs a tool that prepares a test; its failure is the test's failure.
    @discardableResult
    package static func tool(_ arguments: [String], in scratch: ScratchFolder) async throws -> FinishedProgram {
        let finished = try await run("/usr/bin/env", arguments, in: scratch)
        guard finished.status == 0 else {
            throw TestFailure("\(arguments.joined(separator: " ")) failed: \(finished.errors)")
        }
        return finished
    }

    /// Makes a join file with `secam keys invite`, for a registry that is away unless an address is given.
    ///
    /// - Parameter file: the name of the file; by default, `NAME.join`.
    /// - Returns: its path.
    package static func invite(
        _ name: String, role: String = "capture", registry: String = "tcp://127.0.0.1:1", file: String? = nil,
        in scratch: ScratchFolder
    ) async throws -> String {
        let file = scratch.file(file ?? "\(name).join")
        let invited = try await run(
            "secam", ["keys", "invite", name, "--role", role, "--registry", registry, "-o", file], in: scratch,
            environment: ["SECAM_DATA": scratch.file("data")])
        guard invited.status == 0 else { throw TestFailure("secam keys invite: \(invited.errors)") }
        return file
    }

    /// Returns a free TCP port of the loopback interface, another one with each call. It is below the ports that the
    /// kernel chooses, so that no other program gets it before its user.
    package static func freePort() throws -> Int {
        for _ in portRange {
            let number = nextPort.wrappingAdd(1, ordering: .relaxed).newValue % portRange.count
            let port = portRange.lowerBound + number
            if let socket = try? Loopback.listen(at: UInt16(port)) {
                close(socket.descriptor)
                return port
            }
        }
        throw TestFailure("no port of \(portRange) is free")
    }

    private static let portRange = 12_000..<32_000
    private static let nextPort = Atomic(Int.random(in: portRange))
}
