package import Foundation
import SecamBase

/// Encodes and decodes messages as `proto-spec/schema.json` describes them, in the notation of the test vectors.
///
/// It shares no code of messages with the programs, so that a test can check them against the schema alone.
package struct SchemaCodec: Sendable {
    private let schema: JSONValue

    /// - Parameter schema: contents of `proto-spec/schema.json`.
    package init(_ schema: Data) throws { self.schema = try JSONValue(schema) }

    /// Returns a whole message. Fields that are not given are 0, empty or absent.
    package func encode(_ name: String, _ fields: JSONValue) throws -> [UInt8] {
        let message = try find(name, in: "messages")
        guard let code = message["code"].text.flatMap({ UInt64($0.dropFirst(2), radix: 16) }),
            let version = message["version"].integer
        else { throw TestFailure("the schema has no code for \(name)") }
        let all = message["fields"].values
        let unknown = fields.names.subtracting(all.compactMap { $0["name"].text })
        guard unknown.isEmpty else { throw TestFailure("\(name) has no field \(unknown.sorted())") }
        let hasPayload = all.last?["type"].text == "payload"
        var body = try encode(hasPayload ? Array(all.dropLast()) : all, fields)
        if hasPayload {
            body = Self.integer(UInt64(body.count + 2), 2) + body + (try Self.bytes(fields["payload"].text ?? ""))
        }
        return Self.integer(UInt64(body.count + 4), 4) + Self.integer(code, 2) + Self.integer(UInt64(version), 2) + body
    }

    /// Decodes a whole message of the newest version.
    package func decode(_ bytes: [UInt8]) throws -> (name: String, fields: JSONValue) {
        var reader = Reader(bytes: bytes[...])
        guard try reader.integer(4) == UInt64(bytes.count - 4) else { throw TestFailure("wrong length in a message") }
        let code = "0x" + Hexadecimal.encode(Self.integer(try reader.integer(2), 2).reversed())
        guard let message = schema["messages"].values.first(where: { $0["code"].text == code }),
            let name = message["name"].text
        else { throw TestFailure("unknown message type \(code)") }
        guard try reader.integer(2) == UInt64(message["version"].integer ?? 0) else {
            throw TestFailure("\(name) of another version than the schema's")
        }
        let all = message["fields"].values
        guard all.last?["type"].text == "payload" else {
            let fields = try decode(all, &reader)
            guard reader.bytes.isEmpty else { throw TestFailure("\(reader.bytes.count) bytes after \(name)") }
            return (name, .object(fields))
        }
        let headerLength = Int(try reader.integer(2))
        guard headerLength >= 2 else { throw TestFailure("headerLength \(headerLength)") }
        var header = Reader(bytes: try reader.next(headerLength - 2))
        var fields = try decode(Array(all.dropLast()), &header)
        guard header.bytes.isEmpty else { throw TestFailure("bytes after the header of \(name)") }
        fields["payload"] = .string(Hexadecimal.encode(reader.bytes))
        return (name, .object(fields))
    }

    // MARK: Schema

    private enum Kind {
        case integer(width: Int, isSigned: Bool)
        case text
        case bytes(Int)
        case zeros(Int)
        case list([JSONValue])
        /// A list of plain values.
        case plainList(JSONValue)
        case fields([JSONValue])
        case optionalFields([JSONValue])
    }

    private func find(_ name: String?, in list: String) throws -> JSONValue {
        guard let found = schema[list].values.first(where: { $0["name"].text == name }) else {
            throw TestFailure("the schema's \(list) have no \(name ?? "name")")
        }
        return found
    }

    private func kind(of field: JSONValue) throws -> Kind {
        let type = field["type"].text ?? ""
        switch type {
        case "u8", "u16", "u32", "u64": return .integer(width: (Int(type.dropFirst()) ?? 0) / 8, isSigned: false)
        case "flag": return .integer(width: 1, isSigned: false)
        case "sequence": return .integer(width: 8, isSigned: false)
        case "i64", "time", "timeBound": return .integer(width: 8, isSigned: true)
        case "enum": return try kind(of: find(field["of"].text, in: "enumerations"))
        case "set": return try kind(of: find(field["of"].text, in: "sets"))
        case "text", "name": return .text
        case "bytes": return .bytes(try length(field))
        case "zero": return .zeros(try length(field))
        case "figures": return .list(try find("figure", in: "structs")["fields"].values)
        case "list":
            let element = field["element"]
            guard element != .null else { return .list(field["entry"]["fields"].values) }
            guard element["type"].text == "struct" else { return .plainList(element) }
            return .list(try find(element["of"].text, in: "structs")["fields"].values)
        case "struct": return .fields(try find(field["of"].text, in: "structs")["fields"].values)
        case "message": return .optionalFields(try find(field["of"].text, in: "messages")["fields"].values)
        default: throw TestFailure("the schema has an unknown type \(type)")
        }
    }

    private func length(_ field: JSONValue) throws -> Int {
        if let length = field["length"].integer { return length }
        guard let length = try find(field["length"].text, in: "limits")["value"].integer else {
            throw TestFailure("no length of \(field)")
        }
        return length
    }

    // MARK: Encode

    private func encode(_ fields: [JSONValue], _ values: JSONValue) throws -> [UInt8] {
        try fields.flatMap { field in
            let value = values[field["name"].text ?? ""]
            guard field["presenceOf"] == .null else { return [value == .null ? 0 : 1] as [UInt8] }
            return try encode(value, of: field)
        }
    }

    private func encode(_ value: JSONValue, of field: JSONValue) throws -> [UInt8] {
        switch try kind(of: field) {
        case .integer(let width, _):
            let text = value.text ?? "\(value == .null ? 0 : value.integer ?? -1)"
            guard let number = UInt64(text) ?? Int64(text).map({ UInt64(bitPattern: $0) }),
                width == 8 || number >> (8 * width) == 0
            else { throw TestFailure("\(value) is no \(field["type"].text ?? "")") }
            return Self.integer(number, width)
        case .text:
            let text = Array((value.text ?? "").utf8)
            return Self.integer(UInt64(text.count), 2) + text
        case .bytes(let count):
            guard let text = value.text else { return [UInt8](repeating: 0, count: count) }
            return try Self.bytes(text)
        case .zeros(let count): return [UInt8](repeating: 0, count: count)
        case .list(let entry):
            return try Self.integer(UInt64(value.values.count), 2) + value.values.flatMap { try encode(entry, $0) }
        case .plainList(let element):
            return try Self.integer(UInt64(value.values.count), 2)
                + value.values.flatMap { try encode($0, of: element) }
        case .fields(let fields): return try encode(fields, value)
        case .optionalFields(let fields): return value == .null ? [] : try encode(fields, value)
        }
    }

    // MARK: Decode

    private struct Reader {
        var bytes: ArraySlice<UInt8>

        mutating func next(_ count: Int) throws -> ArraySlice<UInt8> {
            guard bytes.count >= count else { throw TestFailure("a message is truncated") }
            defer { bytes = bytes.dropFirst(count) }
            return bytes.prefix(count)
        }

        mutating func integer(_ width: Int) throws -> UInt64 {
            try next(width).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    private func decode(_ fields: [JSONValue], _ reader: inout Reader) throws -> [String: JSONValue] {
        var values: [String: JSONValue] = [:]
        for field in fields {
            guard let name = field["name"].text, field["type"].text != "zero" else {
                _ = try decode(field, &reader)
                continue
            }
            // The flag that announces a report has the report's name.
            if field["if"] != .null, values[field["if"].text ?? ""] == .number(0) {
                values[name] = .null
            } else {
                values[name] = try decode(field, &reader)
            }
        }
        return values
    }

    private func decode(_ field: JSONValue, _ reader: inout Reader) throws -> JSONValue {
        switch try kind(of: field) {
        case .integer(let width, let isSigned):
            let number = try reader.integer(width)
            guard width == 8 else { return .number(Double(number)) }
            return .string(isSigned ? "\(Int64(bitPattern: number))" : "\(number)")
        case .text:
            let count = Int(try reader.integer(2))
            return .string(String(decoding: try reader.next(count), as: UTF8.self))
        case .bytes(let count): return .string(Hexadecimal.encode(try reader.next(count)))
        case .zeros(let count):
            _ = try reader.next(count)
            return .null
        case .list(let entry):
            let count = try reader.integer(2)
            return .array(try (0..<count).map { _ in .object(try decode(entry, &reader)) })
        case .plainList(let element):
            let count = try reader.integer(2)
            return .array(try (0..<count).map { _ in try decode(element, &reader) })
        case .fields(let fields), .optionalFields(let fields): return .object(try decode(fields, &reader))
        }
    }

    // MARK: Bytes

    private static func integer(_ number: UInt64, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    /// Returns the bytes of a text of hexadecimal digits.
    package static func bytes(_ text: String) throws -> [UInt8] {
        guard let bytes = Hexadecimal.decode(text) else { throw TestFailure("not hexadecimal: '\(text)'") }
        return bytes
    }
}
