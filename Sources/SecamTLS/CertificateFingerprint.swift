import COpenSSL
import SecamBase
import SecamCrypto

/// SHA-256 of a certificate's DER encoding, which viewers pin and users compare.
package struct CertificateFingerprint: Sendable, Hashable {
    /// 32 bytes.
    package let bytes: [UInt8]

    /// Parses 64 hexadecimal digits in either case, optionally as 32 pairs separated by colons, and optionally after
    /// `SHA256:`.
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

    /// Computes the fingerprint of an `X509`.
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
