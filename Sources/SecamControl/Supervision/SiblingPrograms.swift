import Glibc

/// The other programs, which are in the same folder as this one.
package enum SiblingPrograms {
    /// The folder's absolute path.
    package static var folder: String {
        var bytes = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &bytes, bytes.count)
        guard count > 0 else { return "." }
        let path = String(decoding: bytes.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }

    /// The folder as in this program's command, with a slash, so that a user can paste a printed command.
    package static var shown: String {
        let called = CommandLine.arguments.first ?? ""
        return called.lastIndex(of: "/").map { String(called[...$0]) } ?? ""
    }
}

enum ShellText {
    /// Returns text as one word of a shell command.
    static func quoted(_ text: String) -> String {
        let isPlain = text.unicodeScalars.allSatisfy { scalar in
            scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "._-".unicodeScalars.contains(scalar)
        }
        return isPlain
            ? text : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
