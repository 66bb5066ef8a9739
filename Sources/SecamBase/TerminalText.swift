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

    package static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
