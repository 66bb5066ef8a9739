/// Writes the parts of the documents that follow from the schema.
struct DocumentWriter {
    let schema: Schema

    /// Names of all generated parts.
    var sections: [String] {
        ["messages", "versions", "errors", "sizes", "grammar"] + schema.connections.map { "connection \($0.name)" }
            + schema.enumerations.map(\.name) + schema.structs.map(\.name) + schema.messages.map(\.name)
    }

    /// The lines of one part.
    func section(_ name: String) throws -> [String] {
        switch name {
        case "messages": return messageIndex()
        case "versions": return try versions()
        case "errors": return table(["class", "condition"], schema.errors.map { ["`\($0.class)`", $0.condition] })
        case "sizes":
            return table(
                ["subject", "limit"], right: [1], try schema.sizes.map { [$0.subject, try filledLimits($0.limit)] })
        case "grammar": return try GrammarWriter(schema: schema).lines()
        default: break
        }
        if let connection = schema.connections.first(where: { "connection \($0.name)" == name }) {
            return permissions(connection)
        }
        if let enumeration = schema.enumerations.first(where: { $0.name == name }) {
            return table(
                ["value", "name", enumeration.column ?? "meaning"], right: [0],
                enumeration.values.map { ["\($0.value)", $0.name, $0.meaning] })
        }
        if let group = schema.structs.first(where: { $0.name == name }) {
            // Offsets with a sign count from the entry of a list.
            return fieldTable(try rows(group.fields, sign: schema.size(group.fields) == nil ? "" : "+"))
        }
        if let message = schema.messages.first(where: { $0.name == name }) {
            return fieldTable(try rows(of: message))
        }
        throw SchemaError("nothing in the schema is called \(name)")
    }

    private func table(_ heading: [String], right: Set<Int> = [], _ rows: [[String]]) -> [String] {
        func line(_ cells: [String]) -> String { "|" + cells.map { $0.isEmpty ? " |" : " \($0) |" }.joined() }
        let rule = "|" + heading.indices.map { right.contains($0) ? "---:|" : "---|" }.joined()
        return [line(heading), rule] + rows.map(line)
    }

    private func fieldTable(_ rows: [[String]]) -> [String] {
        table(["offset", "type", "field", "meaning"], right: [0], rows)
    }
}

// Messages and connections
extension DocumentWriter {
    private func messageIndex() -> [String] {
        let rows = schema.messages.map { message in
            let names = schema.connections.filter { connection in
                connection.messages.contains { $0.message == message.name }
            }.map(\.name)
            let page = message.page.dropLast(3)
            let link = "[\(page)](\(message.page)#\(message.name.lowercased()))"
            return [message.code, message.name, ordered(names).joined(separator: ", "), link]
        }
        return table(["code", "message", "connection", "page"], rows)
    }

    /// Orders connections: `flow`, `viewer`, `archive`; without `flow`, the order of the schema.
    private func ordered(_ names: [String]) -> [String] {
        names.contains("flow") ? names.sorted { rank($0) < rank($1) } : names
    }

    private func rank(_ name: String) -> Int { ["flow", "viewer", "archive"].firstIndex(of: name) ?? 3 }

    private func permissions(_ connection: Schema.Connection) -> [String] {
        table(
            ["message", "from → to", "when"],
            connection.messages.map { permission in
                [permission.message, permission.from + (permission.to.map { " → \($0)" } ?? ""), permission.when]
            })
    }

    private func versions() throws -> [String] {
        var rows: [[String]] = []
        for message in schema.messages where message.version > 1 {
            let fields = message.fields + message.fields.flatMap { $0.entry?.fields ?? [] }
            for version in 2...message.version {
                rows += try fields.filter { $0.since == version }.map { field in
                    let name = "`\(field.name)`" + (field.was == nil ? "" : ", in a byte that version 1 reserved")
                    return [message.name, "\(version)", name, try defaultValue(of: field)]
                }
            }
        }
        return table(["message", "version", "added field", "default"], right: [1], rows)
    }

    private func defaultValue(of field: Field) throws -> String {
        switch field.default ?? .none {
        case .none, .text(""): return "empty"
        case .text(let name) where field.type == .enum || field.type == .bytes: return name
        case let value:
            let number = try schema.value(value)
            let farthest = try schema.value(.text("times"))
            guard abs(number) == farthest else { return grouped(number) }
            return number < 0 ? "−2⁶¹" : "2⁶¹"
        }
    }
}

// Fields
extension DocumentWriter {
    private func rows(of message: Schema.Message) throws -> [[String]] {
        guard message.hasPayload else { return try rows(message.fields) }
        let size = try schema.size(message.fields.dropLast())
        let meaning = "bytes before the payload, this field included" + (size.map { ": \($0 + 2)" } ?? "")
        return [["0", "u16", "headerLength", meaning]] + (try rows(message.fields, from: 2))
    }

    private func rows(_ fields: [Field], sign: String = "", from start: Int = 0) throws -> [[String]] {
        var rows: [[String]] = []
        var offset: Int? = start
        for field in fields {
            var parts = [field.since.map { "since version \($0): " } ?? "", field.meaning ?? ""].joined()
            if field.type == .list { parts += field.meaning == nil ? "for each:" : "; for each:" }
            rows.append([offset.map { "\(sign)\($0)" } ?? "..", try type(field), field.name, parts])
            if let entry = field.entry { rows += try self.rows(entry.fields, sign: "+") }
            if let element = field.element { rows.append(["+0", element.of ?? element.type, element.name, ""]) }
            let size = try schema.size(field)
            offset = offset.flatMap { offset in size.map { offset + $0 } }
        }
        return rows
    }

    private func type(_ field: Field) throws -> String {
        if field.type == .enum, field.unknown == nil {
            return "\(try schema.enumeration(field.of).type) \(field.of ?? "")"
        }
        if let integer = try schema.integer(field) { return integer }
        return switch field.type {
        case .text, .list: "\(field.type.rawValue) \(try schema.value(.text(field.limit ?? "")))"
        case .bytes, .zero: "\(field.type.rawValue) \(try schema.value(field.length ?? .none))"
        case .struct, .message: field.of ?? ""
        default: field.type.rawValue
        }
    }
}

// Limits
extension DocumentWriter {
    /// Replaces `{name}`, `{name bytes}` and `{name grouped}` by the limit of that name.
    private func filledLimits(_ text: String) throws -> String {
        var result = ""
        var rest = text[...]
        while let open = rest.firstIndex(of: "{"), let close = rest.firstIndex(of: "}") {
            result += rest[..<open]
            let words = rest[rest.index(after: open)..<close].split(separator: " ")
            let value = try schema.value(.text(String(words[0])))
            switch words.dropFirst().first {
            case "bytes": result += "\(grouped(value)) bytes (\(binary(value)))"
            case "grouped": result += grouped(value)
            default: result += "\(value)"
            }
            rest = rest[rest.index(after: close)...]
        }
        return result + rest
    }

    private func binary(_ bytes: Int) -> String {
        bytes >= 1 << 20 ? "\(bytes >> 20) MiB" : "\(bytes >> 10) KiB"
    }
}
