import Glibc
import SecamBase
import SecamTestSupport
import Synchronization
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

    @Test func `text from strangers can neither forge a line nor control a terminal`() {
        #expect(
            JSONText.escaped("a\"},\n{\u{1B}[2J\\\u{202E}\u{7F}\u{9B}ä\u{E0041}")
                == "a\\\"},\\u000a{\\u001b[2J\\\\\\u202e\\u007f\\u009bä\\udb40\\udc41")
    }

    @Test func `events are appended to a private file, also after a restart`() throws {
        for round in 0..<2 {
            let log = try AuditLog(in: scratch)
            log.record(.login, user: "anna\n", address: "[::1]:9", reason: "round \(round)")
            log.flush()
        }
        let lines = scratch.lines("audit.log")
        #expect(lines.count == 2)
        #expect(lines[0].hasSuffix(#""event":"login","user":"anna\u000a","address":"[::1]:9","reason":"round 0"}"#))
        #expect(scratch.mode("audit.log") == 0o600)
    }

    @Test func `a new file is started when the file was moved away`() throws {
        let log = try AuditLog(in: scratch)
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
            try AuditLog(in: scratch, maximumBytes: 2000, keptFiles: 100),
            try AuditLog(in: scratch, maximumBytes: 2000, keptFiles: 100),
        ]
        for index in 0..<100 { for log in logs { log.record(.userAdded, user: "\(index)", address: "a") } }
        for log in logs { log.flush() }
        #expect(scratch.names.count > 5)
        #expect(scratch.names.map { scratch.lines($0).count }.reduce(0, +) == 200)
        for file in scratch.names { #expect(scratch.lines(file).joined().utf8.count <= 2000) }
    }

    @Test func `the number of rotated files is limited`() throws {
        let log = try AuditLog(in: scratch, maximumBytes: 200, keptFiles: 2)
        for index in 0..<50 { log.record(.userAdded, user: "\(index)", address: "a") }
        log.flush()
        #expect(Set(scratch.names) == ["audit.log", "audit.log.1", "audit.log.2", "audit-refusals.log"])
        #expect(scratch.lines("audit.log").last?.contains(#""user":"49""#) == true)
    }

    @Test func `an error names the path that cannot be written`() {
        #expect(
            throws: UsersError.file(path: "/nowhere/audit", operation: "open", reason: "No such file or directory")
        ) {
            try AuditLog(path: "/nowhere/audit", refusalsPath: scratch.file("refusals"), logger: quiet)
        }
    }

    private func counts(_ file: String) throws -> (lines: Int, events: Int) {
        let lines = scratch.lines(file)
        let counts = try lines.map { try JSONValue($0)["count"].integer ?? 1 }
        return (lines.count, counts.reduce(0, +))
    }

    @Test func `refusals of one network become a few lines and a count, and logins stay`() throws {
        let log = try AuditLog(in: scratch, maximumBytes: 4000, keptFiles: 1)
        log.record(.login, user: "anna", address: "192.0.2.1:5", network: "192.0.2.1")
        for port in 0..<5000 {
            log.record(
                .refusal, user: "anna", address: "192.0.2.9:\(port)", network: "192.0.2.9", reason: "credentials")
        }
        log.record(.refusal, user: "bert", address: "192.0.2.8:1", network: "192.0.2.8", reason: "credentials")
        log.flush()
        #expect(try counts("audit.log") == (1, 1))
        #expect(try counts("audit-refusals.log") == (12, 5001))
        let summary = try #require(scratch.lines("audit-refusals.log").last)
        #expect(
            summary.contains(
                #""event":"refusal","user":"anna","address":"192.0.2.9","reason":"credentials","count":4990,"since":""#)
        )
    }

    @Test func `a user's logins do not push other users' logins out`() throws {
        let log = try AuditLog(in: scratch)
        log.record(.login, user: "anna", address: "192.0.2.1:5")
        for port in 0..<5000 {
            log.record(.login, user: "mallory", address: "192.0.2.9:\(port)", network: "192.0.2.9")
            log.record(.logout, user: "mallory", address: "192.0.2.9:\(port)", network: "192.0.2.9")
        }
        log.flush()
        #expect(try counts("audit.log") == (1 + 30 + 2, 10_001))
    }

    @Test func `a user's first login from each network has a line, and summaries name the network`() throws {
        let log = try AuditLog(in: scratch)
        for port in 0..<100 {
            log.record(.login, user: "anna", address: "192.0.2.1:\(port)", network: "192.0.2.1")
            log.record(.logout, user: "anna", address: "192.0.2.1:\(port)", network: "192.0.2.1")
        }
        for port in 0..<3 { log.record(.login, user: "anna", address: "192.0.2.9:\(port)", network: "192.0.2.9") }
        log.flush()
        let lines = scratch.lines("audit.log")
        #expect(lines.contains { $0.contains(#""event":"login","user":"anna","address":"192.0.2.9:0""#) })
        let summaries = try lines.map { try JSONValue($0) }.filter { $0["count"].integer != nil }
        #expect(summaries.map { $0["address"].text } == ["192.0.2.1", "192.0.2.1", "192.0.2.9"])
        #expect(try counts("audit.log").events == 203)
    }

    @Test func `logins from any number of networks write a bounded number of lines`() throws {
        let log = try AuditLog(in: scratch)
        for index in 0..<5000 { log.record(.login, user: "mallory", address: "network \(index)") }
        log.flush()
        #expect(try counts("audit.log") == (256 + 1, 5000))
        #expect(scratch.lines("audit.log").last?.contains(#""user":"mallory","address":"others""#) == true)
    }

    @Test func `a summary is written at the end of its window, and a new window starts`() throws {
        let now = Mutex(ContinuousClock.now)
        let log = try AuditLog(in: scratch, clock: { now.withLock { $0 } })
        for _ in 0..<15 { log.record(.refusal, user: "anna", address: "a:1", network: "a") }
        now.withLock { $0 = $0.advanced(by: AuditSummaries.window) }
        log.record(.refusal, user: "anna", address: "a:1", network: "a")
        log.flush()
        #expect(try counts("audit-refusals.log") == (12, 16))
        let lines = scratch.lines("audit-refusals.log")
        #expect(lines[10].contains(#""count":5"#))
        #expect(!lines[11].contains("count"))
    }

    @Test func `the lines of a window are bounded, and every event is counted`() {
        var summaries = AuditSummaries(.refusals)
        var lines = 0
        for index in 0..<100_000 {
            let network = "\(index % 5000)"
            let verdict = summaries.record(
                .refusal, source: network, user: "\(index)", address: network, reason: "", time: 0)
            if verdict == .line { lines += 1 }
        }
        let written = summaries.takeSummaries()
        #expect(lines == 200)
        #expect(written.count <= 257)
        #expect(written.contains { $0.address == "others" })
        #expect(written.map(\.count).reduce(lines, +) == 100_000)
        #expect(summaries.takeSummaries().isEmpty)
    }
}
