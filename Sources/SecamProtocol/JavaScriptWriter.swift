import Foundation

/// Writes the tables of the JavaScript codec, `secam.mjs`, which reads and writes messages by them.
struct JavaScriptWriter {
    private let schema: Schema
    private let messages: [Schema.Message]
    private let structs: [Schema.Group]
    private let enumerations: [Schema.Enumeration]

    /// - Parameter connection: the connection whose messages to write; `nil` for all messages.
    init(schema: Schema, connection: String? = nil) throws {
        self.schema = schema
        guard let connection else {
            (messages, structs, enumerations) = (schema.messages, schema.structs, schema.enumerations)
            return
        }
        let names = schema.connections.first { $0.name == connection }?.messages.map(\.message) ?? []
        let messages = schema.messages.filter { names.contains($0.name) }
        let types = messages.reduce(into: Set<String>()) { Self.addTypes(of: $1.fields, schema, &$0) }
        self.messages = messages
        structs = schema.structs.filter { types.contains($0.name) }
        enumerations = schema.enumerations.filter { types.contains($0.name) }
    }

    /// Adds the names of the types that fields refer to, also through structs.
    private static func addTypes(of fields: [Field], _ schema: Schema, _ types: inout Set<String>) {
        for field in fields {
            for name in [field.of, field.element?.of].compactMap({ $0 }) where types.insert(name).inserted {
                let inner = schema.structs.first { $0.name == name }?.fields
                addTypes(of: inner ?? [], schema, &types)
            }
            addTypes(of: field.entry?.fields ?? [], schema, &types)
        }
    }

    func tables() throws -> [String] {
        var lines = [
            "/** Value of `protocol` in HELLO. */",
            "export const protocolVersion = \(schema.version);",
            "",
            "/** Classes of errors. */",
            "export const ErrorClass = Object.freeze({",
        ]
        lines += schema.errors.map { "  \(camel($0.class)): \"\($0.class)\", // \($0.condition)" } + ["});", ""]
        lines += [
            "/** Limits; numbers that do not fit into 53 bits are BigInts. */", "export const limits = Object.freeze({",
        ]
        for limit in schema.limits {
            let unit = limit.unit.map { ", \($0)" } ?? ""
            lines.append("  \(limit.name): \(try number(limit.value, of: limit.type)), // \(limit.meaning)\(unit)")
        }
        lines += ["});", ""]
        for enumeration in enumerations {
            lines += ["/** \(enumeration.summary) */", "export const \(enumeration.name) = Object.freeze({"]
            lines += enumeration.values.map { "  \($0.name): \($0.value), // \($0.meaning)" } + ["});", ""]
        }
        for set in schema.sets {
            lines += ["/** \(set.summary) A sum of these. */", "export const \(set.name) = Object.freeze({"]
            lines += set.bits.map { "  \($0.name): \(1 << $0.bit)," } + ["});", ""]
        }
        lines += ["const structs = {"]
        for group in structs { lines += ["  \(group.name): ["] + (try fields(group.fields, "    ")) + ["  ],"] }
        lines += ["};", "", "const messages = {"]
        for message in messages {
            lines.append("  // \(message.summary)")
            lines.append("  \(message.name): { code: \(message.code), version: \(message.version), fields: [")
            lines += try fields(message.fields, "    ") + ["  ] },"]
        }
        return lines + ["};"]
    }

    private func camel(_ name: String) -> String {
        let words = name.split(separator: "-")
        return words.dropFirst().reduce(String(words[0])) { $0 + $1.capitalized }
    }

    private func number(_ value: Scalar, of type: String?) throws -> String {
        let number = try schema.value(value)
        return "\(number)" + (type == "u64" || type == "i64" ? "n" : "")
    }

