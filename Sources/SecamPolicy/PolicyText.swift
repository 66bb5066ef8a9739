package import SecamBase
import Yams

/// An error in a policy file, with its line.
package struct PolicyError: Error, Equatable, Sendable, CustomStringConvertible {
    package let path: String
    /// Counted from 1; 0 for an error of the whole file.
    package let line: Int
    package let reason: String
    /// Whether the file could not be read. A retry may succeed without a change of the file.
    package let isUnreadable: Bool

    init(path: String, line: Int, reason: String, isUnreadable: Bool = false) {
        self.path = path
        self.line = line
        self.reason = reason
        self.isUnreadable = isUnreadable
    }

    package var description: String { line > 0 ? "\(path), line \(line): \(reason)" : "\(path): \(reason)" }
}

extension PolicyError: ProgramError {
    package var exitStatus: ExitStatus { isUnreadable ? .noPermission : .configuration }
}

/// A collector of the errors of one policy file.
final class PolicyProblems {
    private var errors: [PolicyError] = []

    func add(_ error: PolicyError) { errors.append(error) }

    /// The errors in the order of the file's lines.
    var sorted: [PolicyError] {
        errors.enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }.map(\.element)
    }
}

/// A value of a YAML file. Reading is strict: unknown keys and invalid values are errors with their line.
struct PolicyValue {
    private let node: Node
    private let path: String
    private let problems: PolicyProblems
    /// The value's key, for errors.
    let name: String

    /// Parses a YAML file.
    ///
    /// - Parameter problems: receives the errors of all values that are read with `collect`.
    /// - Returns: `nil` for a file without a value.
    static func parse(_ text: String, path: String, problems: PolicyProblems) throws(PolicyError) -> PolicyValue? {
        if let problem = YAMLGuard.problem(in: text) {
            throw PolicyError(path: path, line: problem.line, reason: problem.reason)
        }
        do {
            guard let node = try Yams.compose(yaml: text), node != Node("", Tag(.null)), node.null == nil else {
                return nil
            }
            return PolicyValue(node: node, path: path, problems: problems, name: "the file")
        } catch {
            let (line, reason) = PolicyValue.place(of: error)
            throw PolicyError(path: path, line: line, reason: "invalid YAML: \(reason)")
        }
    }

    private static func place(of error: any Error) -> (Int, String) {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            (mark.line, problem)
        case .duplicatedKeysInMapping(let keys, let context): (context.mark.line, "\(keys) appears twice")
        default: (0, "\(error)".split(whereSeparator: \.isNewline).joined(separator: " "))
        }
    }

    /// Runs `body` and collects its error, so that the rest of the file is read too.
    func collect(_ body: () throws(PolicyError) -> Void) {
        do throws(PolicyError) {
            try body()
        } catch {
            problems.add(error)
        }
    }

    func error(_ reason: String) -> PolicyError {
        PolicyError(path: path, line: node.mark?.line ?? 0, reason: reason)
    }

    private func expected(_ what: String) -> PolicyError { error("\(name): expected \(what)") }

    private func child(_ node: Node, _ name: String) -> PolicyValue {
        PolicyValue(node: node, path: path, problems: problems, name: name)
    }

    var isMapping: Bool { node.mapping != nil }

    /// The number of keys, known and unknown.
    var keyCount: Int { node.mapping?.count ?? 0 }

    /// Returns the text of a scalar as written.
    ///
    /// - Parameter what: the expected value, for the error.
    func text(_ what: String = "a text") throws(PolicyError) -> String {
        guard let scalar = node.scalar, !scalar.string.isEmpty else { throw expected(what) }
        return scalar.string
    }

    func integer(in range: ClosedRange<Int>) throws(PolicyError) -> Int {
        let what = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard let text = node.scalar?.string, let value = Int(text), range.contains(value) else { throw expected(what) }
        return value
    }

    func number(in range: ClosedRange<Double>) throws(PolicyError) -> Double {
        let what = "a number from \(range.lowerBound) to \(range.upperBound)"
        guard let text = node.scalar?.string, let value = Double(text), range.contains(value) else {
            throw expected(what)
        }
        return value
    }

    /// Returns the seconds of a time such as `90s`, `10m`, `12h` or `14d`; 0 for `off`.
    func seconds<Seconds: FixedWidthInteger>(atMost limit: Seconds = .max) throws(PolicyError) -> Seconds {
        let text = node.scalar?.string ?? ""
        if flag == false { return 0 }
        guard let seconds = DurationText.seconds(text) else { throw expected(DurationText.expected) }
        guard let seconds = Seconds(exactly: seconds), seconds <= limit else {
            throw error("\(name): '\(text)' exceeds the maximum of \(limit) s")
        }
        return seconds
    }

    /// The value of a YAML flag such as `on` and `off`; `nil` for other values.
    var flag: Bool? {
        switch node.scalar?.string.lowercased() {
        case "on", "yes", "true": true
        case "off", "no", "false": false
        default: nil
        }
    }

    func list(atMost limit: Int, _ what: String) throws(PolicyError) -> [PolicyValue] {
        guard let sequence = node.sequence else { throw expected("a list of \(what)") }
        guard sequence.count <= limit else {
            throw error("\(name): \(sequence.count) entries exceed the maximum of \(limit)")
        }
        return sequence.enumerated().map { child($1, "\(name)[\($0 + 1)]") }
    }

    /// Returns the keys of a mapping with their values. Unknown keys are collected as errors and left out.
    ///
    /// - Parameter known: the allowed keys; `nil` for any.
    func keys(_ known: [String]?) throws(PolicyError) -> [(key: String, value: PolicyValue)] {
        guard let mapping = node.mapping else {
            throw expected(known.map { "one or more of the keys \($0.joined(separator: ", "))" } ?? "keys with values")
        }
        var pairs: [(key: String, value: PolicyValue)] = []
        for (key, value) in mapping {
            guard let text = key.scalar?.string else { throw child(key, name).error("\(name): a key is not a text") }
            if let known, !known.contains(text) {
                problems.add(
                    child(key, name).error(
                        "\(name): unknown key '\(text)'; expected one of \(known.joined(separator: ", "))"))
                continue
            }
            pairs.append((text, child(value, text)))
        }
        return pairs
    }
}
