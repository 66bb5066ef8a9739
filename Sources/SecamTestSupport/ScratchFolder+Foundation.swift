package import Foundation

extension ScratchFolder {
    package func data(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: file(name))) }

    /// Returns a file's text; empty for a missing file.
    package func text(_ name: String) -> String {
        (try? data(name)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Changes the permissions of a file in the folder, or of the folder itself for an empty name.
    package func setMode(_ name: String, _ mode: Int) throws {
        try FileManager.default.setAttributes(
            [.posixPermissions: mode], ofItemAtPath: name.isEmpty ? path : file(name))
    }
}

extension ScratchFolder {
    /// Copies a file within the folder over another one.
    package func copyFile(_ name: String, to other: String) throws {
        try data(name).write(to: URL(fileURLWithPath: file(other)))
    }

    /// Appends text to a file.
    package func append(_ text: String, to name: String) throws {
        try (data(name) + Data(text.utf8)).write(to: URL(fileURLWithPath: file(name)))
    }

    package func makeFolders(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: true)
    }
}
