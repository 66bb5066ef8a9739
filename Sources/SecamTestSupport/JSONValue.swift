package import Foundation

/// A JSON value printed by a program.
package enum JSONValue: Sendable, Equatable, Decodable {
    case null
    case boolean(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    package init(_ data: Data) throws {
        do {
            self = try JSONDecoder().decode(JSONValue.self, from: data)
        } catch {
            throw TestFailure("not JSON: '\(String(decoding: data, as: UTF8.self))'")
        }
    }

    package init(_ text: String) throws { try self.init(Data(text.utf8)) }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    /// `null` for a missing field, so that a chain of subscripts ends in a comparison that fails.
    package subscript(_ name: String) -> JSONValue {
        if case .object(let fields) = self { fields[name] ?? .null } else { .null }
    }

    package subscript(_ index: Int) -> JSONValue {
        if case .array(let values) = self, values.indices.contains(index) { values[index] } else { .null }
    }

    package var values: [JSONValue] { if case .array(let values) = self { values } else { [] } }
    package var names: Set<String> { if case .object(let fields) = self { Set(fields.keys) } else { [] } }
    package var text: String? { if case .string(let text) = self { text } else { nil } }
    package var number: Double? { if case .number(let number) = self { number } else { nil } }
    package var integer: Int? { number.flatMap { Int(exactly: $0) } }
}
