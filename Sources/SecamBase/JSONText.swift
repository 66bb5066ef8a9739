/// JSON text (RFC 8259) for the output of programs.
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

    package static func string(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
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
