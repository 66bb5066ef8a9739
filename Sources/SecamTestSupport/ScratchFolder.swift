import Glibc
import SecamBase

/// A temporary folder of one test, removed with its last reference.
package final class ScratchFolder: Sendable {
    package let path: String

    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    package init() throws(Failure) {
        var template = Array("/tmp/secam-test-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw Failure(description: "mkdtemp failed: errno \(errno)") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { ScratchFolder.remove(path) }

    package func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file as another program would.
    package func write(_ bytes: [UInt8], to name: String, mode: UInt32 = 0o600) throws(Failure) {
        let descriptor = unsafe open(file(name), O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { throw Failure(description: "open failed: errno \(errno)") }
        defer { close(descriptor) }
        do throws(SystemError) { try FileBytes.write(bytes, to: descriptor) } catch {
            throw Failure(description: "write failed: \(error)")
        }
        guard fchmod(descriptor, mode) == 0 else { throw Failure(description: "fchmod failed: errno \(errno)") }
    }

    package func write(_ text: String, to name: String, mode: UInt32 = 0o600) throws(Failure) {
        try write(Array(text.utf8), to: name, mode: mode)
    }

    /// Returns a file's permission bits; 0 for a missing file.
    package func mode(_ name: String) -> UInt32 {
        var status = stat()
        return unsafe stat(file(name), &status) == 0 ? status.st_mode & 0o777 : 0
    }

    /// Returns the sorted names in the folder.
    package var names: [String] { FolderEntries.names(in: path) }

    private static func remove(_ path: String) {
        for name in FolderEntries.names(in: path) where unsafe unlink("\(path)/\(name)") != 0 {
            remove("\(path)/\(name)")
        }
        unsafe rmdir(path)
    }
}
