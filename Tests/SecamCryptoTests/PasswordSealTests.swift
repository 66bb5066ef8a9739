import COpenSSL
import Testing

@testable import SecamCrypto

@Suite struct PasswordSealTests {
    private static let magic = "test 1\n"
    private static let plaintext = Array("what must stay secret".utf8)

    @Test func `sealed bytes open only with the same password and unchanged`() throws {
        let sealed = try PasswordSeal.seal(Self.plaintext, magic: Self.magic, password: "Grüße")
        #expect(try PasswordSeal.open(sealed, magic: Self.magic, password: "Grüße") == Self.plaintext)
        #expect(throws: PasswordSeal.Failure.wrongPassword) {
            try PasswordSeal.open(sealed, magic: Self.magic, password: "Gruesse")
        }
        // In salt, nonce, ciphertext and tag.
        for index in [12, 28, Self.magic.utf8.count + 31, sealed.count - 1] {
            var damaged = sealed
            damaged[index] ^= 1
            #expect(throws: PasswordSeal.Failure.wrongPassword) {
                try PasswordSeal.open(damaged, magic: Self.magic, password: "Grüße")
            }
        }
    }

    @Test func `other formats, truncation and parameters beyond the limits are malformed`() throws {
        let sealed = try PasswordSeal.seal(Self.plaintext, magic: Self.magic, password: "x")
        func expectMalformed(_ bytes: [UInt8]) {
            #expect(throws: PasswordSeal.Failure.malformed) {
                try PasswordSeal.open(bytes, magic: Self.magic, password: "x")
            }
        }
        expectMalformed([])
        expectMalformed(Array(sealed.prefix(Self.magic.utf8.count + 31 + 15)))
        expectMalformed([UInt8(ascii: "T")] + sealed.dropFirst())
        for (index, value) in [(0, 30), (0, 0), (1, 200), (2, 0), (2, 255)] as [(Int, UInt8)] {
            var greedy = sealed
            greedy[Self.magic.utf8.count + index] = value
            expectMalformed(greedy)
        }
    }

    /// Opens the bytes without authentication, with the documented primitives.
    @Test func `the format is scrypt and ChaCha20-Poly1305 as documented`() throws {
        let sealed = try PasswordSeal.seal(Self.plaintext, magic: Self.magic, password: "x")
        let magic = Self.magic.utf8.count
        #expect(Array(sealed[magic..<(magic + 3)]) == [17, 8, 1])
        #expect(sealed.count == magic + 3 + 16 + 12 + Self.plaintext.count + 16)
        let key = try unsafe Array("x".utf8).withUnsafeBytes { password in
            try unsafe PasswordHash.scrypt(
                password, salt: Array(sealed[(magic + 3)..<(magic + 19)]),
                cost: PasswordHash.Cost(logarithm: 17, blockSize: 8, parallelism: 1), count: 32)
        }
        // ChaCha20 alone, with block counter 1, as RFC 8439 §2.8 encrypts.
        let counterAndNonce = [1, 0, 0, 0] + Array(sealed[(magic + 19)..<(magic + 31)])
        let context = try unsafe #require(EVP_CIPHER_CTX_new())
        defer { unsafe EVP_CIPHER_CTX_free(context) }
        let begun = unsafe EVP_DecryptInit_ex(context, EVP_chacha20(), nil, key, counterAndNonce)
        try #require(begun == 1)
        var plaintext = [UInt8](repeating: 0, count: Self.plaintext.count)
        var count: CInt = 0
        let ciphertext = Array(sealed[(magic + 31)..<(sealed.count - 16)])
        let decrypted = unsafe EVP_DecryptUpdate(
            context, &plaintext, &count, ciphertext, CInt(ciphertext.count))
        try #require(decrypted == 1)
        #expect(plaintext == Self.plaintext)
    }
}
