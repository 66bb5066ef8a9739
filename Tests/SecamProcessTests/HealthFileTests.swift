import Glibc
import SecamBase
import SecamProcess
import SecamTestSupport
import Testing

/// The reports that a health check reads.
struct HealthFileTests {
    private let scratch = try! ScratchFolder()

    @Test func `the last state is read`() throws {
        var file = HealthFile(scratch.file("health"))
        let start = MonotonicTime.now
        file.record(.alone, now: start)
        #expect(try file.read() == .alone)
        file.record(.ready, now: start)
        #expect(try file.read() == .ready, "a change is written at once")
    }

    @Test func `an unchanged state is written once a second`() throws {
        var file = HealthFile(scratch.file("health"))
        let start = MonotonicTime.now
        file.record(.ready, now: start)
        _ = unsafe unlink(scratch.file("health"))
        file.record(.ready, now: start + .microseconds(999_999))
        #expect(throws: HealthProblem.self) { try file.read() }
        file.record(.ready, now: start + .seconds(1))
        #expect(try file.read() == .ready)
    }

    @Test func `a reader always finds a complete word`() async throws {
        let path = scratch.file("health")
        var file = HealthFile(path)
        file.record(.alone, now: .now)
        async let written: Void = Task.detached {
            var writer = HealthFile(path)
            for number in 0..<5000 { writer.record(number.isMultiple(of: 2) ? .ready : .alone, now: .now) }
        }.value
        for _ in 0..<5000 { _ = try HealthFile(path).read() }
        await written
    }

    @Test func `an outdated state does not count`() throws {
        var file = HealthFile(scratch.file("health"))
        file.record(.ready, now: .now)
        var times = [timespec(tv_sec: time(nil) - 11, tv_nsec: 0), timespec(tv_sec: time(nil) - 11, tv_nsec: 0)]
        try #require(unsafe utimensat(AT_FDCWD, scratch.file("health"), &times, 0) == 0)
        let problem = #expect(throws: HealthProblem.self) { try file.read() }
        #expect(problem?.description.contains("has not reported for 1") == true)
    }

    @Test func `a file with other content is not a health file`() throws {
        try scratch.write("what is this", to: "health", mode: 0o600)
        let problem = #expect(throws: HealthProblem.self) { try HealthFile(scratch.file("health")).read() }
        #expect(problem?.description.contains("is not a health file") == true)
    }
}
