/// A connection of a listening socket. Its number is unique within the process.
package struct PeerID: Sendable, Hashable, CustomStringConvertible {
    package let number: UInt64

    package init(number: UInt64) { self.number = number }

    package var description: String { "peer \(number)" }
}

/// Assigns and recognizes the routing ids of a context's connections. An id is eight random bytes, the same for all,
/// which keep peers from guessing an id, and the connection's number, most significant byte first.
struct RoutingIDs {
    static let byteCount = 16
    private static let secretCount = 8

    private let secret: [UInt8]
    /// The number of the next connection.
    private(set) var nextNumber: UInt64 = 0

    init() {
        var random = SystemRandomNumberGenerator()
        secret = (0..<RoutingIDs.secretCount).map { _ in random.next() }
    }

    mutating func next() -> [UInt8] {
        defer { nextNumber += 1 }
        return bytes(PeerID(number: nextNumber))
    }

    func bytes(_ peer: PeerID) -> [UInt8] {
        secret + (0..<8).map { UInt8(truncatingIfNeeded: peer.number >> (56 - 8 * $0)) }
    }

    /// Returns the peer of an id; `nil` for an id that was not assigned here.
    func peer(_ bytes: Span<UInt8>) -> PeerID? {
        guard bytes.count == RoutingIDs.byteCount,
            secret.indices.allSatisfy({ bytes[$0] == secret[$0] })
        else { return nil }
        let number = (RoutingIDs.secretCount..<RoutingIDs.byteCount).reduce(0) { $0 << 8 | UInt64(bytes[$1]) }
        return number < nextNumber ? PeerID(number: number) : nil
    }
}
