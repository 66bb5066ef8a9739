package import SecamBase
package import SecamMesh
package import SecamWire

/// The instant that many milliseconds after the start of a test.
package func at(_ milliseconds: Int64) -> MonotonicTime {
    MonotonicTime(microseconds: 1_000_000_000 + milliseconds * 1000)
}

package func peer(_ number: UInt32) -> PeerID { PeerID(number: UInt64(number)) }

/// A key whose 32 bytes all have this value.
package func key(_ byte: UInt8) -> PublicKey { PublicKey(bytes: [UInt8](repeating: byte, count: 32))! }

package func name(_ text: String) throws -> Name { try Name(text) }

extension MeshMessage {
    package var bytes: [UInt8] { withBytes { [UInt8](copying: $0) } }
}
