/// JSON text (RFC 8259) for the output of programs. `JSONEncoder` would neither keep the order of the fields nor write
/// numbers with a fixed precision.
package enum JSONText {
    /// Returns an object with its fields in this order.
    ///
    /// - Parameter fields: the names, unescaped, and the values as JSON text.
    package static func object(_ fields: [(String, String)]) -> String {
        "{" + fields.map { string($0.0) + ":" + $0.1 }.joined(separator: ",") + "}"
    }

    /// Returns the object of a dictionary literal.
    package static func object(_ fields: KeyValuePairs<String, String>) -> String {
        object(fields.map { ($0.key, $0.value) })
    }

    package static func array(_ values: [String]) -> String { "[" + values.joined(separator: ",") + "]" }

    package static func string(_ text: String) -> String { "\"\(escaped(text))\"" }

    /// Returns the text of a string without its quotation marks. Characters that could control a terminal become
    /// `\uXXXX`.
    package static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            if TerminalText.isHarmless(scalar) {
                if scalar == "\"" || scalar == "\\" { escaped += "\\" }
                escaped.unicodeScalars.append(scalar)
            } else {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    escaped += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            }
        }
        return escaped
    }

    /// Returns a number rounded to at most `digits` decimal places; `null` for `nil` and non-finite values.
    package static func number(_ value: Double?, digits: Int) -> String {
        guard let value, value.isFinite else { return "null" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let rounded = (value * scale).rounded() / scale
        return "\(rounded.isFinite ? rounded : value)"
    }
}
