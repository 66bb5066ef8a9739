import Glibc
import Logging
import SecamUsers
import SecamWire

/// A folder of its own for each test, gone with it.
final class Scratch: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/secam-users-XXXXXX".utf8CString)
        guard unsafe template.withUnsafeMutableBufferPointer({ unsafe mkdtemp($0.baseAddress!) }) != nil else {
            throw UsersError.file(path: "/tmp", operation: "make a folder in", reason: "errno \(errno)")
        }
        path = template.dropLast().withUnsafeBytesText
    }

    deinit {
        for name in files { unsafe unlink("\(path)/\(name)") }
        unsafe rmdir(path)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// The names in the folder.
    var files: [String] {
        guard let directory = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    func mode(_ name: String) -> mode_t {
        var status = stat()
        return unsafe stat(file(name), &status) == 0 ? status.st_mode & 0o777 : 0
    }

    func lines(_ name: String) -> [String] {
        guard let stream = unsafe fopen(file(name), "r") else { return [] }
        defer { unsafe fclose(stream) }
        var bytes: [UInt8] = []
        while case let byte = unsafe fgetc(stream), byte != EOF { bytes.append(UInt8(byte)) }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

extension ArraySlice<CChar> {
    fileprivate var withUnsafeBytesText: String {
        String(decoding: map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Of tests, that nobody reads.
let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

func name(_ text: String) throws -> Name { try Name(text) }
