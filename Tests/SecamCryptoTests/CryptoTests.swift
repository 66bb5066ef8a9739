import SecamBase
import Testing

@testable import SecamCrypto
@testable import SecamTLS

extension PasswordHash {
    fileprivate static func verify(_ password: String, against encoded: String) throws -> Bool {
        try unsafe Array(password.utf8).withUnsafeBytes { try unsafe verify($0, against: encoded) }
    }
}

@Suite struct PasswordHashTests {
    /// RFC 7914 §12; the limits reject its fourth vector, which needs 1 GiB.
    @Test(arguments: [
        (
            "", "", PasswordHash.Cost(logarithm: 4, blockSize: 1, parallelism: 1),
            "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
                + "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"
        ),
        (
            "password", "NaCl", PasswordHash.Cost(logarithm: 10, blockSize: 8, parallelism: 16),
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
                + "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
        ),
        (
            "pleaseletmein", "SodiumChloride", PasswordHash.Cost(logarithm: 14, blockSize: 8, parallelism: 1),
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                + "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
        ),
    ])
    func `scrypt matches the vectors of its RFC`(
        _ password: String, _ salt: String, _ cost: PasswordHash.Cost, _ expected: String
    ) throws {
        let key = try unsafe Array(password.utf8).withUnsafeBytes { password in
            try unsafe PasswordHash.scrypt(password, salt: Array(salt.utf8), cost: cost, count: 64)
        }
        #expect(Hexadecimal.encode(key) == expected)
    }

    @Test func `only the right password is verified`() throws {
        let encoded = try PasswordHash.hash("Grüße, camera")
        #expect(encoded.hasPrefix("$scrypt$ln=15,r=8,p=1$"))
        #expect(try PasswordHash.verify("Grüße, camera", against: encoded))
        #expect(try !PasswordHash.verify("Grüße, camerA", against: encoded))
        #expect(try !PasswordHash.verify("", against: encoded))
    }

    @Test func `two hashes of one password differ`() throws {
        #expect(try PasswordHash.hash("same") != PasswordHash.hash("same"))
    }

    @Test func `the dummy hash looks and costs like a real one and matches no password`() throws {
        let dummy = try PasswordHash.dummy()
        #expect(try PasswordHash.Encoded(dummy).cost == PasswordHash.Cost.standard)
        #expect(try dummy.utf8.count == PasswordHash.hash("x").utf8.count)
        #expect(try !PasswordHash.verify("", against: dummy))
    }

    @Test func `a password that is too long is rejected`() throws {
        let long = String(repeating: "x", count: PasswordHash.maximumPasswordBytes + 1)
        #expect(throws: CryptoError.self) { try PasswordHash.hash(long) }
        #expect(throws: CryptoError.self) { try PasswordHash.verify(long, against: PasswordHash.dummy()) }
    }

    @Test(arguments: [
        "", "$", "scrypt", "$scrypt$ln=15,r=8,p=1$c2FsdHNhbHRzYWx0$", "$bcrypt$ln=15,r=8,p=1$A$A",
        "$scrypt$ln=15,r=8$SALT$HASH", "$scrypt$ln=+5,r=8,p=1$SALT$HASH", "$scrypt$ln=,r=8,p=1$SALT$HASH",
        "$scrypt$r=8,ln=15,p=1$SALT$HASH", "$scrypt$ln=15,r=8,p=1,x=1$SALT$HASH", "$scrypt$ln=63,r=8,p=1$SALT$HASH",
        "$scrypt$ln=21,r=1,p=1$SALT$HASH", "$scrypt$ln=18,r=8,p=1$SALT$HASH", "$scrypt$ln=17,r=8,p=16$SALT$HASH",
        "$scrypt$ln=0,r=8,p=1$SALT$HASH", "$scrypt$ln=15,r=0,p=1$SALT$HASH", "$scrypt$ln=15,r=8,p=0$SALT$HASH",
        "$scrypt$ln=99999999999999999999,r=8,p=1$SALT$HASH", "$scrypt$ln=15,r=8,p=1$SA=T$HASH",
        "$scrypt$ln=15,r=8,p=1$SALT$HASH$", "$scrypt$ln=15,r=8,p=1$SALTSALTSA$HASH",
        "$scrypt$ln=15,r=8,p=1$SALTSALTSAL$HASHHASHHASHHASHHASHH",
    ])
    func `a malformed hash is rejected without any work`(_ text: String) throws {
        let error = #expect(throws: CryptoError.self) { try PasswordHash.verify("x", against: text) }
        guard case .malformedPasswordHash? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}

@Suite struct CryptoTests {
    @Test func `digests match their standards`() throws {
        // FIPS 180-2 B.1 and RFC 4231 §4.3.
        #expect(
            Hexadecimal.encode(try SHA256Digest.hash(Array("abc".utf8)))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            Hexadecimal.encode(try SHA256Digest.hash([]))
                == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            Hexadecimal.encode(
                try HMACSHA256.code(for: Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8)))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test func `a comparison sees every byte and the length`() {
        #expect(equalInConstantTime([], []))
        #expect(equalInConstantTime([1, 2, 3], [1, 2, 3]))
        #expect(!equalInConstantTime([1, 2, 3], [1, 2, 4]))
        #expect(!equalInConstantTime([1, 2, 3], [1, 2]))
    }

    @Test func `generated passwords are readable and differ`() throws {
        let password = try SecureRandom.password()
        #expect(password.utf8.count == 19 && password.split(separator: "-").map(\.count) == [4, 4, 4, 4])
        #expect(!password.contains { "01lo".contains($0) })
        #expect(try password != SecureRandom.password())
        #expect(try SecureRandom.bytes(0).isEmpty)
        #expect(try SecureRandom.bytes(32) != SecureRandom.bytes(32))
    }

    @Test(arguments: [[], [0], [0, 255], [1, 2, 3], [250, 251, 252, 253]] as [[UInt8]])
    func `Base64 round-trips`(_ bytes: [UInt8]) {
        #expect(Base64.decode(Base64.encode(bytes)[...]) == bytes)
    }

    @Test(arguments: ["A", "AB", "AAAAA", "AA==", "A-", "ä"]) func `Base64 that is not canonical is rejected`(
        _ text: String
    ) {
        #expect(Base64.decode(text[...]) == nil)
    }
}

@Suite struct FingerprintTests {
    let digits = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

    @Test func `every common notation of a fingerprint is read`() throws {
        let pairs = stride(from: 0, to: 64, by: 2).map { String(Array(digits)[$0..<$0 + 2]) }
        let expected = try CertificateFingerprint(digits)
        #expect(expected.description == digits)
        for text in [
            digits.uppercased(), "SHA256:" + digits, "sha256:" + pairs.joined(separator: ":"),
            pairs.joined(separator: ":").uppercased(),
        ] {
            #expect(try CertificateFingerprint(text) == expected)
        }
    }

    @Test(arguments: ["", "SHA256:", "00", ":", "zz", "md5:00"]) func `an invalid fingerprint is rejected`(
        _ prefix: String
    ) {
        #expect(throws: TLSError.malformedFingerprint(prefix)) { try CertificateFingerprint(prefix) }
        let long = digits + prefix + "0"
        #expect(throws: TLSError.malformedFingerprint(long)) { try CertificateFingerprint(long) }
    }
}
