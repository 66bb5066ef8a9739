extension Schema {
    /// Checks what JSON Schema cannot state: that names exist, and that a meaning tells the reader of the document the
    /// unit and the range that the schema tells the generators.
    func check() throws {
        var codes: [String] = []
        for message in messages {
            codes.append(message.code)
            try check(message.fields, of: message.name)
            let newest = allFields(message.fields).compactMap(\.since).max() ?? 1
            guard newest == message.version else {
                throw SchemaError("\(message.name): version \(message.version), but the newest field is of \(newest)")
            }
        }
        guard codes == codes.sorted(), Set(codes).count == codes.count else {
            throw SchemaError("messages are not in the order of their codes")
        }
        for group in structs { try check(group.fields, of: group.name) }
        for connection in connections {
            for permission in connection.messages {
                _ = try message(permission.message)
                for peer in [permission.from, permission.to ?? "either"] where peer != "either" {
                    guard peers.contains(where: { $0.name == peer }) else { throw SchemaError("no peer \(peer)") }
                }
            }
        }
        let roles = try enumeration("Role").values.map(\.name)
        for role in peers.flatMap(\.roles) where !roles.contains(role) { throw SchemaError("no role \(role)") }
    }

    private func allFields(_ fields: [Field]) -> [Field] {
        fields + fields.flatMap { allFields($0.entry?.fields ?? []) }
    }

    private func check(_ fields: [Field], of owner: String) throws {
        var earlier: Set<String> = []
        var version = 1
        for field in fields {
            let path = "\(owner).\(field.name)"
            for name in [field.notBelow, field.above, field.sum?.with, field.if].compactMap({ $0 })
            where !earlier.contains(name) {
                throw SchemaError("\(path): no earlier field \(name)")
            }
            if let limit = field.limit { _ = try self.limit(limit) }
            switch field.type {
            case .enum: _ = try enumeration(field.of)
            case .set: _ = try set(field.of)
            case .struct: _ = try group(field.of)
            case .message:
                // A reader of an embedded message has the version of the message around it.
                guard try message(field.of).version == 1 else { throw SchemaError("\(path): not of version 1") }
            default: break
            }
            let since = field.since ?? version
            guard field.was != nil || since >= version else {
                throw SchemaError("\(path): older than the field before")
            }
            if field.was == nil { version = since }
            try checkMeaning(field, path)
            if let entry = field.entry { try check(entry.fields, of: "\(owner).\(entry.name)") }
            earlier.insert(field.name)
        }
    }

    private func checkMeaning(_ field: Field, _ path: String) throws {
        guard let meaning = field.meaning else { return }
        var phrases = [field.unit].compactMap { $0 }
        if field.type == .flag { phrases.append("0 or 1; ") }
        if [.u8, .u16, .u32, .u64, .set].contains(field.type) {
            switch (try field.min.map(value), try field.max.map(value)) {
            case (nil, nil): break
            case (1, nil): phrases.append("not 0")
            case (nil, let max?): phrases.append("at most \(grouped(max, from: 100_000))")
            case (let min?, let max): phrases.append("\(min) to \(grouped(max ?? .max, from: 100_000))")
            }
        }
        for phrase in phrases where !meaning.contains(phrase) {
            throw SchemaError("\(path): the meaning does not say “\(phrase)”")
        }
    }
}

/// A number with a space between groups of three digits, if it is not below `least`.
func grouped(_ number: Int, from least: Int = 1000) -> String {
    guard number >= least else { return "\(number)" }
    var groups: [String] = []
    var rest = "\(number)"
    while rest.count > 3 {
        groups.insert(String(rest.suffix(3)), at: 0)
        rest.removeLast(3)
    }
    return ([rest] + groups).joined(separator: " ")
}
