import Logging
import SecamTestSupport
import Testing

@testable import SecamProcess

@Suite struct LogLineTests {
    @Test(arguments: [
        ("tcp://127.0.0.1:7443", "tcp://127.0.0.1:7443"), ("", "\"\""), ("two words", "\"two words\""),
        ("a=b", "\"a=b\""), ("say \"hi\"", "\"say \\\"hi\\\"\""), ("back\\slash", "back\\slash"),
        ("a \\", "\"a \\\\\""), ("ü√", "ü√"),
    ])
    func `a value is quoted where necessary`(value: String, written: String) {
        #expect(LineLogHandler.escaped(value) == written)
    }

    @Test(arguments: [
        "\n", "\r", "\r\n", "\t", "\0", "\u{1b}[2J", "\u{7f}", "\u{85}", "\u{9b}31m", "\u{2028}", "\u{2029}",
        "\u{202e}", "\u{200b}",
    ])
    func `characters that move the cursor are escaped`(text: String) {
        for value in [text, "a\(text)b", "key=\(text)"] {
            let written = LineLogHandler.escaped(value)
            #expect(
                written.unicodeScalars.allSatisfy { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator: false
                    default: true
                    }
                }, "\(value.unicodeScalars.map { String($0.value, radix: 16) })")
        }
    }

    @Test func `a line stays one line for any content`() {
        let line = LineLogHandler.line(
            level: .warning, label: "capture/porch",
            message: "refused\n2026-01-01T00:00:00.000Z info  admin  logged in",
            metadata: ["reason": "x\nkey=y", "a b\n": "1"], microseconds: 0)
        #expect(line.filter(\.isNewline) == "\n" && line.last == "\n")
        #expect(line.hasPrefix("1970-01-01T00:00:00.000Z warning capture/porch  refused"))
        #expect(line.hasSuffix("  \"a b\\u{a}\"=1  reason=\"x\\u{a}key=y\"\n"))
    }

    @Test func `pairs are sorted by key`() {
        let line = LineLogHandler.line(
            level: .info, label: "x", message: "joined", metadata: ["b": "2", "a": "1", "c": "3 4"], microseconds: 0)
        #expect(line == "1970-01-01T00:00:00.000Z info    x  joined  a=1  b=2  c=\"3 4\"\n")
    }
}
