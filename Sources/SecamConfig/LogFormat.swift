internal import Glibc
public import Logging
internal import SecamWire

/// Writes log lines to standard error: time, level, source, what happened, then `key=value` pairs.
///
///     2026-01-31T12:00:00.123Z info  capture/porch  joined  registry=tcp://127.0.0.1:7443
public struct LineLogHandler: LogHandler {
    public var metadata: Logger.Metadata = [:]
    public var logLevel: Logger.Level
    private let label: String

    public init(label: String, level: Logger.Level) {
        self.label = label
        logLevel = level
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var line =
            "\(UTCText.iso(microseconds: WallClock.now)) \(LineLogHandler.padded(event.level)) \(label)  \(event.message)"
        let pairs = metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in pairs.sorted(by: { $0.key < $1.key }) {
            line += "  \(key)=\(LineLogHandler.escaped("\(value)"))"
        }
        line += "\n"
        // One call a line, so that the lines of several processes do not mix.
        _ = line.withUTF8 { unsafe write(2, $0.baseAddress, $0.count) }
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

extension Logger {
    /// A logger on standard error.
    ///
    /// - Parameter label: the service's role and name.
    public static func lines(_ label: String, level: Logger.Level = .info) -> Logger {
        Logger(label: label) { LineLogHandler(label: $0, level: level) }
    }
}
