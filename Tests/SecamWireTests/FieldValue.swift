import SecamWire

/// A message's field in the notation of the test vectors (proto-spec/README.md, “Test vectors”).
enum FieldValue: Equatable, Sendable {
    case absent
    /// JSON's `true`.
    case flag
    /// Integers of up to 32 bits, flags, enumerations and sets.
    case number(UInt32)
    /// Texts, 64-bit integers in decimal and bytes in hexadecimal, as UTF-8: `String` compares canonically equivalent
    /// texts as equal.
    case text([UInt8])
    case list([FieldValue])
    case object([String: FieldValue])

    static func text(_ text: String) -> FieldValue { .text(Array(text.utf8)) }
}

extension FieldValue: Decodable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .absent
        } else if let flag = try? container.decode(Bool.self), flag {
            self = .flag
        } else if let number = try? container.decode(UInt32.self) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let list = try? container.decode([FieldValue].self) {
            self = .list(list)
        } else {
            self = .object(try container.decode([String: FieldValue].self))
        }
    }
}

extension FieldValue: CustomStringConvertible {
    var description: String {
        switch self {
        case .absent: "null"
        case .flag: "true"
        case .number(let number): "\(number)"
        case .text(let bytes): "\"\(String(decoding: bytes, as: UTF8.self))\""
        case .list(let list): "\(list)"
        case .object(let fields):
            "{" + fields.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ") + "}"
        }
    }
}

extension FieldValue {
    /// All stored properties of a message or a list entry.
    init(properties value: Any) {
        var fields: [String: FieldValue] = [:]
        for (label, child) in Mirror(reflecting: value).children {
            if let start = child as? FlowStart {
                fields.merge(start.fields) { _, new in new }
            } else if let range = child as? SequenceRange {
                fields["first"] = FieldValue(range.first)
                fields["last"] = FieldValue(range.last)
            } else if label == "format", case .absent = FieldValue(child) {
                fields["format"] = .number(0)
            } else if let label {
                fields[label] = FieldValue(child)
            }
        }
        self = .object(fields)
    }

    private init(_ value: Any) {
        switch value {
        case let value as UInt8: self = .number(UInt32(value))
        case let value as UInt16: self = .number(UInt32(value))
        case let value as UInt32: self = .number(value)
        case let value as UInt64: self = .text("\(value)")
        case let value as Int64: self = .text("\(value)")
        case let value as Bool: self = .number(value ? 1 : 0)
        case let value as String: self = .text(value)
        case let value as Name: self = .text(value.text)
        case let value as Secret: self = .text(unsafe value.withBytes { unsafe Array($0) })
        // An empty list of any type could be cast to an empty list of bytes.
        case let bytes as [UInt8] where type(of: value) == [UInt8].self: self = .text(hexadecimal(bytes))
        case let value as any RawRepresentable: self = FieldValue(value.rawValue)
        default: self = FieldValue(composite: Mirror(reflecting: value), of: value)
        }
    }

    private init(composite mirror: Mirror, of value: Any) {
        switch mirror.displayStyle {
        case .collection: self = .list(mirror.children.map { FieldValue($0.value) })
        case .optional: self = mirror.children.first.map { FieldValue($0.value) } ?? .absent
        default: self = FieldValue(properties: value)
        }
    }
}

extension FlowStart {
    /// The three fields that encode it on the wire.
    fileprivate var fields: [String: FieldValue] {
        let (kind, incarnation, position): (UInt32, String, String) =
            switch self {
            case .live: (1, "0", "0")
            case .sequence(let incarnation, let sequence): (2, "\(incarnation)", "\(sequence)")
            case .time(let time): (3, "0", "\(UInt64(bitPattern: time))")
            case .acknowledged: (4, "0", "0")
            }
        return ["start": .number(kind), "incarnation": .text(incarnation), "position": .text(position)]
    }
}

func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// Returns `nil` for a text that is not pairs of hexadecimal digits.
func bytes(hexadecimal text: String) -> [UInt8]? {
    let digits = Array(text.utf8).map { Character(Unicode.Scalar($0)).hexDigitValue }
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
        guard let high = digits[index], let low = digits[index + 1] else { return nil }
        bytes.append(UInt8(high << 4 | low))
    }
    return bytes
}
