import COpenSSL

package enum SHA256Digest {
    package static let byteCount = 32

    /// A SHA-256 computation over bytes in several pieces.
    @safe package struct Stream: ~Copyable {
        private let context: OpaquePointer

        package init() throws(CryptoError) {
            OpenSSLQueue.clear()
            guard let new = unsafe EVP_MD_CTX_new() else { throw OpenSSLQueue.error("make a digest") }
            guard unsafe EVP_DigestInit_ex(new, EVP_sha256(), nil) == 1 else {
                unsafe EVP_MD_CTX_free(new)
                throw OpenSSLQueue.error("begin a SHA-256 digest")
            }
            unsafe context = new
        }

        deinit { unsafe EVP_MD_CTX_free(context) }

        package mutating func update(_ bytes: Span<UInt8>) throws(CryptoError) {
            let status = unsafe bytes.withUnsafeBufferPointer { buffer in
                unsafe EVP_DigestUpdate(context, buffer.baseAddress, buffer.count)
            }
            try OpenSSLQueue.check(status, "compute a SHA-256 digest")
        }

        /// Returns the 32 bytes of the digest. The computation ends.
        package mutating func finish() throws(CryptoError) -> [UInt8] {
            var digest = [UInt8](repeating: 0, count: byteCount)
            try OpenSSLQueue.check(unsafe EVP_DigestFinal_ex(context, &digest, nil), "end a SHA-256 digest")
            return digest
        }
    }

    /// Returns the 32 bytes of SHA-256 over `bytes`.
    package static func hash(_ bytes: [UInt8]) throws(CryptoError) -> [UInt8] {
        OpenSSLQueue.clear()
        var digest = [UInt8](repeating: 0, count: byteCount)
        try OpenSSLQueue.check(
            unsafe EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha256(), nil), "compute a SHA-256 digest")
        return digest
    }
}

/// SHA-1, for protocols that prescribe it where no attacker gains from a collision.
package enum SHA1Digest {
    package static let byteCount = 20

    package static func hash(_ bytes: [UInt8]) throws(CryptoError) -> [UInt8] {
        OpenSSLQueue.clear()
        var digest = [UInt8](repeating: 0, count: byteCount)
        try OpenSSLQueue.check(
            unsafe EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha1(), nil), "compute a SHA-1 digest")
        return digest
    }
}

package enum HMACSHA256 {
    /// Returns the 32 bytes of HMAC-SHA-256 (RFC 2104) over `message`.
    package static func code(for message: [UInt8], key: [UInt8]) throws(CryptoError) -> [UInt8] {
        OpenSSLQueue.clear()
        var code = [UInt8](repeating: 0, count: SHA256Digest.byteCount)
        guard unsafe HMAC(EVP_sha256(), key, CInt(key.count), message, message.count, &code, nil) != nil else {
            throw OpenSSLQueue.error("compute an HMAC")
        }
        return code
    }
}

/// Compares in a time that depends only on the lengths, so a peer cannot guess a secret byte by byte.
package func equalInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return unsafe CRYPTO_memcmp(left, right, left.count) == 0
}
