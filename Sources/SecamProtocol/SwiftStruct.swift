/// Writes one struct: a message, an entry of a list, or a group of fields of several messages.
struct SwiftStruct {
    let schema: Schema
    /// As the tables of `SwiftNames` write it, such as `FOUND` or `FOUND.event`.
    let path: String
    /// The message that it belongs to, or its own name.
    let owner: String
    let name: String
    private let summary: String
    let fields: [Field]
    let message: Schema.Message?
    let isSkippable: Bool

    init(schema: Schema, message: Schema.Message) {
        self.schema = schema
        path = message.name
        owner = message.name
        name = SwiftNames.message(message.name)
        summary = "\(message.name): \(message.summary)"
        fields = message.fields.filter { $0.type != .payload }
        self.message = message
        isSkippable = false
    }

    init(schema: Schema, group: Schema.Group) {
        self.schema = schema
        path = group.name
        owner = group.name
        name = SwiftNames.group(group.name).split(separator: ".").last.map(String.init) ?? group.name
        summary = group.summary
        fields = group.fields
        message = nil
        isSkippable = fields.contains { $0.unknown != nil }
    }

    private init(schema: Schema, entry: Field.Entry, of owner: String, summary: String) {
        self.schema = schema
        path = "\(owner).\(entry.name)"
        self.owner = owner
        name = SwiftNames.entry(entry.name, of: owner)
        self.summary = summary
        fields = entry.fields
        message = nil
        isSkippable = entry.isSkippable
    }

