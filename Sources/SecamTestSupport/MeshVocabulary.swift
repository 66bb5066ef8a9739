package import SecamBase
package import SecamMesh
package import SecamWire

/// Returns the instant so many milliseconds after the start of a test.
package func at(_ milliseconds: Int64) -> MonotonicTime {
    MonotonicTime(microseconds: 1_000_000_000 + milliseconds * 1000)
}

package func peer(_ number: UInt32) -> PeerID { PeerID(number: UInt64(number)) }

/// Returns a key with 32 equal bytes.
package func key(_ byte: UInt8) -> PublicKey { PublicKey(bytes: [UInt8](repeating: byte, count: 32))! }

package func name(_ text: String) throws -> Name { try Name(text) }

extension MeshMessage {
    package var bytes: [UInt8] { withBytes { [UInt8](copying: $0) } }
}
