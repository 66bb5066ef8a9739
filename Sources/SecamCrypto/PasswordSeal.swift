import COpenSSL

/// Bytes encrypted with a password: scrypt (RFC 7914) makes the key, ChaCha20-Poly1305 (RFC 8439) encrypts and
/// authenticates.
///
///     magic    chosen by the caller
///     1 byte   logarithm of scrypt's N
///     1 byte   scrypt's r
///     1 byte   scrypt's p
///     16       salt
///     12       nonce
///     n        ciphertext of n bytes
///     16       tag
///
/// The associated data is everything before the ciphertext, which protects the magic and the parameters. Sealing and
/// opening deliberately take 128 MiB and half a second.
package enum PasswordSeal {
    package enum Failure: Error, Sendable, Equatable {
        /// The format is invalid, or the parameters exceed the limits.
        case malformed
        /// The password is wrong or the bytes are damaged, which cannot be distinguished.
        case wrongPassword
        case library(CryptoError)
    }

    private static let cost = PasswordHash.Cost(logarithm: 17, blockSize: 8, parallelism: 1)
    private static let keyBytes = 32
    private static let saltBytes = 16
    private static let nonceBytes = 12
    private static let tagBytes = 16

    package static func seal(_ plaintext: [UInt8], magic: String, password: String) throws(CryptoError) -> [UInt8] {
        let salt = try SecureRandom.bytes(saltBytes)
        let nonce = try SecureRandom.bytes(nonceBytes)
        let header =
            Array(magic.utf8) + [UInt8(cost.logarithm), UInt8(cost.blockSize), UInt8(cost.parallelism)] + salt + nonce
        let cipher = try Cipher(encrypts: true, key: try key(password, salt, cost), nonce: nonce)
        let (ciphertext, _) = try cipher.run(plaintext, associated: header)
        return header + ciphertext + (try cipher.tag(byteCount: tagBytes))
    }

    package static func open(_ sealed: [UInt8], magic: String, password: String) throws(Failure) -> [UInt8] {
        let magic = Array(magic.utf8)
        let headerBytes = magic.count + 3 + saltBytes + nonceBytes
        guard sealed.count >= headerBytes + tagBytes, sealed.starts(with: magic) else { throw .malformed }
        let parameters = sealed[magic.count...]
        let cost = PasswordHash.Cost(
            logarithm: UInt64(parameters[magic.count]), blockSize: UInt64(parameters[magic.count + 1]),
            parallelism: UInt64(parameters[magic.count + 2]))
        guard cost.isWithinLimits else { throw .malformed }
        let salt = Array(sealed[(magic.count + 3)..<(headerBytes - nonceBytes)])
        let nonce = Array(sealed[(headerBytes - nonceBytes)..<headerBytes])
        let opened: (output: [UInt8], isAuthentic: Bool)
        do throws(CryptoError) {
            let cipher = try Cipher(encrypts: false, key: try key(password, salt, cost), nonce: nonce)
            try cipher.expect(tag: Array(sealed.suffix(tagBytes)))
            opened = try cipher.run(
                Array(sealed[headerBytes..<(sealed.count - tagBytes)]), associated: Array(sealed[..<headerBytes]))
        } catch {
            throw .library(error)
        }
        guard opened.isAuthentic else { throw .wrongPassword }
        return opened.output
    }

    private static func key(
        _ password: String, _ salt: [UInt8], _ cost: PasswordHash.Cost
    ) throws(CryptoError) -> [UInt8] {
        var password = password
        let result = password.withUTF8 { bytes in
            Result { () throws(CryptoError) in
                try unsafe PasswordHash.scrypt(
                    UnsafeRawBufferPointer(bytes), salt: salt, cost: cost, count: keyBytes)
            }
        }
        return try result.get()
    }

    /// One operation of ChaCha20-Poly1305.
    @safe private struct Cipher: ~Copyable {
        private let context: OpaquePointer

        init(encrypts: Bool, key: [UInt8], nonce: [UInt8]) throws(CryptoError) {
            OpenSSLQueue.clear()
            guard let new = unsafe EVP_CIPHER_CTX_new() else { throw OpenSSLQueue.error("make a cipher") }
            guard unsafe EVP_CipherInit_ex(new, EVP_chacha20_poly1305(), nil, key, nonce, encrypts ? 1 : 0) == 1 else {
                unsafe EVP_CIPHER_CTX_free(new)
                throw OpenSSLQueue.error("begin ChaCha20-Poly1305")
            }
            unsafe context = new
        }

        deinit { unsafe EVP_CIPHER_CTX_free(context) }

        /// - Returns: the output, and whether the expected tag matches.
        func run(_ input: [UInt8], associated: [UInt8]) throws(CryptoError) -> (output: [UInt8], isAuthentic: Bool) {
            var count: CInt = 0
            try OpenSSLQueue.check(
                unsafe EVP_CipherUpdate(context, nil, &count, associated, CInt(associated.count)),
                "authenticate a header")
            var output = [UInt8](repeating: 0, count: input.count)
            try OpenSSLQueue.check(
                unsafe EVP_CipherUpdate(context, &output, &count, input, CInt(input.count)), "run ChaCha20-Poly1305")
            var rest: CInt = 0
            var end = [UInt8](repeating: 0, count: 16)
            let isAuthentic = unsafe EVP_CipherFinal_ex(context, &end, &rest) == 1
            return (output, isAuthentic)
        }

        func tag(byteCount: Int) throws(CryptoError) -> [UInt8] {
            var tag = [UInt8](repeating: 0, count: byteCount)
            try OpenSSLQueue.check(
                unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, CInt(byteCount), &tag), "make a tag")
            return tag
        }

        func expect(tag: [UInt8]) throws(CryptoError) {
            var tag = tag
            try OpenSSLQueue.check(
                unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, CInt(tag.count), &tag), "expect a tag")
        }
    }
}