    func text() throws -> String {
        var lines = try lines(indent: "")
        for entry in entries where SwiftNames.topLevel.contains(entry.path) {
            lines += [""] + (try entry.lines(indent: ""))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    func lines(indent: String) throws -> [String] {
        var lines = SwiftWriter.comment(summary, indent) + (try layout(indent))
        lines.append("\(indent)package struct \(name): \(try conformances()) {")
        let inner = indent + "    "
        if let message {
            lines.append("\(inner)package static let type = MessageType.\(SwiftNames.messageCase(message.name))")
            if message.version > 1 { lines.append("\(inner)package static let version: UInt8 = \(message.version)") }
            if message.name == "HELLO" {
                lines.append("\(inner)package static let currentProtocol: UInt16 = \(schema.version)")
            }
        }
        for property in try properties() {
            if let meaning = property.meaning { lines += SwiftWriter.comment(meaning, inner) }
            lines.append("\(inner)package let \(SwiftNames.escaped(property.name)): \(property.type)")
        }
        for entry in entries where !SwiftNames.topLevel.contains(entry.path) {
            lines += [""] + (try entry.lines(indent: inner))
        }
        if !SwiftNames.initializedByHand.contains(path) { lines += [""] + (try initializer(inner)) }
        lines += [""] + (try reading(inner)) + [""] + (try writing(inner))
        return lines + ["\(indent)}"]
    }

    private var entries: [SwiftStruct] {
        nested(fields).map { field, entry in
            SwiftStruct(schema: schema, entry: entry, of: owner, summary: "an entry of `\(field.name)`")
        }
    }

    /// Entries of entries stand beside them in their message.
    private func nested(_ fields: [Field]) -> [(Field, Field.Entry)] {
        guard message != nil else { return [] }
        func all(_ fields: [Field]) -> [(Field, Field.Entry)] {
            fields.flatMap { field in field.entry.map { [(field, $0)] + all($0.fields) } ?? [] }
        }
        return all(fields)
    }

    private func conformances() throws -> String {
        if let message { return message.hasPayload ? "PayloadMessage" : "WireMessage" }
        let element = isSkippable ? "SkippableWireElement" : "WireElement"
        return "\(element), Sendable, \(fields.contains { $0.type == .message } ? "Equatable" : "Hashable")"
    }
}

// Properties
extension SwiftStruct {
    private struct Property {
        let name: String
        let type: String
        let meaning: String?
        let defaultValue: String?
        /// `nil` for several fields.
        let field: Field?
    }

    /// A field of its own, or the fields of one property.
    enum Part {
        case field(Field)
        case composite(SwiftNames.Composite)
    }

    var parts: [Part] {
        let composite = SwiftNames.composites[path]
        var parts: [Part] = []
        var rest = fields[...]
        while let field = rest.first {
            if let composite, rest.prefix(composite.fields.count).map(\.name) == composite.fields {
                parts.append(.composite(composite))
                rest = rest.dropFirst(composite.fields.count)
            } else {
                parts.append(.field(field))
                rest = rest.dropFirst()
            }
        }
        return parts
    }

    private func properties() throws -> [Property] {
        try parts.compactMap { part in
            switch part {
            case .composite(let composite):
                return Property(
                    name: composite.property, type: composite.type, meaning: composite.meaning, defaultValue: nil,
                    field: nil)
            case .field(let field):
                guard field.type != .zero, field.presenceOf == nil else { return nil }
                let added = field.since == nil ? nil : try defaultValue(field, isParameter: true)
                return Property(
                    name: field.name, type: try type(field), meaning: field.meaning,
                    defaultValue: SwiftNames.defaults["\(path).\(field.name)"] ?? added, field: field)
            }
        }
    }

    private func type(_ field: Field) throws -> String {
        switch field.type {
        case .flag: return "Bool"
        case .enum: return SwiftNames.enumeration(field.of) + (field.zero == nil ? "" : "?")
        case .set: return SwiftNames.set(field.of)
        case .text: return field.secret == nil ? "String" : "Secret"
        case .name: return "Name"
        case .bytes: return "[UInt8]"
        case .figures: return "[Figure]"
        case .struct: return group(field.of)
        case .message: return "\(SwiftNames.message(field.of ?? ""))?"
        case .list:
            if let entry = field.entry { return "[\(SwiftNames.entry(entry.name, of: owner))]" }
            return field.element?.of.map { "[\(group($0))]" } ?? "[Name]"
        default: return try schema.integer(field).map(SwiftWriter.integer) ?? ""
        }
    }

    /// A struct's name as it is written inside of this one.
    func group(_ name: String?) -> String {
        let full = SwiftNames.group(name)
        return full.hasPrefix("\(self.name).") ? String(full.dropFirst(self.name.count + 1)) : full
    }

    func defaultValue(_ field: Field, isParameter: Bool = false) throws -> String {
        switch (field.type, field.default ?? .none) {
        case (_, .none): return "[]"
        case (.text, _): return field.secret == nil ? "\"\"" : "Secret(\"\")"
        case (.bytes, _): return isParameter ? "[]" : "DeviceToken.none"
        case (.flag, let value): return try schema.value(value) == 0 ? "false" : "true"
        case (.enum, .text(let name)): return ".\(name)"
        case (.time, let value):
            return try schema.value(value) < 0 ? "WireLimits.times.lowerBound" : "WireLimits.times.upperBound"
        case (_, .text(let name)) where Int(name) == nil: return "WireLimits.\(name)"
        case (_, let value): return SwiftWriter.literal(try schema.value(value))
        }
    }

    /// The bytes of each field, as a table.
    private func layout(_ indent: String) throws -> [String] {
        guard message != nil || path == "event" || path == "box" || path == "figure" else { return [] }
        guard !fields.isEmpty else { return [] }
        var rows: [(String, String, String)] = []
        let header = message?.hasPayload == true
        if header { rows.append(("0", "2", "headerLength")) }
        try append(fields, sign: "", from: header ? 2 : 0, to: &rows)
        return ["\(indent)///", "\(indent)///     offset  size  field"]
            + rows.map { row in
                "\(indent)///     \(row.0.padding(to: 8))\(row.1.padding(to: 6))\(row.2)"
            }
    }

    private func append(
        _ fields: [Field], sign: String, from start: Int, to rows: inout [(String, String, String)]
    ) throws {
        var offset: Int? = start
        for field in fields {
            let size = try schema.size(field)
            let sizeText =
                switch field.type {
                case .text, .name: "2+n"
                case .list, .figures: "2"
                default: size.map { "\($0)" } ?? ".."
                }
            let isList = field.type == .list || field.type == .figures
            let since = field.since.map { ", since version \($0)" } ?? ""
            let entries = field.entry == nil ? "" : "; for each:"
            let name = (isList ? "count of \(field.name)" : field.name) + since + entries
            rows.append((offset.map { "\(sign)\($0)" } ?? "..", sizeText, name))
            if let entry = field.entry { try append(entry.fields, sign: "+", from: 0, to: &rows) }
            offset = offset.flatMap { offset in size.map { offset + $0 } }
        }
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}

// Initializer
extension SwiftStruct {
    private func initializer(_ indent: String) throws -> [String] {
        let properties = try properties()
        guard !properties.isEmpty else { return ["\(indent)package init() {}"] }
        let parameters = properties.map { property in
            "\(property.name): \(property.type)" + (property.defaultValue.map { " = \($0)" } ?? "")
        }
        var body: [String] = []
        for property in properties { body += try property.field.map { try assertion($0, property.name) } ?? [] }
        for property in properties { body.append(try assignment(property)) }
        let signature = "\(indent)package init(\(parameters.joined(separator: ", "))) {"
        if body.count == 1, signature.count + body[0].count + 4 <= SwiftWriter.width {
            return ["\(signature) \(body[0]) }"]
        }
        var lines = [signature]
        if signature.count > SwiftWriter.width {
            lines = ["\(indent)package init("] + filled(parameters, indent + "    ") + ["\(indent)) {"]
        }
        return lines + body.map { "\(indent)    \($0)" } + ["\(indent)}"]
    }

    /// Parameters in as few lines as they fit into.
    private func filled(_ parameters: [String], _ indent: String) -> [String] {
        var lines: [String] = []
        var line = indent
        for (index, parameter) in parameters.enumerated() {
            let text = parameter + (index == parameters.count - 1 ? "" : ",")
            if line != indent, line.count + 1 + text.count > SwiftWriter.width {
                lines.append(line)
                line = indent
            }
            line += (line == indent ? "" : " ") + text
        }
        return lines + [line]
    }

    private func assertion(_ field: Field, _ name: String) throws -> [String] {
        let isAsserted = SwiftNames.asserted.contains("\(path).\(name)")
        switch field.type {
        case .bytes:
            let length = "WireLimits.\(lengthName(field))"
            let none = field.default == nil ? "" : "\(name).isEmpty || "
            return ["precondition(\(none)\(name).count == \(length))"]
        case .list where isAsserted:
            let limit = "WireLimits.\(field.limit ?? "")"
            guard let min = field.min else { return ["precondition(\(name).count <= \(limit))"] }
            return ["precondition((\(try schema.value(min))...\(limit)).contains(\(name).count))"]
        case .text where isAsserted: return ["precondition(\(name).count <= WireLimits.\(field.limit ?? ""))"]
        default:
            return try isAsserted ? conditions(field, name).map { "precondition(\($0))" } : []
        }
    }

    private func assignment(_ property: Property) throws -> String {
        let name = property.name
        var value = SwiftNames.escaped(name)
        if let field = property.field {
            if field.type == .bytes, field.default != nil {
                value = "\(name).isEmpty ? \(try defaultValue(field)) : \(name)"
            } else if SwiftNames.truncated.contains("\(path).\(name)") {
                value = "Array(\(name).prefix(WireLimits.\(field.limit ?? "")))"
            }
        }
        return "self.\(name) = \(value)"
    }

    func lengthName(_ field: Field) -> String {
        if case .text(let name) = field.length { return name }
        return ""
    }
}
