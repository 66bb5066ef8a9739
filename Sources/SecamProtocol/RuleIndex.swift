import Foundation

/// Where each numbered rule of the documents stands.
struct RuleIndex {
    /// The letters in the order of the table of peers.
    private static let letters = ["P", "S", "C", "F", "M", "W", "A", "Q", "R", "G", "V"]

    /// The page of each rule, by letter and number.
    private var pages: [String: [Int: String]] = [:]

    /// - Parameter documents: the texts of the pages, by their names with `.md`.
    init(_ documents: [String: String]) throws {
        for (page, text) in documents {
            for match in text.matches(of: /(?m)^(?:-|\d+\.) \*\*([A-Z])-(\d+)\*\*/) {
                let letter = String(match.1)
                guard let number = Int(match.2), RuleIndex.letters.contains(letter) else {
                    throw SchemaError("\(page): no peer has the rule \(match.0)")
                }
                guard pages[letter, default: [:]].updateValue(page, forKey: number) == nil else {
                    throw SchemaError("\(page): there are two rules \(letter)-\(number)")
                }
            }
        }
    }

    /// A table of ranges of rules and their pages.
    func lines() -> [String] {
        let rows = RuleIndex.letters.flatMap { letter in
            ranges(pages[letter] ?? [:]).map { range, page in
                let last = range.count > 1 ? " to \(letter)-\(range.upperBound)" : ""
                return "| \(letter)-\(range.lowerBound)\(last) | [\(page.dropLast(3))](\(page)) |"
            }
        }
        return ["| rules | page |", "|---|---|"] + rows
    }

    private func ranges(_ pages: [Int: String]) -> [(range: ClosedRange<Int>, page: String)] {
        var ranges: [(range: ClosedRange<Int>, page: String)] = []
        for (number, page) in pages.sorted(by: { $0.key < $1.key }) {
            if let last = ranges.last, last.page == page, last.range.upperBound == number - 1 {
                ranges[ranges.count - 1].range = last.range.lowerBound...number
            } else {
                ranges.append((number...number, page))
            }
        }
        return ranges
    }
}
