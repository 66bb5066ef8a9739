import ArgumentParser
import Synchronization
import Testing

@testable import SecamProcess

/// The count of rounds without an answer from a loop.
struct LoopWatchdogTests {
    /// A loop that answers on command.
    private final class Loop: Sendable {
        private let questions = Mutex<[@Sendable () -> Void]>([])

        func post(_ question: @escaping @Sendable () -> Void) { questions.withLock { $0.append(question) } }

        func run() {
            for question in questions.withLock({ $0 }) { question() }
        }
    }

    private let watchdog = LoopWatchdog()
    private let loop = Loop()

    @Test func `a loop that answers in the last round does not hang`() {
        let watch = watchdog.watch("loop") { [loop] in loop.post($0) }
        for _ in 0..<3 {
            for _ in 0..<LoopWatchdog.roundLimit { #expect(watchdog.findHang() == nil) }
            loop.run()
        }
        watch.end()
    }

    @Test func `a loop that leaves all rounds unanswered hangs`() {
        let other = watchdog.watch("other") { $0() }
        let watch = watchdog.watch("loop") { [loop] in loop.post($0) }
        for _ in 0..<LoopWatchdog.roundLimit { #expect(watchdog.findHang() == nil) }
        #expect(watchdog.findHang() == "loop")
        watch.end()
        #expect(watchdog.findHang() == nil, "an ended loop is not polled")
        other.end()
    }

    @Test func `a machine that was suspended for hours does not hang`() {
        let watch = watchdog.watch("loop") { [loop] in loop.post($0) }
        // The machine is suspended one round before a hang, with a poll unanswered. No further round follows until the
        // machine runs again, whatever the clocks show then. The watchdog's thread may be the first to run.
        for _ in 0..<LoopWatchdog.roundLimit { #expect(watchdog.findHang() == nil) }
        loop.run()
        #expect(watchdog.findHang() == nil)
        for _ in 1..<LoopWatchdog.roundLimit { #expect(watchdog.findHang() == nil, "the count starts again") }
        loop.run()
        watch.end()
    }

    @Test func `the watchdog's limit is in seconds, and 0 turns it off`() throws {
        #expect(try ServiceOptions.parse([]).stallLimit() == .seconds(30))
        #expect(try ServiceOptions.parse(["--watchdog", "5"]).stallLimit() == .seconds(5))
        #expect(try ServiceOptions.parse(["--watchdog", "0"]).stallLimit() == nil)
        #expect(throws: SettingsError.self) { try ServiceOptions.parse(["--watchdog", "soon"]).stallLimit() }
    }
}
