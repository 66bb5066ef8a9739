import Glibc
import SecamTestSupport
import Testing

@testable import SecamUsers

struct AuditLogTests {
    private let scratch: ScratchFolder
    private let path: String

    init() throws {
        scratch = try ScratchFolder()
        path = scratch.file("audit.log")
    }

    @Test func `a line is one JSON object with the time in UTC`() {
        let line = AuditLine.format(
            time: 1_769_860_800_000_001, event: .userAdded, user: "anna", address: "192.0.2.1:5", reason: "viewer")
        #expect(
            line == """
                {"time":"2026-01-31T12:00:00.000001Z","event":"user-added","user":"anna",\
                "address":"192.0.2.1:5","reason":"viewer"}

                """)
        #expect(AuditLine.timestamp(-1) == "1969-12-31T23:59:59.999999Z")
    }

    @Test func `what strangers send can neither forge a line nor steer a terminal`() {
        #expect(
            AuditLine.escape("a\"},\n{\u{1B}[2J\\\u{202E}\u{7F}\u{9B}ä\u{E0041}")
                == "a\\\"},\\u000a{\\u001b[2J\\\\\\u202e\\u007f\\u009bä\\udb40\\udc41")
    }

    @Test func `events are appended to a private file, after a restart too`() throws {
        for round in 0..<2 {
            let log = try AuditLog(path: path, logger: quiet)
            log.record(.login, user: "anna\n", address: "[::1]:9", reason: "round \(round)")
            log.flush()
        }
        let lines = scratch.lines("audit.log")
        #expect(lines.count == 2)
        #expect(lines[0].hasSuffix(#""event":"login","user":"anna\u000a","address":"[::1]:9","reason":"round 0"}"#))
        #expect(scratch.mode("audit.log") == 0o600)
    }

    @Test func `a file that was moved away is begun anew`() throws {
        let log = try AuditLog(path: path, logger: quiet)
        log.record(.login, user: "first", address: "a")
        log.flush()
        #expect(unsafe rename(path, path + ".moved") == 0)
        log.record(.login, user: "second", address: "a")
        log.flush()
        #expect(scratch.lines("audit.log").count == 1)
        #expect(scratch.lines("audit.log.moved").count == 1)
    }

    @Test func `two writers rotate one file without losing a line`() throws {
        let logs = [
            try AuditLog(path: path, maximumBytes: 2000, keptFiles: 100, logger: quiet),
            try AuditLog(path: path, maximumBytes: 2000, keptFiles: 100, logger: quiet),
        ]
        for index in 0..<100 { for log in logs { log.record(.refusal, user: "\(index)", address: "a") } }
        for log in logs { log.flush() }
        #expect(scratch.names.count > 5)
        #expect(scratch.names.map { scratch.lines($0).count }.reduce(0, +) == 200)
        for file in scratch.names { #expect(scratch.lines(file).joined().utf8.count <= 2000) }
    }

    @Test func `only so many old files are kept`() throws {
        let log = try AuditLog(path: path, maximumBytes: 200, keptFiles: 2, logger: quiet)
        for index in 0..<50 { log.record(.refusal, user: "\(index)", address: "a") }
        log.flush()
        #expect(Set(scratch.names) == ["audit.log", "audit.log.1", "audit.log.2"])
        #expect(scratch.lines("audit.log").last?.contains(#""user":"49""#) == true)
    }

    @Test func `a path that cannot be written is told`() {
        #expect(
            throws: UsersError.file(path: "/nowhere/audit", operation: "open", reason: "No such file or directory")
        ) {
            try AuditLog(path: "/nowhere/audit", logger: quiet)
        }
    }
}
