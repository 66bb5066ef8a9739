import SecamBase
import SecamMesh
import SecamRegistry
import SecamTestSupport
import SecamWire
import Testing

/// A model of a registry and its members, with unreliable links and random starts, restarts and ends.
@Suite struct MeshModelTests {
    @Test(arguments: Array(1...12) as [UInt64])
    func `all members know each other once the faults are over`(seed: UInt64) throws {
        var world = try MeshWorld(seed: seed)
        for _ in 0..<1200 { try world.step(troubled: true) }
        for _ in 0..<800 { try world.step(troubled: false) }
        #expect(world.members.values.allSatisfy { $0.state.isJoined })
        for (name, known) in world.rosters { #expect(known == world.alive, "members known to \(name)") }
        #expect(world.registered == world.alive)
        #expect(world.rejoins > 8, "the run contains enough faults")
    }
}

private struct MeshWorld {
    struct Member {
        var state: Membership
        let join: Join
        let key: PublicKey
        /// The current connection to the registry; each break makes a new one.
        var peer: PeerID
        var isConnected = true
        /// Messages under way with their arrival times, in order, as in a TCP connection.
        var toRegistry: [(due: Int64, bytes: [UInt8])] = []
        var toMember: [(due: Int64, bytes: [UInt8])] = []
    }

    private(set) var members: [Name: Member] = [:]
    private(set) var rejoins = 0
    private var random: SeededGenerator
    private var registry: Registry
    private let keyList: KeyList
    private var keys: [Name: PublicKey] = [:]
    private var time: Int64 = 0
    private var nextPeer: UInt64 = 1
    private var nextIncarnation: UInt64 = 100
    private var isRegistryUp = true

    init(seed: UInt64) throws {
        random = SeededGenerator(seed: seed)
        for number in 0..<6 { keys[try Name("camera\(number)")] = PublicKey(bytes: random.bytes(32)) }
        keyList = KeyList(keys.map { .init(key: $0.value, role: .capture, pattern: $0.key.text) })
        registry = try MeshWorld.registry(keyList, 1, at(0))
    }

    private static func registry(_ keyList: KeyList, _ incarnation: UInt64, _ now: MonotonicTime) throws -> Registry {
        let own = Roster.Member(
            role: .gateway, incarnation: incarnation, key: [UInt8](repeating: 1, count: 32), name: try Name("gateway"),
            endpoint: "")
        return Registry(gateway: own, keyList: keyList, now: now, policies: TestPolicies())
    }

    /// Names and incarnations of all running members.
    var alive: Set<String> { Set(members.values.map { "\($0.join.name)/\($0.join.incarnation)" }) }

    var registered: Set<String> { MeshWorld.texts(registry.roster(now: at(time)).members) }

    /// The members that each member knows, including itself.
    var rosters: [(Name, Set<String>)] {
        members.map { name, member in
            (name, MeshWorld.texts(member.state.members).union(["\(name)/\(member.join.incarnation)"]))
        }
    }

    private static func texts(_ members: [Roster.Member]) -> Set<String> {
        Set(members.filter { $0.role != .gateway }.map { "\($0.name)/\($0.incarnation)" })
    }

    /// Advances the time by ten milliseconds.
    mutating func step(troubled: Bool) throws {
        time += 10
        if troubled { try disturb() } else { try restore() }
        for name in members.keys.sorted() {
            if members[name]!.isConnected == false, isRegistryUp, random.chance(percent: 10) { reconnect(name) }
            if time % 50 == 0 { apply(members[name]!.state.tick(figures: [], now: at(time)), of: name) }
            try deliver(name)
        }
        if isRegistryUp, time % 250 == 0 { apply(registry.tick(now: at(time))) }
    }

    private mutating func disturb() throws {
        guard random.chance(percent: 3) else { return }
        let name = keys.keys.sorted().randomElement(using: &random)!
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<4: if members[name] == nil { start(name) }
        case 4: breakLink(name)
        case 5: members[name] = nil
        case 6: if members[name] != nil { start(name) }
        case 7:
            if let member = members.removeValue(forKey: name), member.isConnected, isRegistryUp {
                apply(
                    try registry.receive(
                        Leave().encoded().span, from: member.peer, key: member.key, time: 0, now: at(time)))
            }
        default: isRegistryUp ? stopRegistry() : try startRegistry()
        }
    }

    private mutating func restore() throws {
        if !isRegistryUp { try startRegistry() }
        for name in keys.keys.sorted() where members[name] == nil && time % 1000 == 0 { start(name) }
    }

    private mutating func start(_ name: Name) {
        nextIncarnation += 1
        let join = Join(
            role: .capture, process: 1, incarnation: nextIncarnation, name: name,
            endpoint: "tcp://h:\(nextIncarnation)",
            software: "test")
        members[name] = Member(state: Membership(join), join: join, key: keys[name]!, peer: freshPeer())
        members[name]!.isConnected = isRegistryUp
    }

    private mutating func freshPeer() -> PeerID {
        nextPeer += 1
        return PeerID(number: nextPeer)
    }

    private mutating func breakLink(_ name: Name) {
        members[name]?.isConnected = false
        members[name]?.toRegistry = []
        members[name]?.toMember = []
    }

    private mutating func reconnect(_ name: Name) {
        members[name]!.isConnected = true
        members[name]!.peer = freshPeer()
    }

    private mutating func stopRegistry() {
        isRegistryUp = false
        for name in members.keys { breakLink(name) }
    }

    private mutating func startRegistry() throws {
        isRegistryUp = true
        nextIncarnation += 1
        registry = try MeshWorld.registry(keyList, nextIncarnation, at(time))
    }

    private mutating func deliver(_ name: Name) throws {
        while let member = members[name], let next = member.toRegistry.first, next.due <= time {
            members[name]!.toRegistry.removeFirst()
            apply(try registry.receive(next.bytes.span, from: member.peer, key: member.key, time: 0, now: at(time)))
        }
        while let next = members[name]?.toMember.first, next.due <= time {
            members[name]!.toMember.removeFirst()
            apply(try members[name]!.state.receive(next.bytes.span, now: at(time)), of: name)
        }
    }

    private mutating func apply(_ actions: [Membership.Action], of name: Name) {
        for action in actions {
            if case .joined = action { rejoins += 1 }
            guard case .send(let message) = action else { continue }
            guard members[name]!.isConnected else {
                members[name]!.state.recordUnreachable()
                continue
            }
            let earliest = max(time, members[name]!.toRegistry.last?.due ?? 0)
            members[name]!.toRegistry.append((earliest + .random(in: 0...60, using: &random), message.encoded()))
        }
    }

    private mutating func apply(_ actions: [Registry.Action]) {
        var lost: [PeerID] = []
        for case .send(let message, let peer) in actions {
            guard let name = members.first(where: { $0.value.peer == peer && $0.value.isConnected })?.key else {
                // A lost connection is not always detected at once.
                if random.chance(percent: 80) { lost.append(peer) }
                continue
            }
            let earliest = max(time, members[name]!.toMember.last?.due ?? 0)
            members[name]!.toMember.append((earliest + .random(in: 0...60, using: &random), message.encoded()))
        }
        for peer in lost { apply(registry.lost(peer, now: at(time))) }
    }
}
