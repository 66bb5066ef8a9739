import SecamBase
import SecamMesh
import SecamSharedMemory
import SecamWire

/// The tickets for a camera's memory file, and the encoders that have mapped it (proto-spec/work.md, "Shared memory").
///
/// A state machine without I/O: time is an argument. Its caller bounds the number of encoders.
struct MemoryOffers {
    /// Time for which a ticket is valid.
    static let ticketLifetime: Duration = .seconds(5)
    /// Time between two offers of one file to an encoder that does not map it.
    static let interval: Duration = .seconds(10)

    private struct Encoder {
        let key: PublicKey
        /// The file that was offered last, and when.
        var offered: (memory: UInt64, time: MonotonicTime)?
        /// The ticket of that offer, unless it was used.
        var ticket: [UInt8]?
        /// The file that it got for a ticket.
        var received: UInt64?
        /// The file that its last GRANT names.
        var mapped: UInt64 = 0
    }

    private var encoders: [PeerID: Encoder] = [:]
    /// The keys whose holders have received the newest file, also those that are no longer connected.
    private var receivers: (memory: UInt64, keys: Set<PublicKey>) = (0, [])

    /// Returns whether an encoder understands sharing.
    var hasEncoders: Bool { !encoders.isEmpty }

    func knows(_ peer: PeerID) -> Bool { encoders[peer] != nil }

    /// Returns whether a file is to be offered to the sender of a GRANT.
    ///
    /// - Parameters:
    ///   - mapped: the file that the GRANT names; 0 for none.
    ///   - memory: the file of the camera; `nil` if there is none.
    mutating func handleGrant(
        from peer: PeerID, key: PublicKey, mapped: UInt64, of memory: UInt64?, now: MonotonicTime
    ) -> Bool {
        encoders[peer, default: Encoder(key: key)].mapped = mapped
        guard let memory, !hasMapped(memory, peer) else { return false }
        guard let offered = encoders[peer]?.offered, offered.memory == memory else { return true }
        return now - offered.time >= MemoryOffers.interval
    }

    /// Records an offer with its ticket, which replaces the encoder's earlier ticket.
    mutating func recordOffer(_ ticket: [UInt8], of memory: UInt64, to peer: PeerID, now: MonotonicTime) {
        encoders[peer]?.offered = (memory, now)
        encoders[peer]?.ticket = ticket
    }

    /// Uses up a ticket.
    ///
    /// - Parameter memory: the camera's present file; no other is handed out.
    /// - Returns: whether the ticket is for this file, and was neither used nor too old.
    mutating func redeem(_ ticket: [UInt8], for memory: UInt64, now: MonotonicTime) -> Bool {
        // All are compared, and each in the same time, so that the time says nothing about them.
        let matches = encoders.filter { $0.value.ticket.map { MemoryOffers.isEqual($0, ticket) } ?? false }
        guard let (peer, encoder) = matches.first, let offered = encoder.offered else { return false }
        encoders[peer]?.ticket = nil
        guard offered.memory == memory, now - offered.time <= MemoryOffers.ticketLifetime else { return false }
        encoders[peer]?.received = memory
        if receivers.memory != memory { receivers = (memory, []) }
        receivers.keys.insert(encoder.key)
        return true
    }

    /// Returns whether an encoder reads pictures from a file: it has received the file, and says that it has mapped it.
    func hasMapped(_ memory: UInt64, _ peer: PeerID) -> Bool {
        guard let encoder = encoders[peer] else { return false }
        return encoder.received == memory && encoder.mapped == memory
    }

    func encodersWithMapping(of memory: UInt64) -> Int { encoders.keys.count { hasMapped(memory, $0) } }

    /// Ends the offers of a file.
    ///
    /// - Returns: the encoders that know of it.
    mutating func withdraw(_ memory: UInt64) -> [PeerID] {
        let informed = encoders.filter { $0.value.offered?.memory == memory }.map(\.key)
        for peer in informed { encoders[peer] = encoders[peer].map { Encoder(key: $0.key) } }
        return informed
    }

    /// Returns whether the holder of such a key has received a file.
    func hasReceiver(of memory: UInt64, where matches: (PublicKey) -> Bool) -> Bool {
        receivers.memory == memory && receivers.keys.contains(where: matches)
    }

    /// Forgets the encoders with such a key, and their tickets.
    mutating func revoke(where matches: (PublicKey) -> Bool) { encoders = encoders.filter { !matches($0.value.key) } }

    /// Forgets encoders that are lost, with their tickets.
    mutating func keep(where isConnected: (PeerID) -> Bool) { encoders = encoders.filter { isConnected($0.key) } }

    private static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
