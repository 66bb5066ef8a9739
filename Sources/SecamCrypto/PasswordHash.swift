import COpenSSL

/// Passwords as scrypt hashes (RFC 7914), written `$scrypt$ln=15,r=8,p=1$salt$hash` with salt and hash in Base64
/// without padding. A password is its UTF-8 bytes, as given.
///
/// A hash deliberately takes about 32 MiB and a tenth of a second. Never compute one on an event loop or on Swift's
/// cooperative threads, and limit how many run at once.
package enum PasswordHash {
    /// Maximum password length; longer passwords are rejected before any work.
    package static let maximumPasswordBytes = 1024

    /// Returns the encoded hash of `password` with a new salt.
    package static func hash(_ password: String) throws(CryptoError) -> String {
        let salt = try SecureRandom.bytes(saltBytes)
        // Hashed in place where the string has contiguous bytes, so that no copy is left behind.
        var password = password
        let result = password.withUTF8 { bytes in
            Result { () throws(CryptoError) in
                try unsafe scrypt(UnsafeRawBufferPointer(bytes), salt: salt, cost: .standard, count: hashBytes)
            }
        }
        return Encoded(cost: .standard, salt: salt, hash: try result.get()).description
    }

    /// Returns whether `password` matches a hash, without copying it.
    ///
    /// - Throws: `CryptoError.malformedPasswordHash` when `encoded` is invalid or exceeds the limits.
    package static func verify(_ password: UnsafeRawBufferPointer, against encoded: String) throws(CryptoError) -> Bool
    {
        let expected = try Encoded(encoded)
        let hash = try unsafe scrypt(password, salt: expected.salt, cost: expected.cost, count: expected.hash.count)
        return equalInConstantTime(hash, expected.hash)
    }

    /// Returns a hash that matches no password. Verifying against it takes as long as against a real one, so an unknown
    /// user cannot be told from a wrong password.
    package static func dummy() throws(CryptoError) -> String {
        Encoded(
            cost: .standard, salt: try SecureRandom.bytes(saltBytes), hash: try SecureRandom.bytes(hashBytes)
        ).description
    }

    private static let saltBytes = 16
    private static let hashBytes = 32
}

extension PasswordHash {
    /// Parameters of scrypt; N is 2 to the power of `logarithm`.
    struct Cost: Equatable {
        var logarithm: UInt64
        var blockSize: UInt64
        var parallelism: UInt64

        static let standard = Cost(logarithm: 15, blockSize: 8, parallelism: 1)

        /// Limits of a stored hash: 128 MiB, and 16 times the standard work.
        static let maximumMemory: UInt64 = 128 << 20
        static let maximumWork: UInt64 = 16 * 128 * 8 << 15
        /// Includes OpenSSL's smaller buffers.
        static let openSSLMemory = maximumMemory + (1 << 20)

        /// Size of the table that scrypt fills, bytes.
        var memory: UInt64 { 128 * blockSize << logarithm }

        var isWithinLimits: Bool {
            (1...20).contains(logarithm) && (1...32).contains(blockSize) && (1...16).contains(parallelism)
                && memory <= Self.maximumMemory && memory * parallelism <= Self.maximumWork
        }
    }

    static func scrypt(
        _ password: UnsafeRawBufferPointer, salt: [UInt8], cost: Cost, count: Int
    ) throws(CryptoError) -> [UInt8] {
        guard password.count <= maximumPasswordBytes else {
            throw .passwordTooLong(limit: maximumPasswordBytes)
        }
        OpenSSLQueue.clear()
        var key = [UInt8](repeating: 0, count: count)
        let result = unsafe EVP_PBE_scrypt(
            password.baseAddress?.assumingMemoryBound(to: CChar.self), password.count, salt, salt.count,
            1 << cost.logarithm, cost.blockSize, cost.parallelism, Cost.openSSLMemory, &key, count)
        try OpenSSLQueue.check(result, "hash a password with scrypt")
        return key
    }

    /// The parsed parts of an encoded hash.
    struct Encoded: CustomStringConvertible {
        var cost: Cost
        var salt: [UInt8]
        var hash: [UInt8]

        init(cost: Cost, salt: [UInt8], hash: [UInt8]) {
            self.cost = cost
            self.salt = salt
            self.hash = hash
        }

        init(_ text: String) throws(CryptoError) {
            guard text.utf8.count <= 512 else { throw .malformedPasswordHash("it has more than 512 bytes") }
            let parts = text.split(separator: "$", omittingEmptySubsequences: false)
            guard parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt" else {
                throw .malformedPasswordHash("it does not have the form $scrypt$ln=15,r=8,p=1$salt$hash")
            }
            let numbers = parts[2].split(separator: ",", omittingEmptySubsequences: false)
            guard numbers.count == 3, let logarithm = Self.number(numbers[0], named: "ln="),
                let blockSize = Self.number(numbers[1], named: "r="),
                let parallelism = Self.number(numbers[2], named: "p=")
            else {
                throw .malformedPasswordHash("its parameters do not have the form ln=15,r=8,p=1")
            }
            cost = Cost(logarithm: logarithm, blockSize: blockSize, parallelism: parallelism)
            guard cost.isWithinLimits else {
                throw .malformedPasswordHash("its parameters \(parts[2]) are out of the limits")
            }
            guard let salt = Base64.decode(parts[3]), let hash = Base64.decode(parts[4]),
                (8...64).contains(salt.count), (16...64).contains(hash.count)
            else {
                throw .malformedPasswordHash("salt or hash is not Base64 of the right length")
            }
            self.salt = salt
            self.hash = hash
        }

        var description: String {
            "$scrypt$ln=\(cost.logarithm),r=\(cost.blockSize),p=\(cost.parallelism)"
                + "$\(Base64.encode(salt))$\(Base64.encode(hash))"
        }

        /// Accepts digits only, without the sign that `UInt64` would accept.
        private static func number(_ field: Substring, named name: String) -> UInt64? {
            guard field.hasPrefix(name) else { return nil }
            let digits = field.dropFirst(name.count)
            guard digits.utf8.count <= 3, digits.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
            return UInt64(digits)
        }
    }
}
