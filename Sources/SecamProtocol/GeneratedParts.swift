/// The parts of a written file that follow from the schema, between marker lines `generated: NAME` and `end` in the
/// file's own comments.
struct GeneratedParts {
    static let markdown = GeneratedParts(opening: "<!-- ", closing: " -->")
    static let javaScript = GeneratedParts(opening: "// ", closing: "")
    static let lua = GeneratedParts(opening: "-- ", closing: "")

    /// How a comment begins and ends.
    let opening: String
    let closing: String

    private var end: String { "\(opening)end\(closing)" }

    private var start: String { "\(opening)generated: " }

    func start(of name: String) -> String { start + name + closing }

    /// The text with all parts between markers replaced.
    ///
    /// - Parameters:
    ///   - file: the file as an error names it.
    ///   - part: returns the lines of the part with a name.
    func filled(_ text: String, file: String, part: (String) throws -> [String]) throws -> String {
        var lines: [String] = []
        var isInside = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if line == end { isInside = false }
            if !isInside { lines.append(line) }
            if line.hasPrefix(start), line.hasSuffix(closing) {
                guard !isInside else { throw SchemaError("\(file): a generated part without \(end)") }
                isInside = true
                lines += try part(String(line.dropFirst(start.count).dropLast(closing.count)))
            }
        }
        guard !isInside else { throw SchemaError("\(file): a generated part without \(end)") }
        return lines.joined(separator: "\n")
    }
}
