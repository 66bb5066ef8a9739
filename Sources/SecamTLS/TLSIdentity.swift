import COpenSSL
import Glibc
import SecamCrypto

/// A server's certificate chain and private key.
package struct TLSIdentity: Sendable {
    /// Fingerprint of the server's own certificate, the first of the chain.
    package let fingerprint: CertificateFingerprint
    /// Fingerprint of its public key.
    package let keyFingerprint: PublicKeyFingerprint
    /// Start and end of its validity, in seconds since 1970 UTC.
    package let notBefore: Int64
    package let notAfter: Int64
    /// Whether other users of this machine can read the key file, which deserves a warning.
    package let keyIsReadableByOthers: Bool
    /// Whether the certificate is signed by its own key, so that browsers warn of it.
    package let isSelfSigned: Bool
    let chain: [OpenSSLObject]
    let key: OpenSSLObject

    /// Days before the expiry from which an operator should be warned.
    package static let warningDays = 30

    /// Returns the whole days until the certificate expires; 0 or less on the last day and after it.
    ///
    /// - Parameter now: seconds since 1970 UTC.
    package func daysLeft(at now: Int64) -> Int {
        Int((notAfter - now) / 86_400)
    }

    /// The date and time of `notAfter`, such as `2036-01-31 12:00:00 UTC`.
    package var notAfterText: String { Self.text(notAfter) }

    /// Reads a certificate chain, the server's own first, and its unencrypted private key from PEM files, which may be
    /// one.
    ///
    /// - Throws: `file`, `malformedFile`, `keyDoesNotFit`, `certificateExpired`, `certificateNotYetValid`.
    package static func load(certificatePath: String, keyPath: String) throws(TLSError) -> TLSIdentity {
        let identity = try read(certificatePath: certificatePath, keyPath: keyPath)
        let now = Int64(time(nil))
        guard now >= identity.notBefore else {
            throw .certificateNotYetValid(path: certificatePath, until: text(identity.notBefore), now: text(now))
        }
        guard now < identity.notAfter else {
            throw .certificateExpired(path: certificatePath, on: identity.notAfterText, now: text(now))
        }
        return identity
    }

    /// Reads an identity without checking its dates.
    static func read(certificatePath: String, keyPath: String) throws(TLSError) -> TLSIdentity {
        let chain = try readChain(certificatePath)
        let (key, mode) = try readKey(keyPath)
        return try unsafe chain[0].withPointer { certificate throws(TLSError) in
            guard unsafe key.withPointer({ key in unsafe X509_check_private_key(certificate, key) }) == 1 else {
                OpenSSLQueue.clear()
                throw .keyDoesNotFit(certificatePath: certificatePath, keyPath: keyPath)
            }
            let notBefore = try unsafe seconds(X509_get0_notBefore(certificate), certificatePath)
            let notAfter = try unsafe seconds(X509_get0_notAfter(certificate), certificatePath)
            return TLSIdentity(
                fingerprint: try unsafe CertificateFingerprint(certificate: certificate),
                keyFingerprint: try unsafe PublicKeyFingerprint(certificate: certificate), notBefore: notBefore,
                notAfter: notAfter, keyIsReadableByOthers: mode & 0o004 != 0,
                isSelfSigned: unsafe X509_self_signed(certificate, 0) == 1, chain: chain, key: key)
        }
    }

    private static func readChain(_ path: String) throws(TLSError) -> [OpenSSLObject] {
        let (bytes, _) = try PEMFile.read(path)
        return try unsafe withMemoryBIO(bytes) { bio throws(TLSError) in
            var chain: [OpenSSLObject] = []
            while true {
                OpenSSLQueue.clear()
                guard let certificate = unsafe PEM_read_bio_X509(bio, nil, nil, nil) else { break }
                chain.append(try unsafe certificateObject(certificate))
                guard chain.count <= TLSLimits.chainLength else {
                    throw .malformedFile(path: path, reason: "more than \(TLSLimits.chainLength) certificates")
                }
            }
            let isEnd = secam_ERR_is_missing_pem_block(ERR_peek_last_error()) == 1
            let reason = OpenSSLQueue.drain()
            guard isEnd else { throw .malformedFile(path: path, reason: "cannot read a certificate: \(reason)") }
            guard !chain.isEmpty else { throw .malformedFile(path: path, reason: "no PEM certificate in the file") }
            return chain
        }
    }

    private static func readKey(_ path: String) throws(TLSError) -> (OpenSSLObject, mode_t) {
        var (bytes, mode) = try PEMFile.read(path)
        defer { unsafe bytes.withUnsafeMutableBytes { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) } }
        let key = try unsafe withMemoryBIO(bytes) { bio throws(TLSError) in
            OpenSSLQueue.clear()
            // Without this callback, OpenSSL would prompt for the passphrase of an encrypted key on the terminal.
            let key = unsafe PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil)
            guard let key = unsafe key else {
                let reason = OpenSSLQueue.drain()
                throw .malformedFile(path: path, reason: "no unencrypted PEM private key in the file: \(reason)")
            }
            return try unsafe OpenSSLObject(key, to: "read a private key", freedBy: { unsafe EVP_PKEY_free($0) })
        }
        return (key, mode)
    }

    static func certificateObject(_ certificate: OpaquePointer?) throws(TLSError) -> OpenSSLObject {
        try unsafe OpenSSLObject(certificate, to: "make a certificate", freedBy: { unsafe X509_free($0) })
    }

    private static func withMemoryBIO<Result>(
        _ bytes: [UInt8], _ body: (OpaquePointer) throws(TLSError) -> Result
    ) throws(TLSError) -> Result {
        OpenSSLQueue.clear()
        return try unsafe bytes.withUnsafeBufferPointer { bytes throws(TLSError) in
            let bio = try unsafe OpenSSLObject(
                BIO_new_mem_buf(bytes.baseAddress, CInt(bytes.count)),
                to: "read from memory", freedBy: { unsafe BIO_free_all($0) })
            return try unsafe bio.withPointer(body)
        }
    }

    private static func seconds(_ date: UnsafePointer<ASN1_TIME>?, _ path: String) throws(TLSError) -> Int64 {
        var parts = unsafe tm()
        guard unsafe ASN1_TIME_to_tm(date, &parts) == 1 else {
            OpenSSLQueue.clear()
            throw .malformedFile(path: path, reason: "cannot read the certificate's dates")
        }
        return unsafe Int64(timegm(&parts))
    }

    static func text(_ seconds: Int64) -> String {
        var seconds = time_t(seconds)
        var parts = unsafe tm()
        unsafe gmtime_r(&seconds, &parts)
        let count = 64
        return unsafe String(unsafeUninitializedCapacity: count) { buffer in
            unsafe buffer.withMemoryRebound(to: CChar.self) { buffer in
                unsafe strftime(buffer.baseAddress!, count, "%Y-%m-%d %H:%M:%S UTC", &parts)
            }
        }
    }
}
