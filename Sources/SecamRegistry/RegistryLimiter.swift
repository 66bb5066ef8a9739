import SecamMesh
import SecamWire

/// The rates at which the registry handles messages and broadcasts rosters. They apply to every key holder, joined or not.
struct RegistryLimiter: Sendable {
    private let limits: Registry.Limits
    // Counts since the last tick.
    private var messages: [PeerID: Int] = [:]
    private var messagesOfKey: [PublicKey: Int] = [:]
    private var joins: [PublicKey: Int] = [:]
    /// Members whose repeated JOIN was answered: each answer is a whole roster.
    private var repeatedJoins: Set<PeerID> = []
    private var statusRequests: [PublicKey: Int] = [:]
    // Counts since the last beat.
    private var broadcasts = 0
    private var broadcastEntries = 0

    init(_ limits: Registry.Limits) { self.limits = limits }

    /// Counts a message.
    ///
    /// - Parameter isSignOfLife: whether it is a member's beat, which counts only for its own connection: other holders of
    ///   its key must not silence it.
    mutating func admitsMessage(from peer: PeerID, key: PublicKey, isSignOfLife: Bool) -> Bool {
        messages[peer, default: 0] += 1
        messagesOfKey[key, default: 0] += 1
        return messages[peer]! <= limits.messages && (isSignOfLife || messagesOfKey[key]! <= limits.messagesOfKey)
    }

    /// Counts the join of a new member.
    mutating func admitsJoin(with key: PublicKey) -> Bool {
        joins[key, default: 0] += 1
        return joins[key]! <= limits.joins
    }

    /// Counts the repeated JOIN of a member.
    mutating func admitsRepeatedJoin(of peer: PeerID) -> Bool { repeatedJoins.insert(peer).inserted }

    mutating func admitsStatusRequest(from key: PublicKey) -> Bool {
        statusRequests[key, default: 0] += 1
        return statusRequests[key]! <= limits.statusRequests
    }

    /// Counts a broadcast of the roster, if it is admitted.
    mutating func admitsBroadcast(toMembers count: Int) -> Bool {
        let cost = count * (count + 1)
        guard broadcasts < limits.broadcasts,
            broadcasts == 0 || broadcastEntries + cost <= limits.broadcastEntries
        else { return false }
        broadcasts += 1
        broadcastEntries += cost
        return true
    }

    mutating func beginTick() {
        messages.removeAll(keepingCapacity: true)
        messagesOfKey.removeAll(keepingCapacity: true)
        joins.removeAll(keepingCapacity: true)
        repeatedJoins.removeAll(keepingCapacity: true)
        statusRequests.removeAll(keepingCapacity: true)
    }

    mutating func beginBeat() {
        broadcasts = 0
        broadcastEntries = 0
    }
}
