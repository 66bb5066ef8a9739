import COpenSSL
import SecamBase
import SecamCrypto

/// SHA-256 of a certificate's public key, as DER-encoded SubjectPublicKeyInfo (RFC 7469 §2.4). It stays the same when a
/// certificate is renewed with the same key.
package struct PublicKeyFingerprint: Sendable, Hashable {
    /// 32 bytes.
    package let bytes: [UInt8]

    /// Parses 64 hexadecimal digits in either case after `SPKI-SHA256:`.
    package init(_ text: String) throws(TLSError) {
        guard text.uppercased().hasPrefix(Self.prefix),
            let bytes = Hexadecimal.decode(text.dropFirst(Self.prefix.count)), bytes.count == SHA256Digest.byteCount
        else { throw .malformedFingerprint(text) }
        self.bytes = bytes
    }

    /// Computes the fingerprint of an `X509`'s key.
    init(certificate: OpaquePointer) throws(TLSError) {
        OpenSSLQueue.clear()
        var encoded: UnsafeMutablePointer<UInt8>?
        let count = unsafe i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded)
        guard count > 0, let encoded = unsafe encoded else {
            throw OpenSSLQueue.error("encode a certificate's public key")
        }
        defer { unsafe secam_OPENSSL_free(encoded) }
        var digest = [UInt8](repeating: 0, count: SHA256Digest.byteCount)
        try OpenSSLQueue.check(
            unsafe EVP_Digest(encoded, Int(count), &digest, nil, EVP_sha256(), nil),
            "compute a public key's fingerprint")
        bytes = digest
    }

    private static let prefix = "SPKI-SHA256:"
}

extension PublicKeyFingerprint: CustomStringConvertible {
    /// `SPKI-SHA256:` and 64 lower-case hexadecimal digits.
    package var description: String { Self.prefix + Hexadecimal.encode(bytes) }
}

/// The fingerprints of the certificate that a server presents.
package struct PresentedCertificate: Sendable, Hashable {
    package let fingerprint: CertificateFingerprint
    package let key: PublicKeyFingerprint

    package init(fingerprint: CertificateFingerprint, key: PublicKeyFingerprint) {
        self.fingerprint = fingerprint
        self.key = key
    }

    /// Computes the fingerprints of an `X509`.
    init(certificate: OpaquePointer) throws(TLSError) {
        fingerprint = try unsafe CertificateFingerprint(certificate: certificate)
        key = try unsafe PublicKeyFingerprint(certificate: certificate)
    }
}
