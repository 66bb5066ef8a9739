import COpenSSL
import SecamBase
import SecamCrypto

/// SHA-256 of a certificate's public key, as its DER-encoded SubjectPublicKeyInfo (RFC 7469 §2.4): it stays when a
/// certificate is renewed for the same key.
package struct PublicKeyFingerprint: Sendable, Hashable {
    /// 32 bytes.
    package let bytes: [UInt8]

    /// Reads 64 hexadecimal digits of either case behind `SPKI-SHA256:`.
    package init(_ text: String) throws(TLSError) {
        guard text.uppercased().hasPrefix(Self.prefix),
            let bytes = Hexadecimal.decode(text.dropFirst(Self.prefix.count)), bytes.count == SHA256Digest.byteCount
        else { throw .malformedFingerprint(text) }
        self.bytes = bytes
    }

    /// Of the key of the `X509` behind the pointer.
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

/// The certificate that a server presents, by its fingerprints.
package struct PresentedCertificate: Sendable, Hashable {
    package let fingerprint: CertificateFingerprint
    package let key: PublicKeyFingerprint

    package init(fingerprint: CertificateFingerprint, key: PublicKeyFingerprint) {
        self.fingerprint = fingerprint
        self.key = key
    }

    /// Of the `X509` behind the pointer.
    init(certificate: OpaquePointer) throws(TLSError) {
        fingerprint = try unsafe CertificateFingerprint(certificate: certificate)
        key = try unsafe PublicKeyFingerprint(certificate: certificate)
    }
}
