import Foundation

/// The contents of `proto-spec/schema.json`; `proto-spec/schema.schema.json` describes each key.
struct Schema: Decodable {
    let version: Int
    let limits: [Limit]
    let sizes: [Size]
    let errors: [ErrorClass]
    let peers: [Peer]
    let connections: [Connection]
    let enumerations: [Enumeration]
    let sets: [BitSet]
    let structs: [Group]
    let messages: [Message]

    struct Limit: Decodable {
        let name: String
        let value: Scalar
        let type: String?
        let unit: String?
        let meaning: String
        let reason: String?
    }

    struct Size: Decodable {
        let subject: String
        let limit: String
    }

    struct ErrorClass: Decodable {
        let `class`: String
        let condition: String
    }

    struct Peer: Decodable {
        let name: String
        let roles: [String]
    }

    struct Connection: Decodable {
        let name: String
        let transport: String
        let ends: [String]
        let messages: [Permission]
    }

    /// A message that a connection permits.
    struct Permission: Decodable {
        let message: String
        let from: String
        let to: String?
        let when: String
    }

    struct Enumeration: Decodable {
        let name: String
        let type: String
        let summary: String
        let column: String?
        let values: [Value]

        struct Value: Decodable {
            let value: Int
            let name: String
            let meaning: String
        }
    }

    struct BitSet: Decodable {
        let name: String
        let type: String
        let summary: String
        let bits: [Bit]

        struct Bit: Decodable {
            let bit: Int
            let name: String
        }

        var all: Int { bits.reduce(0) { $0 | 1 << $1.bit } }
    }

    /// Fields that several messages contain.
    struct Group: Decodable {
        let name: String
        let page: String
        let summary: String
        let fields: [Field]
    }

    struct Message: Decodable {
        let name: String
        let code: String
        let version: Int
        let page: String
        let summary: String
        let fields: [Field]

        var hasPayload: Bool { fields.last?.type == .payload }
    }
}

/// A number, or a text that is a number in decimal or the name of something.
enum Scalar: Decodable, Equatable {
    case number(Int)
    case text(String)
    /// An empty list, as a default.
    case none

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int.self) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else {
            _ = try container.decode([Int].self)
            self = .none
        }
    }
}

struct Field: Decodable {
    let name: String
    let type: Kind
    let of: String?
    let limit: String?
    let length: Scalar?
    let min: Scalar?
    let max: Scalar?
    let zero: String?
    let unknown: String?
    let notBelow: String?
    let above: String?
    let sum: Sum?
    let by: [String: [String: String]]?
    let require: [String: String]?
    let checkedAfter: String?
    let presenceOf: String?
    let `if`: String?
    let secret: Bool?
    let unit: String?
    let since: Int?
    let `default`: Scalar?
    let was: String?
    let meaning: String?
    let element: Element?
    let entry: Entry?

    enum Kind: String, Decodable {
        case u8, u16, u32, u64, i64, flag, time, timeBound, sequence
        case `enum`, set, text, name, bytes, zero, list, figures, `struct`, message, payload
    }

    struct Sum: Decodable {
        let with: String
        let max: Int
    }

    struct Element: Decodable {
        let name: String
        let type: String
        let of: String?
    }

    struct Entry: Decodable {
        let name: String
        let fields: [Field]

        /// Whether a reader skips entries whose values it does not know.
        var isSkippable: Bool { fields.contains { $0.unknown != nil } }
    }
}

extension Schema {
    func limit(_ name: String) throws -> Limit {
        guard let limit = limits.first(where: { $0.name == name }) else { throw SchemaError("no limit \(name)") }
        return limit
    }

    /// The value of a number, a decimal text, or the name of a limit.
    func value(_ scalar: Scalar) throws -> Int {
        switch scalar {
        case .number(let number): return number
        case .text(let text):
            if let number = Int(text) { return number }
            return try value(limit(text).value)
        case .none: throw SchemaError("a list has no value")
        }
    }

    func enumeration(_ name: String?) throws -> Enumeration {
        guard let found = enumerations.first(where: { $0.name == name }) else {
            throw SchemaError("no enumeration \(name ?? "")")
        }
        return found
    }

    func set(_ name: String?) throws -> BitSet {
        guard let found = sets.first(where: { $0.name == name }) else { throw SchemaError("no set \(name ?? "")") }
        return found
    }

    func group(_ name: String?) throws -> Group {
        guard let found = structs.first(where: { $0.name == name }) else {
            throw SchemaError("no struct \(name ?? "")")
        }
        return found
    }

    func message(_ name: String?) throws -> Message {
        guard let found = messages.first(where: { $0.name == name }) else {
            throw SchemaError("no message \(name ?? "")")
        }
        return found
    }

    /// Returns the integer type of a field on the wire; `nil` for other fields.
    func integer(_ field: Field) throws -> String? {
        switch field.type {
        case .u8, .u16, .u32, .u64, .i64: field.type.rawValue
        case .flag: "u8"
        case .time, .timeBound: "i64"
        case .sequence: "u64"
        case .enum: try enumeration(field.of).type
        case .set: try set(field.of).type
        default: nil
        }
    }

    /// The bytes of a field; `nil` where they depend on its value.
    func size(_ field: Field) throws -> Int? {
        if let integer = try integer(field) { return (Int(integer.dropFirst()) ?? 0) / 8 }
        switch field.type {
        case .bytes, .zero: return try value(field.length ?? .none)
        case .struct: return try size(group(field.of).fields)
        default: return nil
        }
    }

    func size(_ fields: [Field]) throws -> Int? {
        try fields.reduce(0) { sum, field in
            guard let sum, let size = try size(field) else { return nil }
            return sum + size
        }
    }
}

/// An error in the schema, or in a file with generated parts.
struct SchemaError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
