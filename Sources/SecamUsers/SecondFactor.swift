package import SecamCrypto
package import SecamWire

/// A user's second factor: one-time codes from an authenticator app, which shares a secret with the gateway (TOTP, RFC
/// 6238: HMAC-SHA-1, 6 digits, 30 s, which every app supports).
package struct SecondFactor: Sendable, Hashable {
    package static let secretLength = 20
    static let digits = 6
    /// The time for which a code is shown, seconds.
    static let period: Int64 = 30
    /// The codes before and after the present one that are accepted, because clocks differ.
    static let tolerance: Int64 = 1

    /// Key of the codes.
    package let secret: [UInt8]

    package init(secret: [UInt8]) {
        precondition(secret.count == SecondFactor.secretLength, "SecondFactor: secret of wrong length")
        self.secret = secret
    }

    package static func random() throws(CryptoError) -> SecondFactor {
        SecondFactor(secret: try SecureRandom.bytes(secretLength))
    }

    /// Returns the code of a step: the number of periods since 1970.
    func code(ofStep step: Int64) throws(CryptoError) -> String {
        let message = (0..<8).reversed().map { UInt8(truncatingIfNeeded: step >> (8 * Int64($0))) }
        let digest = try HMACSHA1.code(for: message, key: secret)
        // Dynamic truncation, RFC 4226 section 5.3.
        let offset = Int(digest[digest.count - 1] & 15)
        let number = digest[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
        let text = String(number % 1_000_000)
        return String(repeating: "0", count: SecondFactor.digits - text.count) + text
    }

    /// Returns the step of a code that is accepted at a time; `nil` for a wrong code. Spaces do not count.
    ///
    /// - Parameter time: UTC microseconds.
    package func step(ofCode code: String, at time: Int64) throws(CryptoError) -> Int64? {
        let digits = Array(code.filter { $0 != " " }.utf8)
        let present = time / 1_000_000 / SecondFactor.period
        var found: Int64?
        // All steps are compared, so that the time tells nothing.
        for step in max(0, present - SecondFactor.tolerance)...max(0, present + SecondFactor.tolerance)
        where equalInConstantTime(digits, Array(try self.code(ofStep: step).utf8)) {
            found = step
        }
        return found
    }

    /// The secret as authenticator apps accept it when it is typed: Base32 of RFC 4648, in groups of four.
    package var typedSecret: String {
        let text = Array(Base32.encode(secret))
        return stride(from: 0, to: text.count, by: 4).map { String(text[$0..<min($0 + 4, text.count)]) }
            .joined(separator: " ")
    }

    /// The address that authenticator apps read from a QR code.
    package func address(of user: Name) -> String {
        let label = user.text.utf8.map { byte in
            let isPlain =
                UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
                || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
            guard !isPlain else { return String(decoding: [byte], as: UTF8.self) }
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.count < 2 ? "0" : "") + digits
        }.joined()
        return "otpauth://totp/secam:\(label)?secret=\(Base32.encode(secret))&issuer=secam"
    }
}

/// Codes that replace the second factor once each, for a user who has lost it.
package enum RecoveryCodes {
    package static let count = 10
    /// Random bytes of a code. They are enough that a hash without salt cannot be reversed.
    private static let byteCount = 10

    /// Returns new codes, such as `abcd-efgh-ijkl-mnop`.
    package static func random() throws(CryptoError) -> [String] {
        var codes: [String] = []
        for _ in 0..<count {
            let text = Array(Base32.encode(try SecureRandom.bytes(byteCount)).lowercased())
            codes.append(
                stride(from: 0, to: text.count, by: 4).map { String(text[$0..<$0 + 4]) }.joined(separator: "-"))
        }
        return codes
    }

    /// Returns the hash that is stored in place of a code. Case, spaces and hyphens do not count.
    static func hash(_ code: String) throws(CryptoError) -> [UInt8] {
        let digits = code.lowercased().filter { $0 != "-" && $0 != " " }
        return try SHA256Digest.hash(Array("secam recovery code \(digits)".utf8))
    }
}
