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

    /// Returns a free TCP port of the loopback interface.
    package static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                let bound = unsafe bind(descriptor, pointer, length)
                return bound == 0 ? unsafe getsockname(descriptor, pointer, &length) : bound
            }
        }
        guard code == 0 else { throw TestFailure("no free port: errno \(errno)") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
