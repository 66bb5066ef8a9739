internal import CZeroMQ

/// A CURVE public key: 32 bytes, written as 64 hexadecimal digits.
public struct PublicKey: Sendable, Hashable, CustomStringConvertible {
    public let bytes: [UInt8]

    public init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    public init(hexadecimal text: String, what: String) throws(MeshError) {
        bytes = try decodeHexadecimal(text, what: what)
    }

    public var description: String { hexadecimal(bytes) }
}

/// A CURVE key pair. Its description shows the public half only.
public struct KeyPair: Sendable, Equatable, CustomStringConvertible {
    public let publicKey: PublicKey
    let secret: [UInt8]

    /// A new pair from libsodium's random numbers.
    public init() throws(MeshError) {
        guard unsafe zmq_has("curve") == 1 else { throw .curveMissing }
        var publicText = [CChar](repeating: 0, count: 41)
        var secretText = [CChar](repeating: 0, count: 41)
        guard unsafe zmq_curve_keypair(&publicText, &secretText) == 0 else {
            throw .library(call: "zmq_curve_keypair", reason: lastZeroMQError())
        }
        publicKey = PublicKey(bytes: KeyPair.decodeZ85(publicText))!
        secret = KeyPair.decodeZ85(secretText)
    }

    /// A pair that was written down; the public half is worked out, so that the two always fit.
    public init(secretHexadecimal text: String, what: String) throws(MeshError) {
        secret = try decodeHexadecimal(text, what: what)
        var secretText = [CChar](repeating: 0, count: 41)
        var publicText = [CChar](repeating: 0, count: 41)
        guard unsafe zmq_z85_encode(&secretText, secret, 32) != nil,
            unsafe zmq_curve_public(&publicText, secretText) == 0
        else { throw .library(call: "zmq_curve_public", reason: lastZeroMQError()) }
        publicKey = PublicKey(bytes: KeyPair.decodeZ85(publicText))!
    }

    /// For writing to a file that only its owner can read.
    public var secretHexadecimal: String { hexadecimal(secret) }

    public var description: String { publicKey.description }

    private static func decodeZ85(_ text: [CChar]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 32)
        guard unsafe zmq_z85_decode(&bytes, text) != nil else {
            preconditionFailure("libzmq gave a key that it cannot read")
        }
        return bytes
    }
}

func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}

private func decodeHexadecimal(_ text: String, what: String) throws(MeshError) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    guard digits.count == 64, text.utf8.count == 64 else { throw .badKey(what: what) }
    return (0..<32).map { UInt8(digits[2 * $0] << 4 | digits[2 * $0 + 1]) }
}

/// The text of libzmq's last error in this thread; to be taken in the same function as the call that failed.
func lastZeroMQError() -> String {
    let code = zmq_errno()
    return unsafe zmq_strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
}
