// The initializer that reads a struct from bytes, and the function that writes it.

// Reading
extension SwiftStruct {
    private static let parameters = "_ bytes: Span<UInt8>, _ reader: inout WireReader"

    func reading(_ indent: String) throws -> [String] {
        let inner = indent + "    "
        if isSkippable { return try skippableReading(indent) }
        let access = message == nil ? "" : "package "
        let start = "\(indent)\(access)init(\(SwiftStruct.parameters)) throws(WireError) {"
        guard !fields.isEmpty else { return ["\(start)}"] }
        var lines = [start]
        var later: [Field] = []
        var rest = parts[...]
        while let part = rest.first {
            guard case .field(let field) = part else {
                if case .composite(let composite) = part {
                    lines.append("\(inner)\(composite.property) = try \(composite.type)(bytes, &reader)")
                }
                rest = rest.dropFirst()
                continue
            }
            if let version = field.since {
                let group = rest.prefix { part in
                    if case .field(let other) = part { return other.since == version && other.was == field.was }
                    return false
                }.compactMap { part in if case .field(let other) = part { other } else { nil } }
                rest = rest.dropFirst(group.count)
                lines += try reading(group, since: version, inner)
                continue
            }
            rest = rest.dropFirst()
            lines.append(inner + (try reading(field)))
            if field.checkedAfter != nil { later.append(field) } else { lines += try guards(field, inner) }
            for other in later where other.checkedAfter == field.name { lines += try guards(other, inner) }
        }
        return lines + ["\(indent)}"]
    }

    /// Fields that a later version added, or their defaults.
    private func reading(_ group: [Field], since version: Int, _ indent: String) throws -> [String] {
        var lines = ["\(indent)if reader.version >= \(version) {"]
        for field in group {
            lines.append("\(indent)    " + (try reading(field)))
            lines += try guards(field, indent + "    ")
        }
        lines.append("\(indent)} else {")
        for field in group {
            if field.was != nil, let size = try schema.size(field) {
                lines.append("\(indent)    try reader.skip(\"reserved\", count: \(size))")
            }
            lines.append("\(indent)    \(field.name) = \(try defaultValue(field))")
        }
        return lines + ["\(indent)}"]
    }

    private func skippableReading(_ indent: String) throws -> [String] {
        let inner = indent + "    "
        var lines = [
            "\(indent)/// Returns `nil` for an entry that is to be skipped, because a value is unknown.",
            "\(indent)static func read(\(SwiftStruct.parameters)) throws(WireError) -> \(name)? {",
        ]
        for field in fields {
            let line = try reading(field)
            lines.append(inner + (field.type == .zero ? line : "let \(line)"))
        }
        let unknown = fields.filter { $0.unknown != nil }.map { "let \($0.name)" }.joined(separator: ", ")
        lines.append("\(inner)guard \(unknown) else { return nil }")
        let arguments = fields.filter { $0.type != .zero }.map { "\($0.name): \($0.name)" }.joined(separator: ", ")
        return lines + ["\(inner)return \(name)(\(arguments))", "\(indent)}"]
    }

    private func reading(_ field: Field) throws -> String {
        let label = "\"\(field.name)\""
        // The parameters of the initializer hide properties of their names.
        let property = field.name == "bytes" ? "self.bytes" : SwiftNames.escaped(field.name)
        let typed = isSkippable ? try ", as: \(schema.integer(field).map(SwiftWriter.integer) ?? "").self" : ""
        switch field.type {
        case .zero: return "try reader.skip(\(label), count: \(try schema.value(field.length ?? .none)))"
        case .flag where field.presenceOf != nil: return "let hasCamera = try reader.flag(\(label), bytes)"
        case .flag: return "\(property) = try reader.flag(\(label), bytes)"
        case .time: return "\(property) = try reader.time(\(label), bytes)"
        case .timeBound: return "\(property) = try reader.timeBound(\(label), bytes)"
        case .sequence: return "\(property) = try reader.sequence(\(label), bytes)"
        case .enum where field.unknown != nil:
            return "\(property) = \(SwiftNames.enumeration(field.of))(rawValue: try reader.integer(\(label), bytes))"
        case .enum where field.zero != nil: return "\(property) = try reader.optionalChoice(\(label), bytes)"
        case .enum:
            let type = isSkippable ? ", as: \(SwiftNames.enumeration(field.of)).self" : ""
            return "\(property) = try reader.choice(\(label)\(type), bytes)"
        case .set: return "\(property) = \(SwiftNames.set(field.of))(rawValue: try reader.integer(\(label), bytes))"
        case .text:
            let method = field.secret == nil ? "text" : "secret"
            return "\(property) = try reader.\(method)(\(label), limit: WireLimits.\(field.limit ?? ""), bytes)"
        case .name: return "\(property) = try reader.name(\(label), bytes)"
        case .bytes: return "\(property) = try reader.bytes(\(label), count: WireLimits.\(lengthName(field)), bytes)"
        case .struct: return "\(property) = try \(group(field.of))(bytes, &reader)"
        case .message:
            return "\(property) = hasCamera ? try \(SwiftNames.message(field.of ?? ""))(bytes, &reader) : nil"
        case .figures: return "\(property) = try reader.knownEntries(\"count\", limit: WireLimits.figures, bytes)"
        case .list:
            let method = field.entry?.isSkippable == true ? "knownEntries" : "list"
            let least = try field.min.map { "atLeast: \(try schema.value($0)), " } ?? ""
            return
                "\(property) = try reader.\(method)(\"count\", \(least)limit: WireLimits.\(field.limit ?? ""), bytes)"
        default: return "\(property) = try reader.integer(\(label)\(typed), bytes)"
        }
    }

