package import Foundation

/// Generates everything that follows from `proto-spec/schema.json`.
package struct Generator {
    private let root: URL
    private let schema: Schema

    /// - Parameter root: the folder of the package.
    /// - Throws: an error with a description for people if the schema cannot be read, or contradicts itself.
    package init(root: URL) throws {
        self.root = root
        let file = root.appending(path: "proto-spec/schema.json")
        schema = try JSONDecoder().decode(Schema.self, from: Data(contentsOf: file))
        try schema.check()
    }

    /// All generated files: their paths from the root, and their contents.
    package func outputs() throws -> [String: String] {
        var files: [String: String] = [:]
        for page in try documents() {
            let path = "proto-spec/\(page)"
            let text = try String(contentsOf: root.appending(path: path), encoding: .utf8)
            files[path] = try DocumentWriter(schema: schema).filled(text, page: page)
        }
        try checkSections(files)
        files["proto-spec/secam.lua"] = try LuaWriter(schema: schema).dissector()
        files["proto-spec/secam.mjs"] = try JavaScriptWriter(schema: schema).module()
        for (name, text) in try SwiftWriter(schema: schema).files() {
            files["\(Generator.swiftFolder)/\(name)"] = text
        }
        return files
    }

    /// Paths of files that differ from what the schema generates, that are missing, or that are no longer generated.
    package func differences() throws -> [String] {
        let outputs = try outputs()
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
        let paths = try differences()
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

    private static let swiftFolder = "Sources/SecamWire/Generated"

    private func documents() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root.appending(path: "proto-spec").path)
            .filter { $0.hasSuffix(".md") }.sorted()
    }

    private func obsolete(_ outputs: [String: String]) -> [String] {
        let folder = root.appending(path: Generator.swiftFolder).path
        let names = try? FileManager.default.contentsOfDirectory(atPath: folder)
        return (names ?? []).map { "\(Generator.swiftFolder)/\($0)" }.filter { outputs[$0] == nil }
    }

    /// Each part of the schema must have its place in a document.
    private func checkSections(_ files: [String: String]) throws {
        let all = files.values.joined()
        for name in DocumentWriter(schema: schema).sections where !all.contains(DocumentWriter.start(of: name)) {
            throw SchemaError("no document has the line \(DocumentWriter.start(of: name))")
        }
    }
}
