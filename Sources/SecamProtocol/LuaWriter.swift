/// Writes the tables of the Wireshark dissector, `secam.lua`, which shows messages according to them.
struct LuaWriter {
    let schema: Schema

    func tables() throws -> [String] {
        var lines = ["local enumerations = {"]
        for enumeration in schema.enumerations {
            let values = enumeration.values.map { "[\($0.value)] = \"\($0.name)\"" }
            lines += ["  \(enumeration.name) = {"] + wrapped(values, "    ") + ["  },"]
        }
        lines += ["}", "", "local sets = {"]
        for set in schema.sets {
            let bits = set.bits.map { "[\(1 << $0.bit)] = \"\($0.name)\"" }.joined(separator: ", ")
            lines.append("  \(set.name) = { \(bits) },")
        }
        lines += ["}", "", "local structs = {"]
        for group in schema.structs { lines += ["  \(group.name) = {"] + (try fields(group.fields, "    ")) + ["  },"] }
        lines += ["}", "", "local messages = {"]
        for message in schema.messages {
            lines.append("  [\(message.code)] = { name = \"\(message.name)\", version = \(message.version), fields = {")
            lines += try fields(message.fields, "    ") + ["  } },"]
        }
        return lines + ["}"]
    }

    private func wrapped(_ items: [String], _ indent: String) -> [String] {
        var lines: [String] = []
        var line = indent
        for item in items {
            if line != indent, line.count + item.count + 2 > 118 {
                lines.append(line)
                line = indent
            }
            line += (line == indent ? "" : " ") + item + ","
        }
        return lines + [line]
    }

    private func fields(_ fields: [Field], _ indent: String) throws -> [String] {
        var lines: [String] = []
        for field in fields {
            let keys = try keys(field)
            if let entry = field.entry {
                lines.append("\(indent){ \(keys), entry = \"\(entry.name)\", fields = {")
                lines += try self.fields(entry.fields, indent + "  ") + ["\(indent)} },"]
            } else {
                lines.append("\(indent){ \(keys) },")
            }
        }
        return lines
    }

    private func keys(_ field: Field) throws -> String {
        let integer = try schema.integer(field)
        var keys = ["name = \"\(field.name)\"", "type = \"\(integer ?? field.type.rawValue)\""]
        switch field.type {
        case .figures: keys = ["name = \"\(field.name)\"", "type = \"list\", element = \"figure\""]
        case .time, .timeBound: keys.append("time = true")
        case .enum: keys.append("values = \"\(field.of ?? "")\"")
        case .set: keys.append("set = \"\(field.of ?? "")\"")
        case .struct: keys.append("struct = \"\(field.of ?? "")\"")
        case .message: keys.append("message = \(try schema.message(field.of).code)")
        default: break
        }
        if let length = field.length { keys.append("length = \(try schema.value(length))") }
        if let element = field.element { keys.append("element = \"\(element.of ?? element.type)\"") }
        if let name = field.presenceOf { keys.append("presenceOf = \"\(name)\"") }
        if field.if != nil { keys.append("optional = true") }
        if let since = field.since { keys.append("since = \(since)") }
        if field.was != nil { keys.append("wasReserved = true") }
        if field.secret != nil { keys.append("secret = true") }
        return keys.joined(separator: ", ")
    }
}
