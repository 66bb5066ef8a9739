import Foundation
import SecamWire
import Testing

/// The documents and vectors of `proto-spec`.
enum Specification {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../proto-spec")
        .standardizedFileURL

    static func document(_ name: String) throws -> String {
        try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }

    /// Returns the cells of all table rows in a text, without headings.
    static func rows(of text: some StringProtocol) -> [[String]] {
        var rows: [[String]] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) where line.hasPrefix("|") {
            let cells = line.dropFirst().split(separator: "|", omittingEmptySubsequences: false).dropLast()
                .map { $0.trimmingCharacters(in: .whitespaces) }
            if cells.allSatisfy({ !$0.isEmpty && $0.allSatisfy { "-:".contains($0) } }) {
                // The line below a table's heading.
                rows.removeLast()
            } else {
                rows.append(cells)
            }
        }
        return rows
    }

    /// Returns the part of a document from a heading to the next one of any level.
    static func section(_ heading: String, of text: String) throws -> String {
        var lines = text.components(separatedBy: "\n")[...]
        guard let start = lines.firstIndex(of: heading) else { throw SpecificationError.noSection(heading) }
        lines = lines[(start + 1)...]
        return lines.prefix { !$0.hasPrefix("#") }.joined(separator: "\n")
    }

    /// Returns all files of a folder of vectors.
    static func files(_ name: String) throws -> [(name: String, keys: [String: FieldValue])] {
        let folder = folder.appending(path: "vectors").appending(path: name)
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        return try files.sorted { $0.path < $1.path }.map { file in
            guard file.pathExtension == "json" else { throw SpecificationError.unknownFile(file.path) }
            let value = try JSONDecoder().decode(FieldValue.self, from: Data(contentsOf: file))
            guard case .object(let keys) = value else { throw SpecificationError.notAnObject(file.path) }
            return (file.lastPathComponent, keys)
        }
    }
}

enum SpecificationError: Error {
    case noSection(String)
    case unknownFile(String)
    case notAnObject(String)
    case badKey(String, file: String)
}

/// A test vector: one file of `proto-spec/vectors`.
protocol Vector: Sendable, CustomTestStringConvertible {
    var file: String { get }

    /// Consumes the keys that it knows.
    init(_ keys: inout VectorKeys) throws
}

extension Vector {
    var testDescription: String { file }

    /// Reads all vectors of a folder. Each of their keys must be known.
    static func load(_ folder: String) -> [Self] {
        do {
            return try Specification.files(folder).map { file in
                var keys = VectorKeys(file: file.name, keys: file.keys)
                let vector = try Self(&keys)
                try keys.finish()
                return vector
            }
        } catch {
            fatalError("proto-spec/vectors/\(folder): \(error)")
        }
    }
}

/// A message that every reader must accept.
struct OkVector: Vector {
    static let all = load("ok")

    let file: String
    let message: String
    let bytes: [UInt8]
    let isNewer: Bool
    let isOlder: Bool
    let fields: FieldValue

    init(_ keys: inout VectorKeys) throws {
        file = keys.file
        message = try keys.text("message")
        _ = try keys.text("description")
        bytes = try keys.hexadecimal("hex")
        isNewer = try keys.flag("newer")
        isOlder = try keys.flag("older")
        guard let fields = keys.remove("fields"), case .object = fields else { throw keys.bad("fields") }
        self.fields = fields
    }
}

/// Bytes that every reader must reject, for one reason.
struct BadVector: Vector {
    static let all = load("bad")

    let file: String
    let bytes: [UInt8]
    let limit: Int
    let error: String
    let field: String?

    init(_ keys: inout VectorKeys) throws {
        file = keys.file
        _ = try keys.text("description")
        bytes = try keys.hexadecimal("hex")
        limit = try keys.number("limit") ?? WireLimits.meshMessage
        error = try keys.text("error")
        field = keys.has("field") ? try keys.text("field") : nil
    }
}

/// Consumes the keys of a vector one by one; a remaining key is unknown.
struct VectorKeys {
    let file: String
    var keys: [String: FieldValue]

    func bad(_ key: String) -> SpecificationError { .badKey(key, file: file) }

    func has(_ key: String) -> Bool { keys[key] != nil }

    mutating func remove(_ key: String) -> FieldValue? { keys.removeValue(forKey: key) }

    mutating func text(_ key: String) throws -> String {
        guard case .text(let bytes) = remove(key) else { throw bad(key) }
        return String(decoding: bytes, as: UTF8.self)
    }

    mutating func hexadecimal(_ key: String) throws -> [UInt8] {
        guard let bytes = SecamWireTests.bytes(hexadecimal: try text(key)) else { throw bad(key) }
        return bytes
    }

    mutating func number(_ key: String) throws -> Int? {
        switch remove(key) {
        case nil: nil
        case .number(let number): Int(number)
        default: throw bad(key)
        }
    }

    /// Returns the value of a flag: JSON's `true`, or a missing key for `false`.
    mutating func flag(_ key: String) throws -> Bool {
        switch remove(key) {
        case nil: false
        case .flag: true
        default: throw bad(key)
        }
    }

    func finish() throws {
        if let unknown = keys.keys.first { throw bad(unknown) }
    }
}
