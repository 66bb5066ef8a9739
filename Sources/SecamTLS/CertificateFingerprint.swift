import COpenSSL

/// SHA-256 of a certificate's DER bytes: what a viewer pins and a person compares.
public struct CertificateFingerprint: Sendable, Hashable {
    /// 32 bytes.
    public let bytes: [UInt8]

    /// Reads 64 hexadecimal digits of either case, plain or as 32 pairs with colons between them, with or without
    /// `SHA256:` in front.
    public init(_ text: String) throws(TLSError) {
        var digits = Substring(text)
        if digits.lowercased().hasPrefix(Self.prefix) { digits = digits.dropFirst(Self.prefix.count) }
        let pairs = digits.split(separator: ":", omittingEmptySubsequences: false)
        if pairs.count == SHA256Digest.byteCount, pairs.allSatisfy({ $0.utf8.count == 2 }) {
            digits = Substring(pairs.joined())
        }
        guard let bytes = Hexadecimal.decode(digits), bytes.count == SHA256Digest.byteCount else {
            throw .malformedFingerprint(text)
        }
        self.bytes = bytes
    }

    /// Of the `X509` behind the pointer.
    init(certificate: OpaquePointer) throws(TLSError) {
        OpenSSLQueue.clear()
        var digest = [UInt8](repeating: 0, count: SHA256Digest.byteCount)
        try OpenSSLQueue.check(
            unsafe X509_digest(certificate, EVP_sha256(), &digest, nil), "compute a certificate's fingerprint")
        bytes = digest
    }

    private static let prefix = "sha256:"
}

extension CertificateFingerprint: CustomStringConvertible {
    /// 64 lower-case hexadecimal digits.
    public var description: String { Hexadecimal.encode(bytes) }
}

enum Hexadecimal {
    static func encode(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Nil when a character is no digit or one is left over.
    static func decode(_ text: Substring) -> [UInt8]? {
        let digits = text.utf8.map(value)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
