/// Untrusted text, made safe for a terminal or a log.
package enum TerminalText {
    /// Returns the text with control and format characters, which could move the cursor or reverse the text, as
    /// `\\u{…}`.
    package static func printable(_ text: String) -> String {
        var printable = ""
        for scalar in text.unicodeScalars {
            if isHarmless(scalar) {
                printable.unicodeScalars.append(scalar)
            } else {
                printable += "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
        return printable
    }

    /// Returns the text on one line, of the same length, with each such character as U+FFFD.
    package static func masked(_ text: String) -> String {
        var masked = String.UnicodeScalarView()
        masked.append(contentsOf: text.unicodeScalars.lazy.map { isHarmless($0) ? $0 : "\u{FFFD}" })
        return String(masked)
    }

    /// Whether a character can neither move the cursor nor reverse or hide text.
    package static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
