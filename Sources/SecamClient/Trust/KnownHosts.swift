import Glibc
import SecamBase
package import SecamTLS

/// The file of accepted gateways' keys, one `HOST:PORT SPKI-SHA256:…` a line. Empty lines and lines that begin with `#` are
/// comments. A line `HOST:PORT SHA256:…`, from an earlier version, pins a certificate instead.
package struct KnownHosts: Sendable {
    static let fileLimit = 1 << 20

    package enum Pin: Sendable, Equatable {
        case key(PublicKeyFingerprint)
        /// Written by an earlier version. It refuses another certificate with the same key.
        case certificate(CertificateFingerprint)

        init(_ text: String) throws(TLSError) {
            if let key = try? PublicKeyFingerprint(text) {
                self = .key(key)
            } else {
                self = .certificate(try CertificateFingerprint(text))
            }
        }

        func admits(_ presented: PresentedCertificate) -> Bool {
            switch self {
            case .key(let key): key == presented.key
            case .certificate(let fingerprint): fingerprint == presented.fingerprint
            }
        }
    }

    package struct Entry: Sendable, Equatable {
        package let pin: Pin
        /// Line number, from 1.
        package let line: Int
    }

    package let path: String

    package init(path: String) { self.path = path }

    /// Returns `$XDG_CONFIG_HOME/secam/known_hosts`, else `~/.config/secam/known_hosts`; `nil` when neither XDG_CONFIG_HOME
    /// nor HOME is set.
    package static func defaultPath(_ environment: (String) -> String?) -> String? {
        UserFolder.configuration.path(environment).map { "\($0)/known_hosts" }
    }

    /// Returns the accepted keys of a gateway; none when the file does not exist.
    ///
    /// - Throws: also for a malformed line: to ignore it could make a known gateway unknown, and accept another key.
    package func entries(for server: ServerAddress) throws(ClientError) -> [Entry] {
        guard FileIO.exists(path) else { return [] }
        let text = String(decoding: try FileIO.read(path, limit: Self.fileLimit), as: UTF8.self)
        var entries: [Entry] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let fields = line.split(whereSeparator: { " \t\r".contains($0) })
            guard let first = fields.first, !first.hasPrefix("#") else { continue }
            guard fields.count == 2, let known = try? ServerAddress(String(first)),
                let pin = try? Pin(String(fields[1]))
            else { throw .badKnownHosts(file: path, line: index + 1) }
            if known == server { entries.append(Entry(pin: pin, line: index + 1)) }
        }
        return entries
    }

    /// Adds an accepted key. It creates a missing file and its folder for this user alone.
    package func add(_ server: ServerAddress, _ key: PublicKeyFingerprint) throws(ClientError) {
        try makeFolder()
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .file(path: path, operation: "create", reason: "\(SystemError.last)") }
        defer { close(descriptor) }
        var last: UInt8 = 0
        let end = lseek(descriptor, 0, SEEK_END)
        let hasLast = unsafe pread(descriptor, &last, 1, max(0, end - 1)) == 1
        let isCut = hasLast && last != UInt8(ascii: "\n")
        let line = "\(isCut ? "\n" : "")\(server) \(key)\n"
        try FileIO.writeAll(line.utf8, to: descriptor, path: path)
    }

    private func makeFolder() throws(ClientError) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: true).dropLast()
        var folder = path.hasPrefix("/") ? "" : "."
        for part in parts {
            folder += "/\(part)"
            if unsafe mkdir(folder, 0o700) != 0, errno != EEXIST {
                throw .file(path: folder, operation: "create", reason: "\(SystemError.last)")
            }
        }
    }
}
