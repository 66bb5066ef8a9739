import Glibc
import SecamBase
import SecamWire

/// The address of a media source, with the protocols that libav may use for it.
struct MediaURL: Hashable, Sendable {
    /// Maximum length of an address, bytes.
    static let longestAddress = 4096

    /// The address for libav; may contain a password.
    let address: String
    /// The address for users and logs, without user, password and query.
    let name: String
    let isFile: Bool
    var isRTSP: Bool { scheme.hasPrefix("rtsp") }
    /// The libav protocols that this source may use. A playlist from the network cannot read local files.
    let protocols: String

    init(_ url: String) throws(MediaError) {
        guard url.utf8.count <= Self.longestAddress, !url.utf8.contains(0) else {
            let start = String(decoding: url.utf8.prefix { $0 != 0 }.prefix(64), as: UTF8.self)
            throw .unsupportedSource(
                source: start + "…", reason: "the address is longer than 4096 bytes or contains a zero byte")
        }
        guard let colon = Self.schemeEnd(of: url) else {
            self.init(path: url)
            return
        }
        let scheme = url.utf8.prefix(colon).map { $0 | 0x20 }
        let name = "\(SecretURL(url))"
        switch String(decoding: scheme, as: UTF8.self) {
        case "file":
            self.init(path: String(decoding: url.utf8.dropFirst(colon + 3), as: UTF8.self))
        case "http", "https":
            self.init(address: url, name: name, isFile: false, protocols: "http,https,tls,tcp,httpproxy,crypto,hls")
        case "rtsp", "rtsps":
            self.init(address: url, name: name, isFile: false, protocols: "rtsp,rtsps,rtp,srtp,udp,tcp,tls,http,https")
        default:
            throw .unsupportedSource(source: name, reason: "unsupported scheme")
        }
    }

    private init(path: String) {
        // The prefix keeps libav from parsing a scheme in a file name with a colon.
        self.init(address: "file:" + path, name: path, isFile: true, protocols: "file")
    }

    private init(address: String, name: String, isFile: Bool, protocols: String) {
        self.address = address
        self.name = name
        self.isFile = isFile
        self.protocols = protocols
    }

    /// Returns the length of the scheme before `://`; `nil` for a path.
    private static func schemeEnd(of url: String) -> Int? {
        let bytes = Array(url.utf8.prefix(16))
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0,
            bytes[..<colon].allSatisfy({ (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20) }),
            url.utf8.dropFirst(colon).starts(with: "://".utf8)
        else { return nil }
        return colon
    }

    /// Throws if the file cannot be read. libav would report this less clearly, or hang.
    func requireReadableFile() throws(MediaError) {
        guard isFile else { return }
        var status = stat()
        guard unsafe stat(name, &status) == 0 else {
            throw errno == EACCES ? .permissionDenied(source: name) : .noSuchFile(source: name)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .unsupportedSource(source: name, reason: "not a regular file")
        }
        guard status.st_size > 0 else { throw .notVideo(source: name, found: "an empty file") }
    }

    /// Describes the content of a file that is not a video.
    func describeContent() -> String {
        guard isFile else { return "something else" }
        let descriptor = unsafe open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return "something unreadable" }
        defer { close(descriptor) }
        var start = [UInt8](repeating: 0, count: 256)
        let count = unsafe start.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { return "something unreadable" }
        let bytes = start.prefix(count)
        if bytes.allSatisfy({ $0 >= 0x20 || (0x09...0x0d).contains($0) }) { return "text" }
        let digits = bytes.prefix(4).map { Hexadecimal.encode(CollectionOfOne($0)) }
        return "unknown format, or truncated; it starts with \(digits.joined(separator: " "))"
    }
}
