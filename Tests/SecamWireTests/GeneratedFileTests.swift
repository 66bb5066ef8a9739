import Foundation
import SecamProtocol
import Testing

/// What is generated from proto-spec/schema.json is what is committed.
@Suite struct GeneratedFileTests {
    private static let root = Specification.folder.deletingLastPathComponent()

    @Test func `every generated file follows from the schema`() throws {
        let differences = try Generator(root: Self.root).differences()
        #expect(differences == [], "run `swift run secam-protocol`")
    }

    @Test func `the schema has the form that its JSON Schema describes`() throws {
        let object = try JSONSerialization.jsonObject(
            with: Data(contentsOf: Specification.folder.appending(path: "schema.json")))
        let errors = try JSONForm(file: Specification.folder.appending(path: "schema.schema.json")).errors(object)
        #expect(errors == [])
    }
}

/// As much of JSON Schema 2020-12 as schema.schema.json uses to say which keys and values there may be.
private struct JSONForm {
    private let root: [String: Any]

    init(file: URL) throws {
        let object = try JSONSerialization.jsonObject(with: Data(contentsOf: file))
        root = try #require(object as? [String: Any])
    }

    func errors(_ value: Any) throws -> [String] { errors(value, root, at: "") }

    private func errors(_ value: Any, _ form: [String: Any], at path: String) -> [String] {
        if let reference = form["$ref"] as? String {
            let definitions = root["$defs"] as? [String: Any]
            let name = String(reference.dropFirst("#/$defs/".count))
            guard let target = definitions?[name] as? [String: Any] else { return ["\(path): no \(reference)"] }
            return errors(value, target, at: path)
        }
        var found: [String] = []
        if let type = form["type"] as? String, !isOf(type, value) { found.append("\(path): not of type \(type)") }
        if let names = form["enum"] as? [String], !names.contains(value as? String ?? "") {
            found.append("\(path): none of \(names)")
        }
        if let alternatives = form["anyOf"] as? [[String: Any]],
            alternatives.allSatisfy({ !errors(value, $0, at: path).isEmpty })
        {
            found.append("\(path): none of the alternatives")
        }
        if let pattern = form["pattern"] as? String, let text = value as? String,
            text.range(of: pattern, options: .regularExpression) == nil
        {
            found.append("\(path): \(text) does not match \(pattern)")
        }
        for (index, item) in (value as? [Any] ?? []).enumerated() {
            if let items = form["items"] as? [String: Any] { found += errors(item, items, at: "\(path)[\(index)]") }
        }
        if let object = value as? [String: Any] { found += errors(ofObject: object, form, at: path) }
        return found
    }

    private func errors(ofObject object: [String: Any], _ form: [String: Any], at path: String) -> [String] {
        let properties = form["properties"] as? [String: Any] ?? [:]
        var found = (form["required"] as? [String] ?? []).filter { object[$0] == nil }.map { "\(path): no \($0)" }
        for (key, value) in object {
            if let property = properties[key] as? [String: Any] {
                found += errors(value, property, at: "\(path).\(key)")
            } else if form["additionalProperties"] as? Bool == false {
                found.append("\(path): unknown key \(key)")
            }
        }
        for rule in form["allOf"] as? [[String: Any]] ?? [] {
            let condition = rule["if"] as? [String: Any] ?? [:]
            let branch = rule[errors(object, condition, at: path).isEmpty ? "then" : "else"] as? [String: Any]
            if let branch { found += errors(object, branch, at: path) }
        }
        return found
    }

    private func isOf(_ type: String, _ value: Any) -> Bool {
        switch type {
        case "object": value is [String: Any]
        case "array": value is [Any]
        case "string": value is String
        case "integer": value is Int
        default: value is Bool
        }
    }
}
