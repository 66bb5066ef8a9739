/// Refuses a YAML text that would be expensive to parse, before it is: with aliases a few hundred bytes can stand for
/// gigabytes, and each level of nesting takes stack.
enum YAMLGuard {
    /// Bytes of a policy file.
    static let largest = 256 << 10
    /// Levels of nesting; a policy has seven.
    static let deepest = 32
    /// Spaces before a line's text, and entries that begin on one line.
    private static let widestIndentation = 128

    /// - Returns: what is wrong, and in which line; `nil` when the text may be parsed.
    static func problem(in text: String) -> (line: Int, reason: String)? {
        guard text.utf8.count <= largest else { return (0, "it is larger than \(largest) bytes") }
        var (line, depth, indentation) = (1, 0, 0)
        var quote: UInt8?
        var isComment = false
        // Whether a value or a key may begin here.
        var isStart = true
        var previous = UInt8(ascii: "\n")
        for byte in text.utf8 {
            defer { previous = byte }
            if byte == UInt8(ascii: "\n") {
                (line, indentation, isComment) = (line + 1, 0, false)
                if quote == nil { isStart = true }
                continue
            }
            if isComment { continue }
            if let open = quote {
                if byte == open, previous != UInt8(ascii: "\\") || open == UInt8(ascii: "'") { quote = nil }
                continue
            }
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"): if isStart { indentation += 1 }
            case UInt8(ascii: "#") where previous == UInt8(ascii: " ") || previous == UInt8(ascii: "\n"):
                isComment = true
            case UInt8(ascii: "\""), UInt8(ascii: "'"): if isStart { (quote, isStart) = (byte, false) }
            case UInt8(ascii: "&"), UInt8(ascii: "*"):
                guard !isStart else {
                    return (line, "anchors (&) and aliases (*) are not allowed; write the value out")
                }
            case UInt8(ascii: "["), UInt8(ascii: "{"): (depth, isStart) = (depth + 1, true)
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            case UInt8(ascii: ":"), UInt8(ascii: ","), UInt8(ascii: "?"), UInt8(ascii: "-"):
                if isStart || byte != UInt8(ascii: "-") { (isStart, indentation) = (true, indentation + 1) }
            default: isStart = false
            }
            guard depth <= deepest, indentation <= widestIndentation else { return (line, "it is nested too deeply") }
        }
        return nil
    }
}
