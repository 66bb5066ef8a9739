/// Base64 of RFC 4648 §4 in canonical form, by default without padding.
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    package static func encode(_ bytes: [UInt8], padded: Bool = false) -> String {
        var text = bytes.digits(ofBits: 6, alphabet)
        while padded, !text.count.isMultiple(of: 4) { text.append(UInt8(ascii: "=")) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Returns `nil` for an invalid character, an impossible length, or unused bits that are not zero.
    package static func decode(_ text: Substring) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var bitCount = 0
        for character in text.utf8 {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            bits = (bits << 6 | UInt32(value)) & 0xffff
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
            }
        }
        guard bitCount < 6, bits & ((1 << UInt32(bitCount)) - 1) == 0 else { return nil }
        return bytes
    }

    /// Decodes text with its padding, as in HTTP headers.
    package static func decode(padded text: String) -> [UInt8]? {
        let digits = text.prefix { $0 != "=" }
        let padding = text.utf8.count - digits.utf8.count
        guard text.utf8.count.isMultiple(of: 4), padding <= 2, text.hasSuffix(String(repeating: "=", count: padding))
        else { return nil }
        return decode(digits)
    }
}
