import Logging
import SecamTestSupport
import SecamWire
import Synchronization
import Testing

@testable import SecamBase
@testable import SecamProcess

/// The log of one process with a clock that the test sets.
private final class TestLog: Sendable {
    private let time = Mutex(MonotonicTime(microseconds: 0))
    private let written = Mutex<[String]>([])
    private let log = Mutex<ProcessLog?>(nil)

    init(_ limits: LogLimits = LogLimits(), summaryInterval: Duration = .seconds(3600)) {
        let log = ProcessLog(
            limits, summaryInterval: summaryInterval,
            clock: { [unowned self] in time.withLock { $0 } },
            output: { [unowned self] line in written.withLock { $0.append(line) } })
        self.log.withLock { $0 = log }
    }

    var lines: [String] { written.withLock { $0 } }
    var bytes: Int { lines.reduce(0) { $0 + $1.utf8.count } }

    func logger(_ label: String = "camera/porch") -> Logger {
        guard let log = log.withLock({ $0 }) else { preconditionFailure("made in init") }
        return Logger(label: label) { LineLogHandler(label: $0, level: .info, log: log) }
    }

    func wait(seconds: Double) {
        time.withLock { $0 = $0 + .microseconds(Int64(seconds * 1e6)) }
    }

    func flush() { log.withLock { $0 }?.flush() }
}

struct LogLimiterTests {
    private let limits = LogLimits()

    @Test func `a flooding event writes a burst, then one line in ten seconds with the number of suppressed lines`() {
        let test = TestLog()
        let logger = test.logger()
        for number in 0..<1000 { logger.warning("message rejected", metadata: ["number": "\(number)"]) }
        #expect(test.lines.count == limits.problemBurst)
        #expect(test.lines.allSatisfy { !$0.contains("suppressed=") })
        test.wait(seconds: 9.9)
        logger.warning("message rejected")
        #expect(test.lines.count == limits.problemBurst)
        test.wait(seconds: 0.2)
        logger.warning("message rejected")
        #expect(test.lines.count == limits.problemBurst + 1)
        #expect(test.lines.last?.hasSuffix("message rejected  suppressed=991\n") == true)
    }

    @Test(arguments: Logger.Level.allCases)
    func `every level is limited`(level: Logger.Level) {
        let test = TestLog()
        var logger = test.logger()
        logger.logLevel = .trace
        for _ in 0..<1000 { logger.log(level: level, "camera offline") }
        #expect(test.lines.count == limits.burst(level))
    }

    @Test func `a silenced event is summarized with its latest line`() async throws {
        let test = TestLog(summaryInterval: .milliseconds(1))
        let logger = test.logger()
        for number in 1...60 { logger.warning("camera offline", metadata: ["number": "\(number)"]) }
        for number in 1...60 { logger.info("camera online", metadata: ["number": "\(number)"]) }
        test.wait(seconds: 10.1)
        #expect(try await waitUntil { test.lines.count == 62 })
        let summaries = test.lines.suffix(2)
        #expect(summaries.first?.hasSuffix("camera offline  suppressed=49  number=60\n") == true)
        #expect(summaries.last?.hasSuffix("camera online  suppressed=9  number=60\n") == true)
    }

    @Test func `a process that ends summarizes its suppressed lines`() {
        let test = TestLog()
        for _ in 0..<20 { test.logger().warning("message rejected") }
        test.flush()
        #expect(test.lines.last?.hasSuffix("message rejected  suppressed=9\n") == true)
        test.flush()
        #expect(test.lines.count == limits.problemBurst + 1)
    }

    @Test func `a process has a total byte limit for any number of flooding events`() {
        let test = TestLog()
        let long = String(repeating: "x", count: 3000)
        let start = limits.totalBurst + LogLimits.lineBytes
        for second in 0..<600 {
            for event in 0..<100 {
                for _ in 0..<3 { test.logger().warning("event \(event)", metadata: ["detail": "\(long)"]) }
            }
            test.wait(seconds: 1)
            #expect(test.bytes <= start + (second + 1) * limits.totalBytesPerSecond)
        }
    }

    @Test func `floods do not starve an error or an event that was silent`() {
        let test = TestLog()
        let long = String(repeating: "x", count: 3000)
        for _ in 0..<100 {
            for event in 0..<20 { test.logger().warning("event \(event)", metadata: ["detail": "\(long)"]) }
        }
        for error in 0..<10 {
            test.logger().error("recording failed", metadata: ["number": "\(error)"])
            #expect(test.lines.last?.contains("number=\(error)") == true)
        }
        for event in 0..<10 {
            test.logger().info("new event \(event)")
            #expect(test.lines.last?.contains("new event \(event)") == true)
        }
    }

    @Test func `new events do not starve an error`() {
        let test = TestLog()
        let long = String(repeating: "x", count: 3000)
        for event in 0..<200 { test.logger().warning("event \(event)", metadata: ["detail": "\(long)"]) }
        #expect(test.lines.last?.contains("event 199") == false)
        test.logger().error("recording failed")
        #expect(test.lines.last?.contains("recording failed") == true)
    }

    @Test func `events beyond the counted number share a budget`() {
        var limiter = LogLimiter(now: MonotonicTime(microseconds: 0))
        var passed = 0
        for number in 0..<100_000 {
            let event = LogLimiter.Event(level: .warning, label: "x", message: "event \(number)")
            if limiter.admit(event, [:], now: MonotonicTime(microseconds: 0)) != nil { passed += 1 }
        }
        #expect(passed <= limits.eventCount + limits.problemBurst)
        #expect(limiter.trackedEvents <= limits.eventCount + Logger.Level.allCases.count)
        let later = MonotonicTime(microseconds: 3_600_000_000)
        #expect(limiter.summaries(now: later).map(\.event.message) == ["further events"])
        let event = LogLimiter.Event(level: .warning, label: "x", message: "another")
        #expect(limiter.admit(event, [:], now: later) == 0)
    }

    @Test(arguments: [1, 4000, 4096, 1 << 20], ["x", "ü", "\u{1b}", "😀"])
    func `a line has a maximum length and a line end`(count: Int, character: String) {
        let long = String(repeating: character, count: count)
        for message in [long, "message rejected"] {
            let line = LineLogHandler.line(
                level: .warning, label: "x", message: message, metadata: ["a": "\(long)", "b": "\(long)"],
                suppressed: 7, microseconds: 0)
            #expect(line.utf8.count <= LogLimits.lineBytes)
            #expect(line.last == "\n" && line.filter(\.isNewline).count == 1)
        }
    }

    @Test func `an unknown log level is an error that lists the known ones`() {
        let settings = Settings(commandLine: [:], environment: ["SECAM_LOG_LEVEL": "loud"])
        let error = #expect(throws: SettingsError.self) { try LogThreshold.choose(settings) }
        #expect(error?.description.contains("SECAM_LOG_LEVEL) is 'loud': expected one of trace, debug, info") == true)
    }
}