    private func guards(_ field: Field, _ indent: String) throws -> [String] {
        let property = SwiftNames.escaped(field.name)
        let name = field.require?.first?.key ?? field.name
        return try conditions(field, property).map { condition in
            "\(indent)guard \(condition) else { throw .badValue(field: \"\(name)\") }"
        }
    }

    /// Returns the conditions on a field's value, besides its type.
    func conditions(_ field: Field, _ property: String) throws -> [String] {
        if let require = field.require?.first { return ["\(property).\(require.key) == .\(require.value)"] }
        if let name = field.notBelow { return ["\(property) >= \(name)"] }
        if let name = field.above { return ["\(property) > \(name)"] }
        if let sum = field.sum {
            return ["Int(\(sum.with)) + Int(\(property)) <= \(SwiftWriter.literal(sum.max))"]
        }
        if field.type == .set {
            let isEmpty = field.min == nil ? "" : "!\(property).isEmpty, "
            return ["\(isEmpty)\(property).isSubset(of: .all)"]
        }
        guard [.u8, .u16, .u32, .u64].contains(field.type) else { return [] }
        return try range(field, property)
    }

    private func range(_ field: Field, _ property: String) throws -> [String] {
        var isTyped = true
        func bound(_ scalar: Scalar) throws -> String {
            guard case .text(let name) = scalar, Int(name) == nil else {
                return SwiftWriter.literal(try schema.value(scalar))
            }
            isTyped = try schema.limit(name).type != nil
            return "WireLimits.\(name)"
        }
        let max = try field.max.map(bound)
        let value = isTyped ? property : "Int(\(property))"
        switch (field.min, max) {
        case (nil, nil): return []
        case (nil, let max?): return ["\(value) <= \(max)"]
        case (let min?, nil):
            let least = try schema.value(min)
            return [least == 1 ? "\(value) > 0" : "\(value) >= \(least)"]
        case (let min?, let max?): return ["(\(try bound(min))...\(max)).contains(\(value))"]
        }
    }
}

// Writing
extension SwiftStruct {
    func writing(_ indent: String) throws -> [String] {
        let access = message == nil ? "" : "package "
        let start = "\(indent)\(access)func write(_ writer: inout WireWriter) {"
        guard !fields.isEmpty else { return ["\(start)}"] }
        let lines = try parts.map { part in
            switch part {
            case .field(let field): "\(indent)    " + (try writing(field))
            case .composite(let composite): "\(indent)    \(composite.property).write(&writer)"
            }
        }
        return [start] + lines + ["\(indent)}"]
    }

    private func writing(_ field: Field) throws -> String {
        let property = SwiftNames.escaped(field.name)
        switch field.type {
        case .zero: return "writer.zeros(\(try schema.value(field.length ?? .none)))"
        case .flag:
            return field.presenceOf.map { "writer.flag(\($0) != nil)" } ?? "writer.flag(\(property))"
        case .enum: return "writer.\(field.zero == nil ? "choice" : "optionalChoice")(\(property))"
        case .set: return "writer.integer(\(property).rawValue)"
        case .text:
            return field.secret == nil
                ? "writer.text(\(property), limit: WireLimits.\(field.limit ?? ""))" : "writer.secret(\(property))"
        case .name: return "writer.name(\(property))"
        case .bytes: return "writer.raw(\(property))"
        case .struct: return "\(property).write(&writer)"
        case .message: return "\(property)?.write(&writer)"
        case .list, .figures: return "writer.list(\(property))"
        default: return "writer.integer(\(property))"
        }
    }
}
