/// The servers that a client trusts. In each case the server also proves possession of the certificate's key.
package enum TLSTrust: Sendable {
    /// A valid certificate for the server's name, issued by a certificate of this PEM file.
    case authorities(file: String)
    /// Exactly this certificate; name and dates are ignored.
    case fingerprint(CertificateFingerprint)
    /// Any certificate with this key; name, dates and everything else are ignored.
    case key(PublicKeyFingerprint)
    /// The caller decides (pinning at first use). It runs inside the handshake on the event loop, so it must not block.
    case decide(@Sendable (PresentedCertificate) -> Bool)
}
