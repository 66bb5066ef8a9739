import Glibc
import Logging
import SecamTestSupport
import Testing

@testable import SecamControl

struct ChildLogTests {
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private let logLine = "2026-01-31T12:00:00.123Z warning capture/porch  camera offline\n"

    /// Returns the part of a child's output that reaches standard error.
    private func copied(_ text: String, isHeldOpen: Bool = false) async throws -> String {
        let scratch = try SecamTestSupport.ScratchFolder()
        let target = unsafe open(scratch.file("log"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(target) }
        let log = try ChildLog(of: "capture/porch", logger: quiet, target: target)
        let input = log.input
        let other = isHeldOpen ? dup(input) : -1
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe write(input, $0.baseAddress, $0.count) }
            try #require(count > 0)
            rest = rest.dropFirst(count)
        }
        close(input)
        await log.finish()
        if isHeldOpen { close(other) }
        return scratch.text("log")
    }

    @Test(arguments: [false, true])
    func `a child's lines are copied unchanged until its end`(isHeldOpen: Bool) async throws {
        let text = String(repeating: logLine, count: 100) + "Fatal error: index out of range\n"
        #expect(try await copied(text, isHeldOpen: isHeldOpen) == text)
    }

    @Test func `output that floods does not displace a child's log`() async throws {
        let noise = String(repeating: "[h264 @ 0x55] error while decoding\n", count: 100_000)
        let log = try await copied(noise + logLine)
        #expect(log.utf8.count < 256 << 10)
        #expect(log.hasSuffix(logLine))
    }
}
