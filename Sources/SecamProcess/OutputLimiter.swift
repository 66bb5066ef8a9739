package import SecamBase

/// Forwards the lines that a program writes to its standard error, within limits.
///
/// A service limits its own log lines, so they pass. Output of its libraries has a separate budget, so it can neither
/// fill a disk nor displace the log.
package struct OutputLimiter: Sendable {
    /// Budget of log lines, bytes: twice the limit of one process.
    private static let logBurst = 2 * LogLimits().totalBurst
    private static let logBytesPerSecond = 2 * LogLimits().totalBytesPerSecond
    /// Budget of other lines, bytes. A crash's stack trace takes 10,000 to 50,000.
    static let otherBurst = 128 << 10
    static let otherBytesPerSecond = 512

    private var logBudget: LogBudget
    private var otherBudget: LogBudget
    private var line: [UInt8] = []
    private var isCut = false
    private var suppressed: UInt64 = 0

    package init(now: MonotonicTime = .now) {
        func budget(_ burst: Int, _ bytesPerSecond: Int) -> LogBudget {
            LogBudget(burst: Double(burst), perMicrosecond: Double(bytesPerSecond) / 1e6, now: now)
        }
        logBudget = budget(Self.logBurst, Self.logBytesPerSecond)
        otherBudget = budget(Self.otherBurst, Self.otherBytesPerSecond)
    }

    /// Processes output of the program.
    ///
    /// - Returns: the complete lines that pass, each with its line end and at most `LogLimits.lineBytes` long.
    package mutating func receive(_ bytes: some Sequence<UInt8>, now: MonotonicTime = .now) -> [[UInt8]] {
        logBudget.refill(now: now)
        otherBudget.refill(now: now)
        var passed: [[UInt8]] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                if let line = endLine() { passed.append(line) }
            } else if line.count < LogLimits.lineBytes - 1 {
                line.append(byte)
            } else {
                isCut = true
            }
        }
        return passed
    }

    /// Returns the unfinished last line, with a line end.
    package mutating func finish() -> [UInt8]? { line.isEmpty ? nil : endLine() }

    /// Returns the number of lines suppressed since the last call, once lines pass again or the program has ended.
    package mutating func takeSuppressed(hasEnded: Bool = false) -> UInt64? {
        guard suppressed > 0, hasEnded || otherBudget.has(Double(LogLimits.lineBytes)) else { return nil }
        defer { suppressed = 0 }
        return suppressed
    }

    private mutating func endLine() -> [UInt8]? {
        defer {
            line.removeAll(keepingCapacity: true)
            isCut = false
        }
        if isCut { line.replaceSubrange((line.count - 3)..., with: Array("…".utf8)) }
        let cost = Double(max(line.count + 1, LogLimits.lineCost))
        let passes = Self.isLogLine(line) ? Self.spend(cost, of: &logBudget) : Self.spend(cost, of: &otherBudget)
        guard passes else {
            suppressed += 1
            return nil
        }
        return line + [UInt8(ascii: "\n")]
    }

    private static func spend(_ cost: Double, of budget: inout LogBudget) -> Bool {
        guard budget.has(cost) else { return false }
        budget.spend(cost)
        return true
    }

    /// Returns whether a line begins with a time as `LineLogHandler` writes it.
    private static func isLogLine(_ line: [UInt8]) -> Bool {
        let pattern = "0000-00-00T00:00:00.000Z ".utf8
        guard line.count >= pattern.count else { return false }
        return zip(line, pattern).allSatisfy { byte, expected in
            let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
            return expected == UInt8(ascii: "0") ? digits.contains(byte) : byte == expected
        }
    }
}
