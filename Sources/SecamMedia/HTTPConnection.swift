import CAVFormat
import Glibc
import SecamBase

/// The body of an HTTP answer.
@safe package final class HTTPConnection {
    let source: MediaURL
    /// The address for users, without secrets.
    package var name: String { source.name }
    let interrupt: MediaInterrupt
    private var input: UnsafeMutablePointer<AVIOContext>?
    /// The type of the content in lower case, without parameters; empty if the server sent none.
    package let contentType: String
    /// The server announced the length of the content.
    let isFinite: Bool
    /// The first bytes, which will be read again.
    private var beginning: [UInt8] = []

    /// Bytes that tell a JPEG stream from other content.
    private static let beginningLimit = 4096

    /// Opens an `http(s)://` address.
    package convenience init(
        url: String, timeout: Duration, cancellation: MediaCancellation
    ) throws(MediaError) {
        try self.init(try MediaURL(url), MediaInterrupt(cancellation: cancellation, timeout: timeout))
    }

    init(_ source: MediaURL, _ interrupt: MediaInterrupt) throws(MediaError) {
        _ = LibAV.isQuiet
        self.source = source
        self.interrupt = interrupt
        var options: OpaquePointer?
        defer { unsafe av_dict_free(&options) }
        unsafe av_dict_set(&options, "protocol_whitelist", source.protocols, 0)
        var callback = unsafe interrupt.callback
        interrupt.start()
        var opened: UnsafeMutablePointer<AVIOContext>?
        let code = unsafe avio_open2(&opened, source.address, AVIO_FLAG_READ, &callback, &options)
        guard code >= 0, let opened = unsafe opened else {
            throw source.openError(AVFailure(code: code), interrupt)
        }
        unsafe input = opened
        contentType = unsafe Self.contentType(of: opened)
        isFinite = unsafe avio_size(opened) > 0
    }

    deinit {
        unsafe avio_closep(&input)
    }

    private static func contentType(of input: UnsafeMutablePointer<AVIOContext>) -> String {
        let capacity = 256
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { text in
            guard let start = text.baseAddress, unsafe secam_av_mime_type(input, start, capacity) == 0 else {
                return ""
            }
            let type = unsafe String(cString: start).prefix { $0 != ";" && !$0.isWhitespace }
            return type.lowercased()
        }
    }

    /// Passes the context to `body`, for a demuxer that reads from it.
    func withContext<R>(_ body: (UnsafeMutablePointer<AVIOContext>?) -> R) -> R { unsafe body(input) }

    /// Returns whether the content is one JPEG or a stream of them, by its type or its first bytes.
    package func isJPEG() throws(MediaError) -> Bool {
        if contentType.hasPrefix("multipart/") { return true }
        if ["image/jpeg", "image/jpg", "image/pjpeg"].contains(contentType) { return true }
        guard ["", "application/octet-stream", "text/plain"].contains(contentType) else { return false }
        if beginning.isEmpty {
            beginning = try read(limit: Self.beginningLimit)
            // The bytes are still in the buffer, so this works for streams too.
            guard unsafe avio_seek(input, 0, SEEK_SET) >= 0 else {
                throw .io(source: source.name, operation: "reading", reason: "the first bytes cannot be read again")
            }
        }
        let start = beginning.drop { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") }
        return start.starts(with: [0xff, 0xd8, 0xff]) || start.starts(with: "--".utf8)
            || String(decoding: start.prefix(64), as: UTF8.self).lowercased().hasPrefix("content-type: image/jpeg")
    }

    /// Returns the next bytes, at least one; none at the end.
    func read(limit: Int) throws(MediaError) -> [UInt8] {
        interrupt.start()
        var code: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            code = unsafe avio_read_partial(input, buffer.baseAddress, Int32(clamping: limit))
            count = max(0, Int(code))
        }
        if code > 0 { return bytes }
        if let error = interrupt.error(source: source.name) { throw error }
        // libav reports a connection that the server closed with several codes.
        return []
    }
}
