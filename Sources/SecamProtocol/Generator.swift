package import Foundation

/// Generates everything that follows from `proto-spec/schema.json`.
package struct Generator {
    private let root: URL
    private let schema: Schema

    /// - Parameter root: the folder of the package.
    /// - Throws: an error with a description for users if the schema cannot be read, or contradicts itself.
    package init(root: URL) throws {
        self.root = root
        let file = root.appending(path: "proto-spec/schema.json")
        schema = try JSONDecoder().decode(Schema.self, from: Data(contentsOf: file))
        try schema.check()
    }

    /// All generated files: their paths from the root, and their contents.
    package func outputs() throws -> [String: String] {
        var files: [String: String] = [:]
        let documents = DocumentWriter(schema: schema)
        let rules = try ruleIndex()
        for page in try pages() {
            files[page] = try filled(page, .markdown) { name in
                name == "rules" ? rules.lines() : try documents.section(name)
            }
        }
        try check(documents.sections + ["rules"], of: .markdown, in: files.values.joined())
        for (name, parts, tables) in [
            ("proto-spec/secam.lua", GeneratedParts.lua, LuaWriter(schema: schema).tables),
            (Generator.codec, .javaScript, try JavaScriptWriter(schema: schema).tables),
        ] {
            let text = try filled(name, parts) { _ in try tables() }
            try check(["tables"], of: parts, in: text)
            files[name] = text
        }
        let viewerTables = try JavaScriptWriter(schema: schema, connection: "viewer").tables()
        files["Sources/SecamWeb/Page/secam.mjs"] = try filled(Generator.codec, .javaScript) { _ in viewerTables }
        for (name, text) in try SwiftWriter(schema: schema).files() {
            files["\(Generator.swiftFolder)/\(name)"] = text
        }
        return files
    }

    private func ruleIndex() throws -> RuleIndex {
        var texts: [String: String] = [:]
        for page in try pages() {
            let file = root.appending(path: page)
            texts[file.lastPathComponent] = try String(contentsOf: file, encoding: .utf8)
        }
        return try RuleIndex(texts)
    }

    private func filled(
        _ path: String, _ parts: GeneratedParts, _ part: (String) throws -> [String]
    ) throws -> String {
        let text = try String(contentsOf: root.appending(path: path), encoding: .utf8)
        return try parts.filled(text, file: path, part: part)
    }

    /// Checks that each part of the schema has its place.
    private func check(_ names: [String], of parts: GeneratedParts, in text: String) throws {
        for line in names.map(parts.start) where !text.contains(line) {
            throw SchemaError("no file has the line \(line)")
        }
    }

    /// Paths of files that differ from what the schema generates, that are missing, or that are no longer generated.
    package func differences() throws -> [String] { differences(from: try outputs()) }

    private func differences(from outputs: [String: String]) -> [String] {
        let changed = outputs.filter { path, text in
            (try? String(contentsOf: root.appending(path: path), encoding: .utf8)) != text
        }
        return (changed.map(\.key) + obsolete(outputs)).sorted()
    }

    /// Writes all files that differ, and removes those that are no longer generated.
    ///
    /// - Returns: their paths.
    package func write() throws -> [String] {
        let outputs = try outputs()
        let paths = differences(from: outputs)
        for path in paths {
            let file = root.appending(path: path)
            guard let text = outputs[path] else {
                try FileManager.default.removeItem(at: file)
                continue
            }
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file, options: .atomic)
        }
        return paths
    }

    /// The JavaScript codec. The web page has a copy with the messages of viewers, which is half as large.
    private static let codec = "proto-spec/secam.mjs"
    private static let swiftFolder = "Sources/SecamWire/Generated"

    /// The paths of the documents.
    private func pages() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root.appending(path: "proto-spec").path)
            .filter { $0.hasSuffix(".md") }.sorted().map { "proto-spec/\($0)" }
    }

    private func obsolete(_ outputs: [String: String]) -> [String] {
        let folder = root.appending(path: Generator.swiftFolder).path
        let names = try? FileManager.default.contentsOfDirectory(atPath: folder)
        return (names ?? []).map { "\(Generator.swiftFolder)/\($0)" }.filter { outputs[$0] == nil }
    }
}
