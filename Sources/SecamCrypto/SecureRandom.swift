import COpenSSL

package enum SecureRandom {
    /// Returns random bytes from OpenSSL's generator, which the kernel seeds.
    package static func bytes(_ count: Int) throws(CryptoError) -> [UInt8] {
        precondition(count >= 0 && count <= Int(CInt.max), "SecureRandom.bytes: count out of range")
        OpenSSLQueue.clear()
        var bytes = [UInt8](repeating: 0, count: count)
        try OpenSSLQueue.check(unsafe RAND_bytes(&bytes, CInt(count)), "make random bytes")
        return bytes
    }

    /// Returns a password that is easy to read aloud and type, such as `k7mq-2xwd-h9tc-zb4f`: 80 bits in 16 characters.
    package static func password() throws(CryptoError) -> String {
        let characters = try bytes(16).map { alphabet[Int($0) & 31] }
        let groups = stride(from: 0, to: characters.count, by: 4).map { characters[$0..<$0 + 4] }
        return String(decoding: Array(groups.joined(separator: [UInt8(ascii: "-")])), as: UTF8.self)
    }

    /// 32 characters, each for 5 bits, without the easily confused 0, 1, l and o.
    private static let alphabet = Array("abcdefghijkmnpqrstuvwxyz23456789".utf8)
}
