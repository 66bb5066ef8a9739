import Foundation
import Testing

/// Checks that what the documents refer to exists.
@Suite struct ReferenceTests {
    private static let root = Specification.folder.deletingLastPathComponent()

    /// Paths of all documents, from the root.
    private static let documents: [String] = {
        let found = FileManager.default.enumerator(atPath: root.path)?.compactMap { $0 as? String } ?? []
        return found.filter { $0.hasSuffix(".md") && !$0.hasPrefix(".build/") }
    }()

    private func text(_ path: String) throws -> String {
        try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
    }

    /// The text of a document without its code blocks.
    private func prose(_ path: String) throws -> String {
        var isCode = false
        return try text(path).split(separator: "\n", omittingEmptySubsequences: false).filter { line in
            if line.hasPrefix("```") { isCode.toggle() }
            return !isCode
        }.joined(separator: "\n")
    }

    @Test func `rules are numbered without gaps, and every cited rule exists`() throws {
        var rules: [String: [Int]] = [:]
        var cited: Set<String> = []
        for path in Self.documents where path.hasPrefix("proto-spec/") {
            let text = try prose(path)
            for match in text.matches(of: /(?m)^(?:-|\d+\.) \*\*([A-Z])-(\d+)\*\*/) {
                rules[String(match.1), default: []].append(try #require(Int(match.2)))
            }
            for match in text.matches(of: /\b[A-Z]-\d+\b/) { cited.insert(String(match.0)) }
        }
        #expect(!rules.isEmpty)
        for (letter, numbers) in rules {
            #expect(numbers.sorted() == Array(1...numbers.count), "rules \(letter)")
        }
        let known = Set(rules.flatMap { letter, numbers in numbers.map { "\(letter)-\($0)" } })
        #expect(cited.subtracting(known).filter { rules[String($0.prefix(1))] != nil } == [])
    }

    @Test func `every link leads to a file and a heading`() throws {
        #expect(Self.documents.contains("README.md"))
        var anchors: [String: Set<String>] = [:]
        for path in Self.documents {
            anchors[path] = Set(try prose(path).matches(of: /(?m)^#+ (.*)$/).map { anchor(ofHeading: String($0.1)) })
        }
        for path in Self.documents {
            for match in try prose(path).matches(of: /\]\(([^)\s]+)\)/) where !match.1.contains(":") {
                let parts = match.1.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
                let folder = (path as NSString).deletingLastPathComponent as NSString
                let target =
                    parts[0].isEmpty
                    ? path : (folder.appendingPathComponent(String(parts[0])) as NSString).standardizingPath
                #expect(
                    FileManager.default.fileExists(atPath: Self.root.appending(path: target).path),
                    "\(path): \(match.1)")
                guard parts.count == 2, let known = anchors[target] else { continue }
                #expect(known.contains(String(parts[1])), "\(path): \(match.1)")
            }
        }
    }

    /// The anchor that renderers of Markdown give a heading.
    private func anchor(ofHeading heading: String) -> String {
        heading.replacing(/\[([^\]]*)\]\([^)]*\)/, with: { $0.1 }).lowercased()
            .filter { $0.isLetter || $0.isNumber || "_- ".contains($0) }.replacing(" ", with: "-")
    }
}
