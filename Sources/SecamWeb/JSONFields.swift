/// A JSON object (RFC 8259), read strictly. Requests have texts, lists of texts, numbers, flags and `null`.
enum JSONFields {
    enum Value: Equatable {
        case text(String)
        case texts([String])
        /// A value of another form, in a field that no request has.
        case other
        case number(Double)
        case flag(Bool)
        case null
    }

    /// Returns the fields; `nil` for another form, deeply nested values, repeated names and invalid text.
    static func parse(_ bytes: [UInt8]) -> [String: Value]? {
        var reader = Reader(rest: bytes[...])
        guard let fields = reader.object(), reader.isAtEnd() else { return nil }
        return fields
    }

    /// Maximum depth of values in values.
    private static let depthLimit = 16

    private struct Reader {
        var rest: ArraySlice<UInt8>
        private var depth = 0

        init(rest: ArraySlice<UInt8>) { self.rest = rest }

        mutating func skipSpace() {
            rest = rest.drop { [0x20, 0x09, 0x0a, 0x0d].contains($0) }
        }

        mutating func isAtEnd() -> Bool {
            skipSpace()
            return rest.isEmpty
        }

        mutating func consume(_ character: Unicode.Scalar) -> Bool {
            skipSpace()
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        mutating func object() -> [String: Value]? {
            guard consume("{") else { return nil }
            var fields: [String: Value] = [:]
            if consume("}") { return fields }
            repeat {
                skipSpace()
                guard let name = text(), consume(":"), let value = value(),
                    fields.updateValue(value, forKey: name) == nil
                else { return nil }
            } while consume(",")
            return consume("}") ? fields : nil
        }

        mutating func value() -> Value? {
            skipSpace()
            if rest.first == UInt8(ascii: "\"") { return text().map(Value.text) }
            if rest.first == UInt8(ascii: "[") || rest.first == UInt8(ascii: "{") { return nested() }
            for (word, value) in [("true", Value.flag(true)), ("false", .flag(false)), ("null", .null)]
            where rest.starts(with: word.utf8) {
                rest = rest.dropFirst(word.utf8.count)
                return value
            }
            let digits = rest.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || "+-.eE".utf8.contains($0) }
            rest = rest.dropFirst(digits.count)
            guard let first = digits.first, first != UInt8(ascii: "+"), first != UInt8(ascii: ".") else { return nil }
            return Double(String(decoding: digits, as: UTF8.self)).map(Value.number)
        }

        mutating func nested() -> Value? {
            depth += 1
            defer { depth -= 1 }
            guard depth <= JSONFields.depthLimit else { return nil }
            if rest.first == UInt8(ascii: "{") { return object().map { _ in .other } }
            guard let values = array() else { return nil }
            let texts = values.compactMap { if case .text(let text) = $0 { text } else { nil } }
            return texts.count == values.count ? .texts(texts) : .other
        }

        mutating func array() -> [Value]? {
            guard consume("[") else { return nil }
            var values: [Value] = []
            if consume("]") { return values }
            repeat {
                guard let value = value() else { return nil }
                values.append(value)
            } while consume(",")
            return consume("]") ? values : nil
        }

        mutating func text() -> String? {
            guard rest.popFirst() == UInt8(ascii: "\"") else { return nil }
            var units: [UInt8] = []
            while let byte = rest.popFirst() {
                switch byte {
                case UInt8(ascii: "\""): return String(validating: units, as: UTF8.self)
                case UInt8(ascii: "\\"):
                    guard let scalar = escape() else { return nil }
                    units += Array(String(scalar).utf8)
                case ..<0x20: return nil
                default: units.append(byte)
                }
            }
            return nil
        }

        private mutating func escape() -> Unicode.Scalar? {
            switch rest.popFirst() {
            case UInt8(ascii: "\""): "\""
            case UInt8(ascii: "\\"): "\\"
            case UInt8(ascii: "/"): "/"
            case UInt8(ascii: "b"): "\u{8}"
            case UInt8(ascii: "f"): "\u{c}"
            case UInt8(ascii: "n"): "\n"
            case UInt8(ascii: "r"): "\r"
            case UInt8(ascii: "t"): "\t"
            case UInt8(ascii: "u"): unicode()
            default: nil
            }
        }

        private mutating func unicode() -> Unicode.Scalar? {
            guard let first = unit() else { return nil }
            guard 0xd800..<0xdc00 ~= first else { return Unicode.Scalar(first) }
            guard rest.popFirst() == UInt8(ascii: "\\"), rest.popFirst() == UInt8(ascii: "u"), let second = unit(),
                0xdc00..<0xe000 ~= second
            else { return nil }
            return Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
        }

        private mutating func unit() -> UInt32? {
            let digits = rest.prefix(4)
            rest = rest.dropFirst(4)
            guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
            return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        }
    }
}
