import COpenSSL
import Glibc
import SecamCrypto

extension TLSIdentity {
    /// The file of `loadOrCreate`, which holds certificate and key together, so they always match.
    package static let selfSignedFileName = "tls-identity.pem"

    /// Validity without an end: until the year 9999 (RFC 5280 §4.1.2.5), in seconds since 1970 UTC.
    static let always: ClosedRange<Int64> = 0...253_402_300_799

    /// Returns the identity stored in `directory`, or creates a self-signed one: ECDSA P-256, for `hostNames` (DNS
    /// names and IP addresses). An existing identity is kept whatever `hostNames` are, since viewers have pinned it.
    /// The directory is created if its parent exists.
    ///
    /// Its dates are not checked, and a new one is valid at any time: it may be created while the clock is wrong,
    /// viewers know it by its fingerprint, and no authority certifies the dates.
    ///
    /// - Throws: `file`, `malformedFile` and `keyDoesNotFit` as `load` does; `configuration` for an invalid host name.
    package static func loadOrCreate(directory: String, hostNames: [String]) throws(TLSError) -> TLSIdentity {
        let path = directory + "/" + selfSignedFileName
        if !PEMFile.exists(path) {
            let names = try subjectAlternativeNames(hostNames)
            try PEMFile.makeDirectory(directory)
            var pem = try selfSigned(names: names, validity: always)
            defer { unsafe pem.withUnsafeMutableBytes { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) } }
            _ = try PEMFile.create(path, pem)
        }
        return try read(certificatePath: path, keyPath: path)
    }

    /// Returns a new key and certificate in PEM.
    ///
    /// - Parameter validity: seconds since 1970 UTC.
    static func selfSigned(names: String, validity: ClosedRange<Int64>) throws(TLSError) -> [UInt8] {
        OpenSSLQueue.clear()
        let key = try unsafe OpenSSLObject(
            secam_EVP_EC_gen_p256(), to: "make a private key", freedBy: { unsafe EVP_PKEY_free($0) })
        let certificate = try unsafe certificateObject(X509_new())
        let serial = try randomNumber() >> 1
        return try unsafe key.withPointer { key throws(TLSError) in
            try unsafe certificate.withPointer { certificate throws(TLSError) in
                let subject = unsafe X509_get_subject_name(certificate)
                guard unsafe X509_set_version(certificate, 2) == 1,
                    unsafe ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1,
                    unsafe ASN1_TIME_set(X509_getm_notBefore(certificate), time_t(validity.lowerBound)) != nil,
                    unsafe ASN1_TIME_set(X509_getm_notAfter(certificate), time_t(validity.upperBound)) != nil,
                    unsafe X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, "secam gateway", -1, -1, 0) == 1,
                    unsafe X509_set_issuer_name(certificate, subject) == 1,
                    unsafe X509_set_pubkey(certificate, key) == 1
                else { throw OpenSSLQueue.error("fill in a certificate") }
                try unsafe addExtensions(to: certificate, names: names)
                guard unsafe X509_sign(certificate, key, EVP_sha256()) > 0 else {
                    throw OpenSSLQueue.error("sign a certificate")
                }
                return try unsafe pem(certificate: certificate, key: key)
            }
        }
    }

    private static func addExtensions(to certificate: OpaquePointer, names: String) throws(TLSError) {
        let extensions = [
            (NID_basic_constraints, "critical,CA:FALSE"),
            (NID_key_usage, "critical,digitalSignature"),
            (NID_ext_key_usage, "serverAuth"),
            (NID_subject_key_identifier, "hash"),
            (NID_subject_alt_name, names),
        ]
        var context = unsafe X509V3_CTX()
        unsafe X509V3_set_ctx(&context, certificate, certificate, nil, nil, 0)
        for (identifier, value) in extensions where !value.isEmpty {
            guard let built = unsafe X509V3_EXT_conf_nid(nil, &context, identifier, value) else {
                throw OpenSSLQueue.error("make the certificate extension \(value)")
            }
            defer { unsafe X509_EXTENSION_free(built) }
            try OpenSSLQueue.check(unsafe X509_add_ext(certificate, built, -1), "add a certificate extension")
        }
    }

    private static func pem(certificate: OpaquePointer, key: OpaquePointer) throws(TLSError) -> [UInt8] {
        let memory = try unsafe OpenSSLObject(
            BIO_new(BIO_s_mem()), to: "write to memory", freedBy: { unsafe BIO_free_all($0) })
        return try unsafe memory.withPointer { bio throws(TLSError) in
            guard unsafe PEM_write_bio_PKCS8PrivateKey(bio, key, nil, nil, 0, nil, nil) == 1,
                unsafe PEM_write_bio_X509(bio, certificate) == 1
            else { throw OpenSSLQueue.error("write a certificate") }
            var data: UnsafeMutablePointer<CChar>?
            let count = unsafe secam_BIO_get_mem_data(bio, &data)
            return unsafe Array(UnsafeRawBufferPointer(start: data, count: count))
        }
    }

    /// Returns the names in OpenSSL's notation. A comma in a name would add entries, so names are checked strictly.
    static func subjectAlternativeNames(_ hostNames: [String]) throws(TLSError) -> String {
        var entries: [String] = []
        for name in hostNames {
            if HostName.isAddress(name) {
                entries.append("IP:\(name)")
            } else if HostName.isName(name) {
                entries.append("DNS:\(name)")
            } else {
                throw .configuration("'\(name)' is neither a host name nor an IP address for a certificate")
            }
        }
        return entries.joined(separator: ",")
    }
}

enum HostName {
    static func isAddress(_ text: String) -> Bool {
        var address = in6_addr()
        return unsafe inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1
    }

    /// Returns whether a text is a host name: letters, digits, hyphens and dots, at most 253 (RFC 1123 §2.1).
    static func isName(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count)
            && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
                (1...63).contains(label.utf8.count)
                    && label.utf8.allSatisfy { byte in
                        byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                    }
            }
    }
}

/// Returns 64 random bits.
func randomNumber() throws(TLSError) -> UInt64 {
    do throws(CryptoError) {
        return try SecureRandom.bytes(8).reduce(0) { $0 << 8 | UInt64($1) }
    } catch {
        throw .library(operation: "make a random number", reason: "\(error)")
    }
}
