import CZeroMQ
import SecamBase

/// A CURVE public key: 32 bytes, written as 64 hexadecimal digits.
package struct PublicKey: Sendable, Hashable, CustomStringConvertible {
    package let bytes: [UInt8]

    package init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    package init(hexadecimal text: String, what: String) throws(MeshError) {
        bytes = try decodeHexadecimal(text, what: what)
    }

    package var description: String { Hexadecimal.encode(bytes) }
}

/// A CURVE key pair. Its description shows only the public key.
package struct KeyPair: Sendable, Equatable, CustomStringConvertible {
    package let publicKey: PublicKey
    let secret: [UInt8]

    /// Creates a new pair from libsodium's random numbers.
    package init() throws(MeshError) {
        guard unsafe zmq_has("curve") == 1 else { throw .curveMissing }
        var publicText = [CChar](repeating: 0, count: 41)
        var secretText = [CChar](repeating: 0, count: 41)
        guard unsafe zmq_curve_keypair(&publicText, &secretText) == 0 else {
            throw .library(call: "zmq_curve_keypair", reason: lastZeroMQError())
        }
        publicKey = PublicKey(bytes: KeyPair.decodeZ85(publicText))!
        secret = KeyPair.decodeZ85(secretText)
    }

    /// Creates a pair from a stored secret key; the public key is derived, so the two always match.
    package init(secretHexadecimal text: String, what: String) throws(MeshError) {
        secret = try decodeHexadecimal(text, what: what)
        var secretText = [CChar](repeating: 0, count: 41)
        var publicText = [CChar](repeating: 0, count: 41)
        guard unsafe zmq_z85_encode(&secretText, secret, 32) != nil,
            unsafe zmq_curve_public(&publicText, secretText) == 0
        else { throw .library(call: "zmq_curve_public", reason: lastZeroMQError()) }
        publicKey = PublicKey(bytes: KeyPair.decodeZ85(publicText))!
    }

    /// The secret key as 64 hexadecimal digits, for a file that only its owner can read.
    package var secretHexadecimal: String { Hexadecimal.encode(secret) }

    package var description: String { publicKey.description }

    private static func decodeZ85(_ text: [CChar]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 32)
        guard unsafe zmq_z85_decode(&bytes, text) != nil else {
            preconditionFailure("libzmq made a key that it cannot decode")
        }
        return bytes
    }
}

private func decodeHexadecimal(_ text: String, what: String) throws(MeshError) -> [UInt8] {
    guard let bytes = Hexadecimal.decode(text), bytes.count == 32 else { throw .badKey(what: what) }
    return bytes
}

/// Returns the text of this thread's last libzmq error. Call it in the same function as the call that failed.
func lastZeroMQError() -> String {
    let code = zmq_errno()
    return unsafe zmq_strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
}
