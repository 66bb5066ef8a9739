import CSodium
import SecamMesh

/// The encryption key of a camera's spool. It is derived from the camera's secret key, so that only the camera can read
/// the spool and no other secret has to be stored.
struct SpoolKey: Sendable {
    let bytes: [UInt8]
    /// Name of the spool's folder; differs between cameras, and after a change of the camera's key.
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
        precondition(status == 0, "libsodium rejected a key length")
        return key
    }
}
