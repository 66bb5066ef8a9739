public import Foundation

extension ScratchFolder {
    public func data(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: file(name))) }

    /// Empty when there is no such file.
    public func text(_ name: String) -> String {
        (try? data(name)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Changes the permissions of a file in the folder, or of the folder itself when there is no name.
    public func setMode(_ name: String, _ mode: Int) throws {
        try FileManager.default.setAttributes(
            [.posixPermissions: mode], ofItemAtPath: name.isEmpty ? path : file(name))
    }
}
