import COpenSSL

/// HMAC with SHA-1, for protocols that prescribe it. The known attacks on SHA-1 do not concern it.
package enum HMACSHA1 {
    package static let byteCount = 20

    /// Returns the 20 bytes of HMAC-SHA-1 (RFC 2104) over `message`.
    package static func code(for message: [UInt8], key: [UInt8]) throws(CryptoError) -> [UInt8] {
        OpenSSLQueue.clear()
        var code = [UInt8](repeating: 0, count: byteCount)
        guard unsafe HMAC(EVP_sha1(), key, CInt(key.count), message, message.count, &code, nil) != nil else {
            throw OpenSSLQueue.error("compute an HMAC")
        }
        return code
    }
}
