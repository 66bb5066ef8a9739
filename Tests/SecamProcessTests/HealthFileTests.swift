import Glibc
import SecamBase
import SecamProcess
import SecamTestSupport
import Testing

/// What a health check reads of a service.
struct HealthFileTests {
    private let scratch = try! ScratchFolder()

    @Test func `the last state is read`() throws {
        var file = HealthFile(scratch.file("health"))
        let start = MonotonicTime.now
        file.note(.alone, now: start)
        #expect(try file.read() == .alone)
        file.note(.ready, now: start)
        #expect(try file.read() == .ready, "a change is written at once")
    }

    @Test func `it is written once a second`() throws {
        var file = HealthFile(scratch.file("health"))
        let start = MonotonicTime.now
        file.note(.ready, now: start)
        _ = unsafe unlink(scratch.file("health"))
        file.note(.ready, now: start.advanced(byMicroseconds: 999_999))
        #expect(throws: HealthProblem.self) { try file.read() }
        file.note(.ready, now: start.advanced(byMicroseconds: 1_000_000))
        #expect(try file.read() == .ready)
    }

    @Test func `whoever asks while it is written finds a word`() async throws {
        let path = scratch.file("health")
        var file = HealthFile(path)
        file.note(.alone, now: .now)
        async let written: Void = Task.detached {
            var writer = HealthFile(path)
            for number in 0..<5000 { writer.note(number.isMultiple(of: 2) ? .ready : .alone, now: .now) }
        }.value
        for _ in 0..<5000 { _ = try HealthFile(path).read() }
        await written
    }

    @Test func `a word that is old does not count`() throws {
        var file = HealthFile(scratch.file("health"))
        file.note(.ready, now: .now)
        var times = [timespec(tv_sec: time(nil) - 11, tv_nsec: 0), timespec(tv_sec: time(nil) - 11, tv_nsec: 0)]
        try #require(unsafe utimensat(AT_FDCWD, scratch.file("health"), &times, 0) == 0)
        let problem = #expect(throws: HealthProblem.self) { try file.read() }
        #expect(problem?.description.contains("has said nothing for 1") == true)
    }

    @Test func `another file is none`() throws {
        try scratch.write("what is this", to: "health", mode: 0o600)
        let problem = #expect(throws: HealthProblem.self) { try HealthFile(scratch.file("health")).read() }
        #expect(problem?.description.contains("is no health file") == true)
    }
}
