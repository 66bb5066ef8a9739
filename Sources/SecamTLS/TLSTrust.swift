/// Whom a client takes for its server. In each case the server also proves that it holds the certificate's key.
package enum TLSTrust: Sendable {
    /// The certificate is valid now, is for the server's name, and was issued by a certificate of this PEM file.
    case authorities(file: String)
    /// It is this certificate; name and dates do not matter.
    case fingerprint(CertificateFingerprint)
    /// Its certificate is for this key; name, dates and the rest of it do not matter.
    case key(PublicKeyFingerprint)
    /// The caller says yes or no (pinning at first use). Runs inside the handshake, on the event loop: do not block.
    case decide(@Sendable (PresentedCertificate) -> Bool)
}
