import CSodium
import SecamMesh

/// What a camera's spool is encrypted with: made of its own secret key, so that nobody else can read it and nothing else
/// has to be kept.
struct SpoolKey: Sendable {
    let bytes: [UInt8]
    /// Names the folder: another one for each camera, and after each change of the key.
    let name: String

    init(_ keys: KeyPair) {
        let secret = Array(keys.secretHexadecimal.utf8)
        bytes = SpoolKey.derive("secam spool", from: secret)
        name = "\(keys.publicKey)".prefix(16).lowercased()
    }

    private static func derive(_ purpose: String, from secret: [UInt8]) -> [UInt8] {
        var key = [UInt8](repeating: 0, count: Int(crypto_secretstream_xchacha20poly1305_KEYBYTES))
        let purpose = Array(purpose.utf8)
        let status = unsafe crypto_generichash(
            &key, key.count, purpose, UInt64(purpose.count), secret, secret.count)
        precondition(status == 0, "the lengths are what libsodium takes")
        return key
    }
}
