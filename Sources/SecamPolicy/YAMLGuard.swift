/// A check of YAML texts before they are parsed. It rejects texts that would be expensive to parse: with aliases, a few
/// hundred bytes can expand to gigabytes, and each level of nesting takes stack.
enum YAMLGuard {
    /// Maximum size of a policy file, bytes.
    static let byteLimit = 256 << 10
    /// Maximum levels of nesting. A policy has seven.
    static let depthLimit = 32
    /// Maximum spaces before a line's text, and maximum entries that begin on one line.
    private static let indentationLimit = 128

    private static let noAliases = "anchors (&) and aliases (*) are not allowed; write the value out"

    /// Returns the line of a possible alias, even within quotes and comments: only the parser knows for certain where these
    /// end. An alias is `*name` where the text also contains the anchor `&name`.
    private static func lineOfAlias(_ text: String) -> Int? {
        var anchors: Set<[UInt8]> = []
        var aliases: [(name: [UInt8], line: Int)] = []
        var (line, sign) = (1, UInt8(0))
        var name: [UInt8] = []
        for byte in Array(text.utf8) + [UInt8(ascii: "\n")] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                if sign != 0 { name.append(byte) }
                continue
            default: break
            }
            if !name.isEmpty {
                if sign == UInt8(ascii: "&") { anchors.insert(name) } else { aliases.append((name, line)) }
            }
            name = []
            sign = byte == UInt8(ascii: "&") || byte == UInt8(ascii: "*") ? byte : 0
            if byte == UInt8(ascii: "\n") { line += 1 }
        }
        return aliases.first { anchors.contains($0.name) }?.line
    }

    /// Returns the problem with its line; `nil` when the text is safe to parse.
    static func problem(in text: String) -> (line: Int, reason: String)? {
        guard text.utf8.count <= byteLimit else { return (0, "the file exceeds \(byteLimit) bytes") }
        if let line = lineOfAlias(text) { return (line, noAliases) }
        var (line, depth, indentation) = (1, 0, 0)
        var quote: UInt8?
        var isComment = false
        // Whether a value or a key may begin here.
        var isStart = true
        var previous = UInt8(ascii: "\n")
        var isEscaped = false
        for byte in text.utf8 {
            defer { previous = byte }
            if byte == UInt8(ascii: "\n") {
                (line, indentation, isComment) = (line + 1, 0, false)
                if quote == nil { isStart = true }
                continue
            }
            if isComment { continue }
            if let open = quote {
                if byte == open, !isEscaped { quote = nil }
                isEscaped = byte == UInt8(ascii: "\\") && open == UInt8(ascii: "\"") && !isEscaped
                continue
            }
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"): if isStart { indentation += 1 }
            case UInt8(ascii: "#") where previous == UInt8(ascii: " ") || previous == UInt8(ascii: "\n"):
                isComment = true
            case UInt8(ascii: "\""), UInt8(ascii: "'"): if isStart { (quote, isStart) = (byte, false) }
            case UInt8(ascii: "&"), UInt8(ascii: "*"):
                guard !isStart else {
                    return (line, noAliases)
                }
            case UInt8(ascii: "["), UInt8(ascii: "{"): (depth, isStart) = (depth + 1, true)
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            case UInt8(ascii: ":"), UInt8(ascii: ","), UInt8(ascii: "?"), UInt8(ascii: "-"):
                if isStart || byte != UInt8(ascii: "-") { (isStart, indentation) = (true, indentation + 1) }
            default: isStart = false
            }
            guard depth <= depthLimit, indentation <= indentationLimit else { return (line, "nested too deeply") }
        }
        return nil
    }
}
