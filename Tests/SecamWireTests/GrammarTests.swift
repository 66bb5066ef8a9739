import Foundation
import Testing

/// The grammar of envelope.md agrees with the tables, which the code implements.
@Suite struct GrammarTests {
    @Test func `the grammar accepts each written message to its last byte`() throws {
        let grammar = Grammar(try Specification.document("envelope.md"))
        for vector in OkVector.all where !vector.isNewer {
            #expect(grammar.ends("message", vector.bytes[...]).contains(vector.bytes.count), "\(vector.file)")
        }
    }

    @Test func `the grammar rejects every truncated message`() throws {
        let grammar = Grammar(try Specification.document("envelope.md"))
        for vector in OkVector.all where !vector.isNewer && !["FRAME", "WORK", "RESULT"].contains(vector.message) {
            let rest = vector.bytes.dropLast()
            #expect(!grammar.ends("message", rest).contains(rest.count), "\(vector.file)")
        }
    }
}

/// The subset of ABNF in envelope.md, with its one extension: `u16 *x` is a count and that many entries.
private struct Grammar {
    /// Alternative sequences of elements.
    private let rules: [String: [[String]]]

    init(_ document: String) {
        let block = document.components(separatedBy: "```abnf\n")[1].components(separatedBy: "```")[0]
        var texts: [(name: String, text: String)] = []
        for line in block.split(separator: "\n") {
            let text = line.split(separator: ";", omittingEmptySubsequences: false)[0]
            if let equals = text.firstIndex(of: "="), !text.hasPrefix(" ") {
                texts.append((text[..<equals].filter { $0 != " " }, String(text[text.index(after: equals)...])))
            } else {
                texts[texts.count - 1].text += text
            }
        }
        let pairs = texts.map { rule in
            (rule.name, rule.text.split(separator: "/").map { $0.split(separator: " ").map(String.init) })
        }
        rules = Dictionary(uniqueKeysWithValues: pairs)
    }

    /// Returns all positions at which a match of this rule that starts at the first byte may end.
    func ends(_ rule: String, _ bytes: ArraySlice<UInt8>) -> Set<Int> {
        switch rule {
        case "OCTET": return bytes.isEmpty ? [] : [bytes.startIndex + 1]
        case "zero": return bytes.first == 0 ? [bytes.startIndex + 1] : []
        default: break
        }
        if rule.hasPrefix("%x") { return end(ofLiteral: rule.dropFirst(2), bytes) }
        return (rules[rule] ?? []).reduce(into: []) { $0.formUnion(ends($1[...], bytes, previous: 0)) }
    }

    private func end(ofLiteral text: Substring, _ bytes: ArraySlice<UInt8>) -> Set<Int> {
        let range = text.split(separator: "-").compactMap { UInt8($0, radix: 16) }
        if range.count == 2 {
            return bytes.first.map { (range[0]...range[1]).contains($0) } == true ? [bytes.startIndex + 1] : []
        }
        let literal = text.split(separator: ".").compactMap { UInt8($0, radix: 16) }
        return bytes.starts(with: literal) ? [bytes.startIndex + literal.count] : []
    }

    /// - Parameter previous: the value of a preceding `u16`.
    private func ends(_ elements: ArraySlice<String>, _ bytes: ArraySlice<UInt8>, previous: Int?) -> Set<Int> {
        guard let element = elements.first else { return [bytes.startIndex] }
        let rest = elements.dropFirst()
        func goOn(_ ends: Set<Int>, previous: Int? = nil) -> Set<Int> {
            ends.reduce(into: []) { $0.formUnion(self.ends(rest, bytes[$1...], previous: previous)) }
        }
        if element.hasPrefix("[") {
            return goOn(ends(String(element.dropFirst().dropLast()), bytes).union([bytes.startIndex]))
        }
        if element.hasPrefix("*") {
            let rule = String(element.dropFirst())
            return goOn(
                rule == "OCTET" && elements.startIndex == 0 ? [bytes.endIndex] : repeated(rule, previous ?? 0, bytes))
        }
        let digits = element.prefix { $0.isNumber }
        if let count = Int(digits) { return goOn(repeated(String(element.dropFirst(digits.count)), count, bytes)) }
        let value = element == "u16" && bytes.count > 1 ? Int(bytes.first!) | Int(bytes.dropFirst().first!) << 8 : nil
        return goOn(ends(element, bytes), previous: value)
    }

    private func repeated(_ rule: String, _ count: Int, _ bytes: ArraySlice<UInt8>) -> Set<Int> {
        if rule == "OCTET" { return bytes.count >= count ? [bytes.startIndex + count] : [] }
        var ends: Set<Int> = [bytes.startIndex]
        for _ in 0..<count where !ends.isEmpty {
            ends = ends.reduce(into: []) { $0.formUnion(self.ends(rule, bytes[$1...])) }
        }
        return ends
    }
}
