import ArgumentParser
import Synchronization
import Testing

@testable import SecamProcess

/// The count of rounds that a loop leaves without an answer.
struct LoopWatchdogTests {
    /// A loop that answers when it is told to.
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
        #expect(watchdog.findHang() == nil, "a loop that has ended is not asked")
        other.end()
    }

    @Test func `a machine that was suspended for hours is no hang`() {
        let watch = watchdog.watch("loop") { [loop] in loop.post($0) }
        // A loop that has not answered yet when the machine is suspended: one round short of a hang, there is none until
        // it runs again, whatever the clocks say by then. Then the watchdog's thread may be the first of both to run.
        for _ in 0..<LoopWatchdog.roundLimit { #expect(watchdog.findHang() == nil) }
        loop.run()
        #expect(watchdog.findHang() == nil)
        for _ in 1..<LoopWatchdog.roundLimit { #expect(watchdog.findHang() == nil, "it has all its rounds again") }
        loop.run()
        watch.end()
    }

    @Test func `the limit of a stall is in seconds, and 0 is none`() throws {
        #expect(try ServiceOptions.parse([]).stallLimit() == .seconds(30))
        #expect(try ServiceOptions.parse(["--watchdog", "5"]).stallLimit() == .seconds(5))
        #expect(try ServiceOptions.parse(["--watchdog", "0"]).stallLimit() == nil)
        #expect(throws: SettingsError.self) { try ServiceOptions.parse(["--watchdog", "soon"]).stallLimit() }
    }
}
