/// Numbers at the limits of types and of the protocol, for messages of hostile peers.
package enum ExtremeNumbers {
    package static let all: [UInt64] = [
        0, 1, 2, 0x7f, 0xff, 0x7fff, 0xffff, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 48, 1 << 48 + 1, (1 << 61) - 1,
        1 << 61, 1 << 61 + 1, 1 << 62, 0x7fff_ffff_ffff_ffff, 1 << 63, 1 << 63 + 1, UInt64(bitPattern: -(1 << 61)),
        UInt64(bitPattern: -(1 << 61) - 1), .max - 1, .max,
    ]

    /// Size of the envelope and of the length of the fields, bytes, which are kept.
    private static let header = 8

    /// Returns the message with one or two numbers of its body replaced by extreme ones.
    package static func replacing(in message: [UInt8], using random: inout SeededGenerator) -> [UInt8] {
        var bytes = message
        for _ in 0..<Int.random(in: 1...2, using: &random) {
            let width = [1, 2, 4, 8, 8, 8].randomElement(using: &random) ?? 8
            guard bytes.count - header >= width else { continue }
            let place = Int.random(in: header...bytes.count - width, using: &random)
            let number = all.randomElement(using: &random) ?? 0
            for index in 0..<width { bytes[place + index] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(index))) }
        }
        return bytes
    }
}
