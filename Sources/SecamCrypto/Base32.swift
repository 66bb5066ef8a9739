/// Base32 of RFC 4648 §6 without padding.
package enum Base32 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

    package static func encode(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.digits(ofBits: 5, alphabet), as: UTF8.self)
    }
}

extension [UInt8] {
    /// Returns the bytes as digits of some bits each, the first bits first, of RFC 4648. Zeros fill up the last digit.
    ///
    /// - Parameter alphabet: the characters of the digits.
    func digits(ofBits width: Int, _ alphabet: [UInt8]) -> [UInt8] {
        var digits: [UInt8] = []
        var bits: UInt32 = 0
        var bitCount = 0
        for byte in self {
            bits = bits << 8 | UInt32(byte)
            bitCount += 8
            while bitCount >= width {
                bitCount -= width
                digits.append(alphabet[Int(bits >> UInt32(bitCount)) & (1 << width - 1)])
            }
        }
        if bitCount > 0 { digits.append(alphabet[Int(bits << UInt32(width - bitCount)) & (1 << width - 1)]) }
        return digits
    }
}
