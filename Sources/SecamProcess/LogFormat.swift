import Glibc
package import Logging
import SecamBase
import SecamWire
import Synchronization

/// The log of a process, which limits the lines of all its loggers with `LogLimits`.
///
/// After lines of an event were suppressed, its next line gives their number, `suppressed=N`. If no line follows soon,
/// the latest suppressed line is written as a summary.
final class ProcessLog: Sendable {
    static let standardError = ProcessLog { line in
        var line = line
        // One call for each line, so that lines of several processes do not mix.
        _ = line.withUTF8 { unsafe Glibc.write(2, $0.baseAddress, $0.count) }
    }

    private struct State {
        var limiter: LogLimiter
        var isSummarizing = false
    }

    private let state: Mutex<State>
    private let summaryInterval: Duration
    private let clock: @Sendable () -> MonotonicTime
    private let output: @Sendable (String) -> Void

    /// - Parameters:
    ///   - summaryInterval: interval at which suppressed lines are summarized.
    ///   - output: writes one line with its end.
    init(
        _ limits: LogLimits = LogLimits(), summaryInterval: Duration = .seconds(10),
        clock: @escaping @Sendable () -> MonotonicTime = { .now }, output: @escaping @Sendable (String) -> Void
    ) {
        state = Mutex(State(limiter: LogLimiter(limits, now: clock())))
        self.summaryInterval = summaryInterval
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

    /// Writes the summaries of all suppressed lines, before the process ends.
    func flush() { writeSummaries(isLast: true) }

    private func startSummaries() {
        let isStarted = DedicatedThread.startIfPossible { [self] in
            repeat { usleep(UInt32(clamping: summaryInterval.microseconds)) } while writeSummaries()
        }
        // The next suppressed line tries again.
        if !isStarted { state.withLock { $0.isSummarizing = false } }
    }

    /// - Returns: whether more summaries will follow.
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

/// A log handler that writes lines of time, level, label, message and `key=value` pairs to the process's log.
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

    /// Returns one line with its line end, at most `LogLimits.lineBytes` long.
    ///
    /// - Parameters:
    ///   - suppressed: number of lines of the same event suppressed before this one.
    ///   - microseconds: UTC.
    static func line(
        level: Logger.Level, label: String, message: String, metadata: Logger.Metadata, suppressed: UInt64 = 0,
        microseconds: Int64
    ) -> String {
        let time = UTCText.iso(microseconds: microseconds)
        var line = "\(time) \(padded(level)) \(label)  \(TerminalText.printable(message))"
        // Comes first, because long metadata may be cut off.
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

    /// Quotes a text that could otherwise look like another line or pair.
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

/// The lowest level of the process's log lines. Set it once, before the first logger is created.
package enum LogThreshold {
    private static let chosen = Mutex(Logger.Level.info)

    package static var level: Logger.Level { chosen.withLock { $0 } }

    /// Sets the level.
    ///
    /// - Parameter settings: `log.level` is the name of a level; default `info`.
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
    /// Returns a logger to standard error, limited by the process's `LogLimits`.
    ///
    /// A message is a fixed phrase with details in the metadata: the lines of one message share a budget.
    ///
    /// - Parameters:
    ///   - label: the service's role and name.
    ///   - level: the lowest level of this logger's lines; the process's level applies too.
    package static func lines(_ label: String, level: Logger.Level = .trace) -> Logger {
        Logger(label: label) { LineLogHandler(label: $0, level: max(level, LogThreshold.level)) }
    }
}
