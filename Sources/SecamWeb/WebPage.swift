import CWebPage
import NIOCore
import SecamBase
import SecamCrypto

/// The files of the page, which are part of the program.
enum WebPage {
    struct File: Sendable {
        let type: String
        /// Changes with the content.
        let tag: String
        fileprivate let index: Int

        /// A copy of the content.
        var content: ByteBuffer {
            let file = unsafe secam_web_file(index)
            return unsafe ByteBuffer(bytes: UnsafeRawBufferPointer(start: file.bytes, count: file.count))
        }
    }

    /// Returns the file at this path, without the first slash.
    static func file(_ path: [String]) -> File? { files[path.joined(separator: "/")] }

    /// All files by path. The start page has the empty path too.
    static let files: [String: File] = {
        var files: [String: File] = [:]
        for index in 0..<secam_web_file_count() {
            let entry = unsafe secam_web_file(index)
            let path = unsafe String(cString: entry.path)
            let content = unsafe Array(UnsafeRawBufferPointer(start: entry.bytes, count: entry.count))
            let digest = (try? SHA256Digest.hash(content)) ?? []
            let file = File(
                type: unsafe String(cString: entry.type), tag: "\"\(Hexadecimal.encode(digest.prefix(12)))\"",
                index: index)
            files[path] = file
            if path == "index.html" { files[""] = file }
        }
        return files
    }()
}
