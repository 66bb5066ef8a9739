package import Foundation

extension ScratchFolder {
    package func data(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: file(name))) }

    /// Empty when there is no such file.
    package func text(_ name: String) -> String {
        (try? data(name)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Changes the permissions of a file in the folder, or of the folder itself when there is no name.
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

    /// Adds to a file's end.
    package func append(_ text: String, to name: String) throws {
        try (data(name) + Data(text.utf8)).write(to: URL(fileURLWithPath: file(name)))
    }

    package func makeFolders(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: true)
    }
}