    private func fields(_ fields: [Field], _ indent: String) throws -> [String] {
        var lines: [String] = []
        for field in fields {
            var keys = try keys(field)
            if let entry = field.entry {
                keys.append("entry: [")
                lines.append("\(indent){ \(keys.joined(separator: ", "))")
                lines += try self.fields(entry.fields, indent + "  ") + ["\(indent)] },"]
            } else {
                lines.append("\(indent){ \(keys.joined(separator: ", ")) },")
            }
        }
        return lines
    }

    private func keys(_ field: Field) throws -> [String] {
        let type = try schema.integer(field)
        var keys = ["name: \"\(field.name)\"", "type: \"\(type ?? field.type.rawValue)\""]
        switch field.type {
        case .flag: keys.append("flag: true")
        case .time: keys.append("min: -limits.times, max: limits.times")
        case .timeBound: keys.append("bound: \"time\"")
        case .sequence: keys.append("max: limits.sequence")
        case .enum: keys.append("values: \(field.of ?? "")")
        case .set: keys.append("mask: \(try schema.set(field.of).all)")
        case .figures: keys = ["name: \"\(field.name)\"", "type: \"list\", limit: limits.figures, element: \"figure\""]
        case .struct: keys.append("fields: \"\(field.of ?? "")\"")
        case .message: keys.append("message: \"\(field.of ?? "")\"")
        default: break
        }
        if let limit = field.limit { keys.append("limit: limits.\(limit)") }
        if let length = field.length { keys.append("length: \(try schema.value(length))") }
        let suffix = type == "u64" || type == "i64" ? "n" : ""
        if let min = field.min { keys.append("min: \(try schema.value(min))\(suffix)") }
        if let max = field.max { keys.append("max: \(try schema.value(max))\(suffix)") }
        if field.zero != nil { keys.append("zero: true") }
        if field.unknown != nil { keys.append("skip: true") }
        if let name = field.notBelow { keys.append("notBelow: \"\(name)\"") }
        if let name = field.above { keys.append("above: \"\(name)\"") }
        if let sum = field.sum { keys.append("sum: { with: \"\(sum.with)\", max: \(sum.max) }") }
        if let by = field.by?.first { keys.append(try variants(by.key, by.value)) }
        if let require = field.require?.first { keys.append(try requirement(require, of: field)) }
        if let name = field.checkedAfter { keys.append("checkedAfter: \"\(name)\"") }
        if let name = field.presenceOf { keys.append("presenceOf: \"\(name)\"") }
        if field.if != nil { keys.append("optional: true") }
        if let since = field.since { keys.append("since: \(since), default: \(try defaultValue(field))") }
        if field.was != nil { keys.append("was: \"reserved\"") }
        if let element = field.element { keys.append("element: \"\(element.of ?? element.type)\"") }
        return keys
    }

    private func variants(_ name: String, _ readings: [String: String]) throws -> String {
        let owner = try schema.messages.flatMap(\.fields).first { $0.name == name && $0.type == .enum }
            .map { try schema.enumeration($0.of) }
        let cases = readings.sorted { $0.key < $1.key }.compactMap { value, reading in
            owner?.values.first { $0.name == value }.map { "\($0.value): \"\(reading)\"" }
        }
        return "by: { field: \"\(name)\", readings: { \(cases.joined(separator: ", ")) } }"
    }

    private func requirement(_ require: (key: String, value: String), of field: Field) throws -> String {
        let type = try schema.group(field.of).fields.first { $0.name == require.key }?.of ?? ""
        return "require: { field: \"\(require.key)\", value: \(type).\(require.value) }"
    }

    private func defaultValue(_ field: Field) throws -> String {
        switch (field.type, field.default ?? .none) {
        case (_, .none): return "[]"
        case (.text, _): return "\"\""
        case (.bytes, _): return "new Uint8Array(\(try schema.value(field.length ?? .none)))"
        case (.flag, let value): return try schema.value(value) == 0 ? "false" : "true"
        case (.enum, .text(let name)): return "\(field.of ?? "").\(name)"
        case (_, let value): return try number(value, of: schema.integer(field))
        }
    }
}
