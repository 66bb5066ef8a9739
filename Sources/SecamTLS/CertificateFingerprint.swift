import COpenSSL
import SecamBase
import SecamCrypto

/// SHA-256 of a certificate's DER bytes: what a viewer pins and a person compares.
package struct CertificateFingerprint: Sendable, Hashable {
    /// 32 bytes.
    package let bytes: [UInt8]

    /// Reads 64 hexadecimal digits of either case, plain or as 32 pairs with colons between them, with or without
    /// `SHA256:` in front.
    package init(_ text: String) throws(TLSError) {
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
    package var description: String { Hexadecimal.encode(bytes) }
}
