import Glibc
package import Logging
import SecamBase
import SecamWire
import Synchronization

/// The log of a process: what its loggers write together, within `LogLimits`.
///
/// Where lines of an event were left out, its next line tells how many, `suppressed=N`; where none comes soon, the latest
/// of those left out does.
final class ProcessLog: Sendable {
    static let standardError = ProcessLog { line in
        var line = line
        // One call a line, so that the lines of several processes do not mix.
        _ = line.withUTF8 { unsafe Glibc.write(2, $0.baseAddress, $0.count) }
    }

    private struct State {
        var limiter: LogLimiter
        var isSummarizing = false
    }

    private let state: Mutex<State>
    private let summaryMilliseconds: UInt32
    private let clock: @Sendable () -> MonotonicTime
    private let output: @Sendable (String) -> Void

    /// - Parameters:
    ///   - summaryMilliseconds: how often lines that were left out are looked for, while there are some.
    ///   - output: writes one line with its end.
    init(
        _ limits: LogLimits = LogLimits(), summaryMilliseconds: UInt32 = 10_000,
        clock: @escaping @Sendable () -> MonotonicTime = { .now }, output: @escaping @Sendable (String) -> Void
    ) {
        state = Mutex(State(limiter: LogLimiter(limits, now: clock())))
        self.summaryMilliseconds = summaryMilliseconds
        self.clock = clock
        self.output = output
    }

    func write(_ level: Logger.Level, label: String, message: String, metadata: Logger.Metadata) {
        let event = LogLimiter.Event(
            level: level, label: label, message: message.prefix(utf8Bytes: LogLimits.messageBytes))
        let (line, begins) = state.withLock { state -> (String?, Bool) in
            guard let suppressed = state.limiter.admit(event, metadata, now: clock()) else {
                defer { state.isSummarizing = true }
                return (nil, !state.isSummarizing)
            }
            return (ProcessLog.line(event, metadata, suppressed, &state.limiter), false)
        }
        if let line { output(line) }
        if begins { startSummaries() }
    }

    /// Tells of all lines that were left out, before the process ends.
    func flush() { writeSummaries(isLast: true) }

    private func startSummaries() {
        let isStarted = DedicatedThread.startIfPossible { [self] in
            repeat { usleep(summaryMilliseconds * 1000) } while writeSummaries()
        }
        // The next line that is left out tries again.
        if !isStarted { state.withLock { $0.isSummarizing = false } }
    }

    /// - Returns: whether there is more to tell, later.
    @discardableResult
    private func writeSummaries(isLast: Bool = false) -> Bool {
        let (lines, isMore) = state.withLock { state -> ([String], Bool) in
            let lines = state.limiter.summaries(now: clock(), isLast: isLast).map {
                ProcessLog.line($0.event, $0.metadata, $0.suppressed, &state.limiter)
            }
            state.isSummarizing = state.limiter.hasSuppressed
            return (lines, state.isSummarizing)
        }
        for line in lines { output(line) }
        return isMore
    }

    private static func line(
        _ event: LogLimiter.Event, _ metadata: Logger.Metadata, _ suppressed: UInt64, _ limiter: inout LogLimiter
    ) -> String {
        let line = LineLogHandler.line(
            level: event.level, label: event.label, message: event.message, metadata: metadata,
            suppressed: suppressed, microseconds: WallClock.now)
        limiter.charge(bytes: line.utf8.count)
        return line
    }
}

/// Writes log lines to the process's log: time, level, source, what happened, then `key=value` pairs.
///
///     2026-01-31T12:00:00.123Z info  capture/porch  joined  registry=tcp://127.0.0.1:7443
package struct LineLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level
    private let label: String
    private let log: ProcessLog

    package init(label: String, level: Logger.Level) { self.init(label: label, level: level, log: .standardError) }

    init(label: String, level: Logger.Level, log: ProcessLog) {
        self.label = label
        self.log = log
        logLevel = level
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        log.write(
            event.level, label: label, message: "\(event.message)",
            metadata: metadata.merging(event.metadata ?? [:]) { $1 })
    }

    /// One line with its end, of at most `LogLimits.lineBytes`, whatever its parts hold.
    ///
    /// - Parameters:
    ///   - suppressed: lines like it that were left out before it.
    ///   - microseconds: UTC.
    static func line(
        level: Logger.Level, label: String, message: String, metadata: Logger.Metadata, suppressed: UInt64 = 0,
        microseconds: Int64
    ) -> String {
        let time = UTCText.iso(microseconds: microseconds)
        var line = "\(time) \(padded(level)) \(label)  \(TerminalText.printable(message))"
        // Before the others, of which a long one may be cut off.
        if suppressed > 0 { line += "  suppressed=\(suppressed)" }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) where line.utf8.count < LogLimits.lineBytes {
            line += "  \(escaped(key))=\(escaped("\(value)".prefix(utf8Bytes: LogLimits.lineBytes)))"
        }
        let ending = "…\n"
        guard line.utf8.count >= LogLimits.lineBytes else { return line + "\n" }
        return line.prefix(utf8Bytes: LogLimits.lineBytes - ending.utf8.count) + ending
    }

    private static func padded(_ level: Logger.Level) -> String {
        let text = level.rawValue
        return text + String(repeating: " ", count: max(0, 7 - text.count))
    }

    /// What others chose must not look like a line or a pair of its own.
    static func escaped(_ text: String) -> String {
        let isPlain = text.unicodeScalars.allSatisfy {
            TerminalText.isHarmless($0) && $0 != " " && $0 != "\"" && $0 != "="
        }
        guard !isPlain || text.isEmpty else { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { quoted += "\\" }
            quoted += TerminalText.printable(String(scalar))
        }
        return quoted + "\""
    }
}

/// From which level on the process writes log lines. Chosen once, before the first logger is made.
package enum LogThreshold {
    private static let chosen = Mutex(Logger.Level.info)

    package static var level: Logger.Level { chosen.withLock { $0 } }

    /// - Parameter settings: with `log.level`: the name of a level; `info` without it.
    package static func choose(_ settings: Settings) throws(SettingsError) {
        guard let text = settings.text("log.level") else { return }
        guard let level = Logger.Level(rawValue: text.lowercased()) else {
            let names = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw SettingsError(key: "log.level", value: text, expected: "one of \(names)")
        }
        chosen.withLock { $0 = level }
    }
}

extension Logger {
    /// A logger on standard error, within the bounds of the process (`LogLimits`). A message is a fixed phrase, with
    /// details in the metadata: lines of one message share a budget.
    ///
    /// - Parameters:
    ///   - label: the service's role and name.
    ///   - level: of which and of no lower ones lines are written, if the process writes them at all.
    package static func lines(_ label: String, level: Logger.Level = .trace) -> Logger {
        Logger(label: label) { LineLogHandler(label: $0, level: max(level, LogThreshold.level)) }
    }
}
