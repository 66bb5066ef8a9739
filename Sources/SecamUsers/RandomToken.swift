import SecamBase
import SecamCrypto

/// A random text, or random bytes, by which a device, a session or a tool identifies itself.
enum RandomToken {
    /// Returns the stored form. A plain hash suffices, because the token is random.
    static func hash(_ token: [UInt8]) throws(CryptoError) -> String {
        Hexadecimal.encode(try SHA256Digest.hash(token))
    }
}
