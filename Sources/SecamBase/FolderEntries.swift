import Glibc

/// The entries of a folder.
package enum FolderEntries {
    package struct Entry: Sendable {
        package let name: String
        /// False for a link to a folder.
        package let isFolder: Bool
    }

    /// Returns the entries without `.` and `..`, sorted by name.
    package static func read(_ path: String) throws(SystemError) -> [Entry] {
        guard let folder = unsafe opendir(path) else { throw SystemError.last }
        defer { unsafe closedir(folder) }
        var entries: [Entry] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name != ".", name != ".." else { continue }
            entries.append(Entry(name: name, isFolder: unsafe entry.pointee.d_type == UInt8(DT_DIR)))
        }
        return entries.sorted { $0.name < $1.name }
    }

    /// Returns the sorted names in a folder without `.` and `..`; none when it cannot be read.
    package static func names(in path: String) -> [String] {
        do { return try read(path).map(\.name) } catch { return [] }
    }
}
