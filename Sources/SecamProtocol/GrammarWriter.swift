/// Writes the grammar of envelope.md.
struct GrammarWriter {
    let schema: Schema

    private static let prelude = """
        zeromq-part          = message
        tls-stream           = *message

        u8                   = OCTET
        u16                  = 2OCTET                    ; little-endian
        u32                  = 4OCTET                    ; little-endian
        u64                  = 8OCTET                    ; little-endian
        i64                  = 8OCTET                    ; little-endian, two's complement
        zero                 = OCTET                     ; written as %x00, ignored when read
        text                 = u16 *OCTET                ; length in bytes, then UTF-8
        name                 = text                      ; types.md, Names
        payload              = *OCTET

        length               = u32
        version              = %x01-FF
        flags                = zero
        """

    func lines() throws -> [String] {
        let prelude = GrammarWriter.prelude.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var lines = ["```abnf"] + prelude
        lines += [""] + alternatives() + [""]
        for message in schema.messages {
            let code = message.code.dropFirst(2).uppercased()
            let fields = message.fields.isEmpty ? "" : " \(name(message.name))-fields"
            lines.append(
                rule(name(message.name), "length %x\(code.suffix(2)).\(code.prefix(2)) version flags\(fields)"))
        }
        lines.append("")
        for message in schema.messages where !message.fields.isEmpty {
            let header = message.hasPayload ? [("u16", "headerLength")] : []
            lines += try rules("\(name(message.name))-fields", message.fields, of: name(message.name), header: header)
        }
        for group in schema.structs { lines += try rules("\(group.name)-struct", group.fields, of: group.name) }
        return lines + ["```"]
    }

    private func name(_ message: String) -> String {
        message.lowercased().split(separator: "_").joined(separator: "-")
    }

    private func rule(_ name: String, _ text: String) -> String { padded(name, 20) + " = " + text }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private func alternatives() -> [String] {
        var lines: [String] = []
        var line = padded("message", 20) + " ="
        for (index, message) in schema.messages.enumerated() {
            let word = (index == 0 ? " " : " / ") + name(message.name)
            if line.count + word.count > 108 {
                lines.append(line)
                line = padded("", 21)
            }
            line += word
        }
        return lines + [line]
    }

    /// A rule, then the rules of what it refers to: the fields of later versions, and the entries of lists.
    private func rules(
        _ name: String, _ fields: [Field], of owner: String, header: [(String, String)] = []
    ) throws -> [String] {
        var elements = header
        var later: [String] = []
        var rest = fields[...]
        while let field = rest.first {
            if let version = field.since, field.was == nil {
                let group = rest.prefix { $0.since == version }
                rest = rest.dropFirst(group.count)
                elements.append(("[\(owner)-version-\(version)]", "since version \(version)"))
                later += try additionRules("\(owner)-version-\(version)", Array(group), of: owner)
            } else {
                rest = rest.dropFirst()
                elements.append(try element(field, of: owner))
                if let entry = field.entry { later += try rules("\(owner)-\(entry.name)", entry.fields, of: owner) }
            }
        }
        return written(name, elements) + later
    }

    /// The rule for the fields that a later version adds, then the rules of the entries of their lists.
    private func additionRules(_ name: String, _ fields: [Field], of owner: String) throws -> [String] {
        let elements = try fields.map { try element($0, of: owner) }
        let entries = try fields.compactMap(\.entry).flatMap { try rules("\(owner)-\($0.name)", $0.fields, of: owner) }
        return written(name, elements) + entries
    }

    private func written(_ name: String, _ elements: [(String, String)]) -> [String] {
        elements.enumerated().map { index, element in
            let start = index == 0 ? rule(name, "") : padded("", 23)
            return padded(start + element.0, 48) + " ; " + element.1
        }
    }

    private func element(_ field: Field, of owner: String) throws -> (String, String) {
        var comment = field.name
        var symbol = try schema.integer(field) ?? field.type.rawValue
        switch field.type {
        case .enum: comment += ": \(field.of ?? "")" + (field.since.map { ", since version \($0)" } ?? "")
        case .text: comment += ", at most \(try schema.value(.text(field.limit ?? "")))"
        case .bytes: symbol = "\(try schema.value(field.length ?? .none))OCTET"
        case .zero:
            let length = try schema.value(field.length ?? .none)
            symbol = length == 1 ? "zero" : "\(length)zero"
        case .struct: symbol = "\(field.of ?? "")-struct"
        case .message: symbol = "[\(name(field.of ?? ""))-fields]"
        case .figures:
            symbol = "u16 *figure-struct"
            comment += ": count, at most \(try schema.value(.text("figures")))"
        case .list:
            let element =
                field.entry.map { "\(owner)-\($0.name)" }
                ?? field.element.map { element in element.of.map { "\($0)-struct" } ?? element.type } ?? ""
            symbol = "u16 *\(element)"
            let least = try field.min.map { "\(try schema.value($0)) to " } ?? "at most "
            comment += ": count, \(least)\(try schema.value(.text(field.limit ?? "")))"
        default: break
        }
        return (symbol, comment)
    }
}
