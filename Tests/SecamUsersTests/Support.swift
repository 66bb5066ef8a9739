import Glibc
import Logging
import SecamTestSupport
import SecamUsers
import SecamWire

extension ScratchFolder {
    /// Returns the lines of a file; none when it does not exist.
    func lines(_ name: String) -> [String] {
        guard let stream = unsafe fopen(file(name), "r") else { return [] }
        defer { unsafe fclose(stream) }
        var bytes: [UInt8] = []
        while case let byte = unsafe fgetc(stream), byte != EOF { bytes.append(UInt8(byte)) }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

/// A logger that discards its lines.
let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

extension AuditLog {
    /// Creates `audit.log` and `audit-refusals.log` in a folder.
    convenience init(
        in scratch: ScratchFolder, maximumBytes: Int = 8 << 20, keptFiles: Int = 9,
        clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) throws {
        try self.init(
            path: scratch.file("audit.log"), refusalsPath: scratch.file("audit-refusals.log"),
            maximumBytes: maximumBytes, keptFiles: keptFiles, clock: clock, logger: quiet)
    }
}

func name(_ text: String) throws -> Name { try Name(text) }
