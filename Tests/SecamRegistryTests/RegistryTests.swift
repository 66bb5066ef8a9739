import SecamMesh
import SecamRegistry
import SecamTestSupport
import SecamWire
import Testing

@Suite struct RegistryTests {
    private let keys: [PublicKey]

    init() throws {
        var random = SeededGenerator(seed: 1)
        keys = (0..<4).compactMap { _ in PublicKey(bytes: random.bytes(32)) }
    }

    /// Returns a registry that admits camera `porch` with key 0, any `encode-…` with key 1, and camera `yard` with key
    /// 2.
    private func registry(
        _ limits: Registry.Limits = .init(),
        advertisedHosts: [String] = ["h", "127.0.0.1", "fe80::1%eth0", "capture-porch_1.home"],
        expected: MemberCount? = nil
    ) throws -> Registry {
        try registry(
            admitting: [
                .init(key: keys[0], role: .capture, pattern: "porch"),
                .init(key: keys[1], role: .encode, pattern: "encode-*"),
                .init(key: keys[2], role: .capture, pattern: "yard"),
            ], limits, policies: TestPolicies(advertisedHosts: advertisedHosts), expected: expected)
    }

    private func registry(
        admitting admitted: [KeyList.Entry], _ limits: Registry.Limits = .init(),
        policies: TestPolicies = TestPolicies(), expected: MemberCount? = nil
    ) throws -> Registry {
        Registry(
            gateway: Roster.Member(
                role: .gateway, incarnation: 9, key: keys[3].bytes, name: try Name("gateway"), endpoint: ""),
            keyList: KeyList(admitted), limits: limits, now: at(0), policies: policies, expected: expected)
    }

    private func join(_ role: Role, _ text: String, incarnation: UInt64 = 1, endpoint: String? = nil) throws -> Join {
        Join(
            role: role, process: 7, incarnation: incarnation, name: try Name(text),
            endpoint: endpoint ?? (role == .capture ? "tcp://h:1" : ""), software: "test")
    }

    @Test func `a joining service gets the roster and all members learn of it`() throws {
        var registry = try registry()
        let first = try hear(&registry, try join(.capture, "porch", endpoint: "tcp://h:1"), 1, keys[0])
        #expect(first == ["joined porch", "ROSTER 1 settling [gateway porch] to 1", "changed", "POLICY porch to 1"])
        let second = try hear(&registry, try join(.encode, "encode-a"), 2, keys[1])
        #expect(second.first == "joined encode-a")
        #expect(
            Set(second.dropFirst()) == [
                "ROSTER 2 settling [gateway encode-a porch] to 1", "ROSTER 2 settling [gateway encode-a porch] to 2",
                "changed",
            ])
        let entry = registry.roster(now: at(1)).members.first { $0.name.text == "porch" }
        #expect(entry?.endpoint == "tcp://h:1" && entry?.key == keys[0].bytes && entry?.role == .capture)
    }

    @Test func `the registry stops settling when all earlier members are back`() throws {
        #expect(try !registry(expected: MemberCount()).isSettling(at(0)), "no earlier members")
        var before = try registry()
        _ = try hear(&before, try join(.capture, "porch"), 1, keys[0])
        _ = try hear(&before, try join(.encode, "encode-a"), 2, keys[1])
        let text = before.memberCount.text
        #expect(text == "capture 1\nencode 1\n")
        var after = try registry(expected: MemberCount(parsing: text + "nonsense\ncapture x\n"))
        #expect(after.isSettling(at(1)))
        _ = try hear(&after, try join(.encode, "encode-b"), 1, keys[1])
        #expect(after.isSettling(at(1)))
        _ = try hear(&after, try join(.capture, "yard"), 2, keys[2])
        #expect(!after.isSettling(at(1)), "as many of each role as before")
        #expect(after.roster(now: at(1)).settling == false)
    }

    @Test(arguments: [
        ("encode-host-1", nil), ("porch@host-1", "porch"), ("porch@x @y", "porch@x "), ("porch@x@1", "porch@x"),
    ])
    func `a dedicated encoder's key is valid for no other name`(name: String, camera: String?) throws {
        #expect(DedicatedEncoders.camera(ofEncoder: try Name(name)) == camera)
    }

    @Test func `one key joins a limited number of dedicated encoders`() throws {
        var limits = Registry.Limits()
        limits.dedicatedEncoders = 2
        var registry = try registry(admitting: [.init(key: keys[0], role: .encode, pattern: "porch@*")], limits)
        for number in 1...2 {
            let heard = try hear(&registry, try join(.encode, "porch@\(number)"), UInt32(number), keys[0])
            #expect(heard.first == "joined porch@\(number)")
        }
        #expect(
            try hear(&registry, try join(.encode, "porch@3"), 3, keys[0]) == ["REFUSED tooMany to 3", "refused"])
    }

    @Test func `constant joining and leaving is broadcast with the ticks`() throws {
        var limits = Registry.Limits()
        limits.broadcasts = 3
        limits.joins = 100
        var registry = try registry(limits)
        _ = try hear(&registry, try join(.capture, "porch"), 1, keys[0])
        var rosters = 0
        for round in 1...20 {
            let come = try hear(&registry, try join(.encode, "encode-a", incarnation: UInt64(round)), 2, keys[1])
            let go = try hear(&registry, Leave(), 2, keys[1])
            rosters += (come + go).count { $0.hasPrefix("ROSTER") && $0.hasSuffix(" to 1") }
        }
        #expect(rosters == 2)
        let late = describe(registry.tick(now: at(250))).filter { $0.hasPrefix("ROSTER") }
        #expect(late == ["ROSTER 41 settling [gateway porch] to 1"], "the delayed roster is sent at last")
    }

    @Test func `large rosters are broadcast less often, and the last one always`() throws {
        var limits = Registry.Limits()
        limits.broadcastEntries = 30
        limits.joins = 100
        var registry = try registry(limits)
        var rosters = 0
        for number in 1...9 as ClosedRange<UInt32> {
            rosters += try hear(&registry, try join(.encode, "encode-\(number)"), number, keys[1])
                .count { $0.hasPrefix("ROSTER") }
        }
        #expect(rosters == 1 + 2 + 3, "1 x 2, 2 x 3 and 3 x 4 members are 20; the next 20 are too many")
        let late = describe(registry.tick(now: at(250))).filter { $0.hasPrefix("ROSTER") }
        #expect(late.count == 9 && late.allSatisfy { $0.contains("encode-9") })
        #expect(describe(registry.tick(now: at(500))).allSatisfy { !$0.hasPrefix("ROSTER") })
    }

    @Test func `one key joins a limited number of services between two ticks`() throws {
        var limits = Registry.Limits()
        limits.joins = 2
        var registry = try registry(limits)
        for number in 1...3 {
            let heard = try hear(&registry, try join(.encode, "encode-\(number)"), UInt32(number), keys[1])
            #expect(heard.isEmpty == (number == 3))
        }
        _ = registry.tick(now: at(250))
        #expect(try hear(&registry, try join(.encode, "encode-3"), 3, keys[1]).first == "joined encode-3")
    }

    @Test func `an operator's JOIN is told that its role does not join`() throws {
        var registry = try registry(admitting: [.init(key: keys[0], role: .operator, pattern: "operator")])
        let message = try join(.operator, "operator").encoded()
        let actions = try registry.receive(message.span, from: peer(1), key: keys[0], time: 0, now: at(0))
        guard case .send(let refusal as Refused, _)? = actions.first else { throw TestFailure("no REFUSED") }
        #expect(refusal.reason == .wrongRole && refusal.detail == "the role operator does not join")
    }

    @Test func `a BEAT with another incarnation is refused, and its sender remains a member`() throws {
        var registry = try registry()
        _ = try hear(&registry, try join(.capture, "porch"), 1, keys[0])
        #expect(try hear(&registry, Beat(incarnation: 2, figures: []), 1, keys[0]) == ["REFUSED notJoined to 1"])
        #expect(try hear(&registry, Beat(incarnation: 1, figures: []), 1, keys[0]) == [])
    }

    @Test(arguments: [
        "tcp://a b:5", "tcp://127.0.0.1;1.2.3.4:5", "tcp://:5", "tcp://:::5", "tcp://a@b:5", "tcp://[::1:5",
        "tcp://h:0",
    ])
    func `an endpoint that is not a host and a port is refused`(endpoint: String) throws {
        var registry = try registry()
        let heard = try hear(&registry, try join(.capture, "porch", endpoint: endpoint), 1, keys[0])
        #expect(heard == ["REFUSED wrongRole to 1", "refused"])
    }

    @Test(arguments: ["tcp://127.0.0.1:5", "tcp://[fe80::1%eth0]:5", "tcp://capture-porch_1.home:65535"])
    func `an endpoint may contain a name or an address`(endpoint: String) throws {
        var registry = try registry()
        let heard = try hear(&registry, try join(.capture, "porch", endpoint: endpoint), 1, keys[0])
        #expect(heard.first == "joined porch")
    }

    @Test func `a camera with a name like a dedicated encoder's is refused`() throws {
        var registry = try registry(admitting: [.init(key: keys[0], role: .capture, pattern: "porch@x")])
        #expect(
            try hear(&registry, try join(.capture, "porch@x"), 1, keys[0]) == ["REFUSED wrongRole to 1", "refused"])
    }

    @Test func `a member that can only dial out is reached at the gateway's port`() throws {
        var registry = try registry()
        _ = try hear(&registry, try join(.capture, "porch", endpoint: "relay"), 1, keys[0])
        let porch = try Name("porch")
        func endpoint() -> String? { registry.roster(now: at(1)).members.first { $0.name == porch }?.endpoint }
        #expect(endpoint() == "", "unreachable without a port")
        #expect(registry.relayed.map(\.name) == [porch])
        #expect(
            registry.setRelayPort(7000, for: porch, .capture, incarnation: 2, now: at(1)).isEmpty, "another incarnation"
        )
        #expect(
            describe(registry.setRelayPort(7000, for: porch, .capture, incarnation: 1, now: at(1))).contains("changed"))
        #expect(endpoint() == "relay:7000")
        let call = registry.call(porch, .capture, ticket: [UInt8](repeating: 5, count: 32))
        #expect(describe(call).map { $0.hasPrefix("Call") && $0.hasSuffix(" to 1") } == [true], "\(describe(call))")
        _ = try hear(&registry, try join(.capture, "yard"), 2, keys[2])
        let direct = registry.call(try Name("yard"), .capture, ticket: [UInt8](repeating: 5, count: 32))
        #expect(direct.isEmpty, "a direct endpoint")
        // A new connection keeps the port.
        _ = try hear(&registry, try join(.capture, "porch", endpoint: "relay"), 3, keys[0])
        #expect(endpoint() == "relay:7000")
    }

    @Test(arguments: [
        ("relay:7000", "tcp://home:7444", "tcp://home:7000"), ("tcp://h:1", "tcp://home:7444", "tcp://h:1"),
        ("", "tcp://home:1", ""),
    ])
    func `a relay port is resolved with the registry's host`(endpoint: String, registry: String, expected: String) {
        #expect(Relay.resolve(endpoint, registry: registry) == expected)
    }

    @Test(arguments: [
        (Role.capture, "yard", 0), (.encode, "porch", 0), (.capture, "encode-a", 1), (.encode, "other", 1),
        (.gateway, "gateway", 0), (.operator, "operator", 0),
    ])
    func `a key joins only with its own role and name`(role: Role, name: String, key: Int) throws {
        var registry = try registry()
        let actions = try hear(&registry, try join(role, name), 1, keys[key])
        #expect(actions == ["REFUSED wrongRole to 1", "refused"])
        #expect(registry.roster(now: at(0)).members.count == 1)
    }

    @Test func `an unknown key is refused for every message`() throws {
        var registry = try registry()
        #expect(try hear(&registry, try join(.capture, "porch"), 1, keys[3]) == ["refused"])
        #expect(try hear(&registry, Leave(), 1, keys[3]) == ["refused"])
    }

    @Test func `of two services with one name the first keeps it`() throws {
        var registry = try registry()
        _ = try hear(&registry, try join(.capture, "porch", incarnation: 1), 1, keys[0])
        let actions = try hear(&registry, try join(.capture, "porch", incarnation: 2), 2, keys[0])
        #expect(actions == ["BEAT to 1", "REFUSED nameTaken to 2", "refused"])
        // The first service turns out to be gone, so the next attempt succeeds.
        _ = registry.lost(peer(1), now: at(10))
        #expect(try hear(&registry, try join(.capture, "porch", incarnation: 2), 2, keys[0]).first == "joined porch")
    }

    @Test func `two roles may share a name`() throws {
        var registry = try registry(admitting: [
            .init(key: keys[0], role: .capture, pattern: "porch"), .init(key: keys[1], role: .motion, pattern: "*"),
        ])
        _ = try hear(&registry, try join(.capture, "porch"), 1, keys[0])
        #expect(try hear(&registry, try join(.motion, "porch"), 2, keys[1]).first == "joined porch")
    }

    @Test func `a pool's worker cannot take a name that binds its key to one camera`() throws {
        var registry = try registry()
        let heard = try hear(&registry, try join(.encode, "encode-!@x"), 1, keys[1])
        #expect(heard == ["REFUSED wrongRole to 1", "refused"])
    }

    @Test func `a member's beats count whatever other holders of its key send`() throws {
        var limits = Registry.Limits()
        limits.messagesOfKey = 5
        var registry = try registry(limits)
        _ = try hear(&registry, try join(.encode, "encode-a"), 1, keys[1])
        for _ in 0..<20 { _ = try hear(&registry, Beat(incarnation: 999, figures: []), 2, keys[1]) }
        _ = try hear(&registry, Beat(incarnation: 1, figures: [Figure(.jobsDone, 7)]), 1, keys[1])
        let status = registry.status(figures: [], time: 0, joined: 0, process: 1, now: at(0))
        #expect(status.members.last?[.jobsDone] == 7)
    }

    @Test func `the same service on a new connection replaces the old one once that is silent`() throws {
        var registry = try registry()
        _ = try hear(&registry, try join(.capture, "porch", incarnation: 5), 1, keys[0])
        let early = try hear(&registry, try join(.capture, "porch", incarnation: 5), 2, keys[0], now: 1000)
        #expect(early == ["BEAT to 1", "REFUSED nameTaken to 2", "refused"], "the first connection may be alive")
        let actions = try hear(&registry, try join(.capture, "porch", incarnation: 5), 2, keys[0], now: 1600)
        #expect(
            actions == ["ROSTER 1 settling [gateway porch] to 2", "POLICY porch to 2"],
            "nothing has changed for the others")
        #expect(registry.roster(now: at(0)).members.count == 2)
        #expect(try hear(&registry, Beat(incarnation: 5, figures: []), 1, keys[0]) == ["REFUSED notJoined to 1"])
        #expect(try hear(&registry, Beat(incarnation: 5, figures: []), 2, keys[0]) == [])
    }

    @Test func `a registry that was suspended does not remove its members`() throws {
        var registry = try registry()
        _ = try hear(&registry, try join(.capture, "porch"), 1, keys[0])
        _ = tick(&registry, 4500)
        _ = try hear(&registry, Beat(incarnation: 1, figures: []), 1, keys[0], now: 4500)
        #expect(!describe(registry.tick(now: at(20_000))).contains { $0.hasPrefix("left") })
        #expect(registry.roster(now: at(20_000)).settling, "others may not have come back yet")
    }

    @Test(arguments: ["ipc:///tmp/x", "tcp://h", "tcp://h:0", "inproc://zeromq.zap.01", ""])
    func `an endpoint that is not an address is refused`(endpoint: String) throws {
        var registry = try registry()
        let actions = try hear(&registry, try join(.capture, "porch", endpoint: endpoint), 1, keys[0])
        #expect(actions == ["REFUSED wrongRole to 1", "refused"])
    }

    @Test(arguments: [
        ("tcp://192.0.2.7:7001", "192.0.2.7"), ("tcp://192.0.2.7:7001", "::ffff:192.0.2.7"),
        ("tcp://[2001:db8:0::7]:7001", "2001:db8::7"), ("tcp://127.0.0.1:7001", "::1"),
        ("tcp://localhost:1", "127.0.0.1"),
        ("tcp://cam.example.org:7001", "192.0.2.7"), ("tcp://Cam.Example.org:7001", "192.0.2.7"),
        ("tcp://[2001:db8::8]:7001", "192.0.2.7"),
    ])
    func `an endpoint may name the host that the service connects from or an allowed one`(
        endpoint: String, address: String
    ) throws {
        var registry = try registry(advertisedHosts: ["cam.example.org", "2001:db8::8"])
        let message = try join(.capture, "porch", endpoint: endpoint).encoded()
        _ = try registry.receive(message.span, from: peer(1), key: keys[0], address: address, time: 0, now: at(0))
        #expect(registry.roster(now: at(0)).members.last?.endpoint == endpoint)
    }

    @Test(arguments: [
        ("tcp://192.0.2.8:22", "192.0.2.7"), ("tcp://127.0.0.1:22", "192.0.2.7"), ("tcp://192.0.2.7:22", "127.0.0.1"),
        ("tcp://localhost:22", "192.0.2.7"), ("tcp://other.example.org:22", "192.0.2.7"),
        ("tcp://[::1]:22", "2001:db8::7"), ("tcp://192.0.2.7:22", ""),
    ])
    func `an endpoint at any other host is refused`(endpoint: String, address: String) throws {
        var registry = try registry(advertisedHosts: ["cam.example.org"])
        let message = try join(.capture, "porch", endpoint: endpoint).encoded()
        let actions = try registry.receive(
            message.span, from: peer(1), key: keys[0], address: address, time: 0, now: at(0))
        #expect(describe(actions) == ["REFUSED wrongRole to 1", "refused"])
    }

    @Test func `a wildcard endpoint is replaced by the address that the service connects from`() throws {
        var registry = try registry()
        let message = try join(.capture, "porch", endpoint: "tcp://0.0.0.0:7001").encoded()
        _ = try registry.receive(
            message.span, from: peer(1), key: keys[0], address: "192.0.2.7", time: 0, now: at(0))
        #expect(registry.roster(now: at(0)).members.last?.endpoint == "tcp://192.0.2.7:7001")
    }

    @Test func `a repeated join does no harm`() throws {
        var registry = try registry()
        _ = try hear(&registry, try join(.capture, "porch"), 1, keys[0])
        _ = try hear(&registry, try report(.online), 1, keys[0])
        _ = try hear(&registry, Beat(incarnation: 1, figures: [Figure(.framesCaptured, 4)]), 1, keys[0])
        #expect(
            try hear(&registry, try join(.capture, "porch"), 1, keys[0], time: 99) == [
                "ROSTER 1 settling [gateway porch] to 1", "POLICY porch to 1",
            ])
        #expect(registry.cameras.count == 1, "its camera's state is kept")
        let status = registry.status(figures: [], time: 100, joined: 0, process: 1, now: at(0))
        #expect(status.members.last?[.framesCaptured] == 4)
        #expect(status.members.last?.joined == 0, "the time of its first join")
    }

    @Test func `a service that has not joined is asked to join`() throws {
        var registry = try registry()
        #expect(try hear(&registry, Beat(incarnation: 1, figures: []), 1, keys[0]) == ["REFUSED notJoined to 1"])
        #expect(try hear(&registry, try report(.online), 1, keys[0]) == ["REFUSED notJoined to 1"])
        #expect(try hear(&registry, Leave(), 1, keys[0]) == [])
        _ = try hear(&registry, try join(.capture, "porch", incarnation: 1), 1, keys[0])
        #expect(try hear(&registry, Beat(incarnation: 2, figures: []), 1, keys[0]) == ["REFUSED notJoined to 1"])
    }

    @Test func `a silent member is removed, and a beat or a report counts as a sign of life`() throws {
        var registry = try registry()
        _ = try hear(&registry, try join(.capture, "porch"), 1, keys[0])
        _ = try hear(&registry, try join(.encode, "encode-a"), 2, keys[1])
        _ = try hear(&registry, try join(.capture, "yard"), 3, keys[2])
        _ = try hear(&registry, Beat(incarnation: 1, figures: []), 2, keys[1], now: 2000)
        _ = try hear(&registry, try report(.idle), 3, keys[2], now: 2000)
        #expect(tick(&registry, 3000).allSatisfy { $0.hasPrefix("BEAT") })
        let actions = tick(&registry, 3001)
        #expect(actions.contains("left porch: silent for 3001 ms"))
        #expect(registry.roster(now: at(3001)).members.map(\.name.text) == ["gateway", "encode-a", "yard"])
    }

    @Test func `a leave or a lost connection takes effect at once`() throws {
        var registry = try registry()
        _ = try hear(&registry, try join(.capture, "porch"), 1, keys[0])
        _ = try hear(&registry, try join(.encode, "encode-a"), 2, keys[1])
        #expect(
            try hear(&registry, Leave(), 1, keys[0]) == [
                "left porch: leave received", "ROSTER 3 settling [gateway encode-a] to 2", "changed",
            ])
        #expect(describe(registry.lost(peer(2), now: at(1))).first == "left encode-a: connection lost")
        #expect(describe(registry.lost(peer(2), now: at(1))) == [])
    }

    @Test func `the registry settles once and broadcasts it`() throws {
        var registry = try registry()
        _ = try hear(&registry, try join(.capture, "porch"), 1, keys[0])
        for time in stride(from: Int64(250), to: 4000, by: 250) {
            _ = try hear(&registry, Beat(incarnation: 1, figures: []), 1, keys[0], now: time)
            #expect(tick(&registry, time).allSatisfy { $0 == "BEAT to 1" })
        }
        #expect(tick(&registry, 4000).contains("ROSTER 2 [gateway porch] to 1"))
        #expect(tick(&registry, 4250).filter { $0.hasPrefix("ROSTER") } == [])
    }

    @Test func `beats are sent once a second`() throws {
        var registry = try registry()
        _ = try hear(&registry, try join(.capture, "porch"), 1, keys[0])
        var beats = 0
        for time in stride(from: Int64(250), through: 3000, by: 250) {
            beats += tick(&registry, time).filter { $0 == "BEAT to 1" }.count
        }
        #expect(beats == 3)
    }

    @Test func `a member with a revoked key is removed`() throws {
        var registry = try registry()
        _ = try hear(&registry, try join(.capture, "porch"), 1, keys[0])
        _ = try hear(&registry, try join(.capture, "yard"), 2, keys[2])
        let actions = describe(
            registry.update(KeyList([.init(key: keys[2], role: .capture, pattern: "yard")]), now: at(5)))
        #expect(actions == ["left porch: key revoked", "ROSTER 3 settling [gateway yard] to 2", "changed"])
        #expect(!registry.isAdmitted(keys[0]) && registry.isAdmitted(keys[2]))
        #expect(try hear(&registry, Beat(incarnation: 1, figures: []), 1, keys[0]) == ["refused"])
        #expect(try hear(&registry, try join(.capture, "porch"), 1, keys[0]) == ["refused"])
    }

    @Test func `a key that is now for another name loses its member`() throws {
        var registry = try registry()
        _ = try hear(&registry, try join(.capture, "porch"), 1, keys[0])
        let actions = describe(
            registry.update(KeyList([.init(key: keys[0], role: .capture, pattern: "cellar")]), now: at(5)))
        #expect(actions.first == "left porch: key revoked")
    }

    @Test func `only cameras report cameras`() throws {
        var registry = try registry()
        _ = try hear(&registry, try join(.encode, "encode-a"), 1, keys[1])
        #expect(try hear(&registry, try report(.online), 1, keys[1]) == ["refused"])
        #expect(registry.cameras.isEmpty)
        _ = try hear(&registry, try join(.capture, "porch"), 2, keys[0])
        #expect(try hear(&registry, try report(.online), 2, keys[0]) == ["changed"])
        #expect(registry.cameras.map(\.report.state) == [.online])
    }

    @Test func `the status contains the figures of all members`() throws {
        var registry = try registry()
        _ = try hear(&registry, try join(.encode, "encode-a", incarnation: 3), 1, keys[1], time: 5)
        _ = try hear(&registry, Beat(incarnation: 3, figures: [Figure(.jobsDone, 12)]), 1, keys[1], now: 1000)
        let status = registry.status(figures: [Figure(.viewers, 2)], time: 100, joined: 1, process: 44, now: at(1700))
        #expect(status.members.map(\.name.text) == ["gateway", "encode-a"])
        #expect(status.members[0][.viewers] == 2 && status.members[0].process == 44)
        #expect(status.members[1][.jobsDone] == 12 && status.members[1].silence == 700 && status.members[1].joined == 5)
    }

    @Test(arguments: ["beat", "join", "other names"])
    func `a flood of messages is dropped`(kind: String) throws {
        var limits = Registry.Limits()
        limits.messages = 10
        var registry = try registry(limits)
        _ = try hear(&registry, try join(.encode, "encode-a"), 1, keys[1])
        var answered = 0
        for number in 0..<50 {
            let answers =
                switch kind {
                case "beat": try hear(&registry, Beat(incarnation: 999, figures: []), 1, keys[1])
                case "join": try hear(&registry, try join(.encode, "encode-a"), 1, keys[1])
                default: try hear(&registry, try join(.encode, "encode-\(number)"), 1, keys[1])
                }
            answered += answers.isEmpty ? 0 : 1
        }
        // The first JOIN counts too; a repeated one is answered once a tick.
        #expect(answered == (kind == "join" ? 1 : 9))
        _ = tick(&registry, 250)
        #expect(try hear(&registry, Beat(incarnation: 999, figures: []), 1, keys[1]) != [])
    }

    @Test func `a message not meant for a registry is an error`() throws {
        var registry = try registry()
        #expect(throws: WireError.unknownType(MessageType.grant.rawValue)) {
            _ = try hear(&registry, Grant(jobs: 1), 1, keys[0])
        }
        for bytes: [UInt8] in [[], [1, 2, 3], [UInt8](repeating: 255, count: 64)] {
            #expect(throws: WireError.self) {
                _ = try registry.receive(bytes.span, from: peer(1), key: keys[0], time: 0, now: at(0))
            }
        }
        #expect(registry.roster(now: at(0)).members.count == 1)
    }

    @Test func `status requests of an operator are limited`() throws {
        var registry = try registry(admitting: [])
        var asked = 0
        for _ in 0..<20 where registry.mayRequestStatus(keys[0]) { asked += 1 }
        #expect(asked == Registry.Limits().statusRequests)
        let isAnother = registry.mayRequestStatus(keys[1])
        #expect(isAnother)
        _ = registry.tick(now: at(250))
        let isLater = registry.mayRequestStatus(keys[0])
        #expect(isLater)
    }

    @Test func `only an operator may request the status`() throws {
        let registry = try registry(admitting: [
            .init(key: keys[0], role: .operator, pattern: "operator"),
            .init(key: keys[1], role: .capture, pattern: "*"),
        ])
        #expect(registry.isOperator(keys[0]))
        #expect(!registry.isOperator(keys[1]))
        #expect(!registry.isOperator(keys[2]))
    }

    // MARK: Policies and assignments

    /// Returns a registry with three motion services and twelve cameras.
    private func watched(_ policies: TestPolicies) throws -> Registry {
        var registry = try registry(
            admitting: [
                .init(key: keys[0], role: .motion, pattern: "motion-*"),
                .init(key: keys[1], role: .capture, pattern: "*"),
            ], policies: policies)
        for number in UInt32(1)...3 {
            _ = try hear(&registry, joining(.motion, "motion-\(number)", ""), number, keys[0])
        }
        for number in UInt32(11)...22 {
            _ = try hear(&registry, joining(.capture, "camera \(number)", "tcp://h:1"), number, keys[1])
        }
        return registry
    }

    private func joining(_ role: Role, _ name: String, _ endpoint: String) throws -> Join {
        Join(role: role, process: 1, incarnation: 5, name: try Name(name), endpoint: endpoint, software: "")
    }

    private func assigned(_ actions: [Registry.Action]) -> [PeerID: [String]] {
        var assigned: [PeerID: [String]] = [:]
        for case .send(let message as Assignment, let peer) in actions {
            assigned[peer] = message.cameras.map(\.camera.text)
        }
        return assigned
    }

    @Test func `each camera is watched by one service, and by another one when that leaves`() throws {
        var registry = try watched(TestPolicies(isWatched: true))
        let beats = (UInt32(1)...22).filter { $0 <= 3 || $0 >= 11 }
        var first: [PeerID: [String]] = [:]
        for time in stride(from: Int64(250), through: 4250, by: 250) {
            for number in beats {
                _ = try hear(&registry, Beat(incarnation: 5, figures: []), number, keys[number < 4 ? 0 : 1], now: time)
            }
            first.merge(assigned(registry.tick(now: at(time)))) { $1 }
            if time < 4000 { #expect(first.isEmpty, "no assignments before the registry has settled") }
        }
        #expect(Set(first.values.joined()).count == 12)
        #expect(first.values.joined().count == 12)
        #expect(
            first.count == 3 && first.values.allSatisfy { !$0.isEmpty }, "twelve cameras, three services: each has some"
        )
        let orphans = Set(first[peer(2)]!)
        let second = assigned(registry.lost(peer(2), now: at(4300)))
        for (service, cameras) in second {
            #expect(Set(cameras).isSuperset(of: first[service]!), "no camera moves needlessly")
        }
        let moved = second.flatMap { service, cameras in cameras.filter { !first[service]!.contains($0) } }
        #expect(Set(moved) == orphans)
    }

    @Test func `changed policies are sent at once and unchanged ones are not repeated`() throws {
        var registry = try watched(TestPolicies(isWatched: true))
        for time in stride(from: Int64(250), through: 4250, by: 250) {
            for number in (UInt32(1)...22) where number <= 3 || number >= 11 {
                _ = try hear(&registry, Beat(incarnation: 5, figures: []), number, keys[number < 4 ? 0 : 1], now: time)
            }
            _ = registry.tick(now: at(time))
        }
        #expect(registry.update(TestPolicies(isWatched: true), now: at(4300)).isEmpty)
        let changed = registry.update(TestPolicies(isWatched: true, sensitivity: 90), now: at(4310))
        #expect(assigned(changed).values.joined().count == 12)
        let off = registry.update(TestPolicies(isWatched: false), now: at(4320))
        #expect(assigned(off).values.allSatisfy { $0.isEmpty } && assigned(off).count == 3)
        var watched: [Bool] = []
        for case .send(let policy as Policy, _) in off { watched.append(policy.watched) }
        #expect(watched == Array(repeating: false, count: 12))
    }

    // MARK: Shares of a key

    /// Returns a settled registry with archives that joined from these addresses, and 64 cameras.
    private func recorded(_ archives: [(name: String, key: Int, address: String)]) throws -> Registry {
        var limits = Registry.Limits()
        limits.settlingTime = .zero
        limits.joins = 100
        var registry = try registry(
            admitting: [
                .init(key: keys[0], role: .archive, pattern: "archive-*"),
                .init(key: keys[1], role: .archive, pattern: "cellar"),
                .init(key: keys[2], role: .capture, pattern: "*"),
            ], limits, policies: TestPolicies(mode: .continuous))
        for number in 0..<64 {
            _ = try hear(&registry, joining(.capture, "camera \(number)", "tcp://h:1"), UInt32(1000 + number), keys[2])
        }
        for (number, archive) in archives.enumerated() {
            _ = try hear(
                &registry, joining(.archive, archive.name, "tcp://h:2"), UInt32(number), keys[archive.key],
                address: archive.address)
        }
        return registry
    }

    /// Returns the number of cameras last assigned to each archive.
    private func assignments(_ registry: inout Registry) -> [Int: Int] {
        var assignments: [Int: Int] = [:]
        // Changed rules for all cameras, so that all archives get new assignments.
        for case .send(let message as Recording, let peer) in registry.update(TestPolicies(mode: .both), now: at(1)) {
            assignments[Int(peer.description.dropFirst(5))!] = message.cameras.count
        }
        return assignments
    }

    @Test func `a camera is unrecorded when its archive reports so, and without an archive`() throws {
        var none = try recorded([])
        _ = none.tick(now: at(1))
        #expect(none.recordings(now: at(1)).values.filter { $0.health == .stopped }.count == 64)
        var registry = try recorded([(name: "cellar", key: 1, address: "10.1.0.1")])
        _ = registry.tick(now: at(1))
        #expect(registry.recordings(now: at(1)).values.filter { $0.health == .on }.count == 64)
        let failing = try Name("camera 7")
        let causes = [Cause(.camerasFailing, "the disk is read-only"), Cause(.diskLow, "1 MiB is free")]
        let beat = Beat(incarnation: 5, figures: [Figure(.diskLow, 1)], failing: [failing], causes: causes)
        _ = try hear(&registry, beat, 0, keys[1])
        let recordings = registry.recordings(now: at(1))
        #expect(recordings[failing] == .init(.stopped, cause: "the disk is read-only"))
        #expect(recordings.values.filter { $0 == .init(.diskLow, cause: "1 MiB is free") }.count == 63)
        let policy = Status.MemberCause(role: .gateway, name: try Name("gateway"), Cause(.policyInvalid, "line 3"))
        let status = registry.status(figures: [], causes: [policy], time: 0, joined: 0, process: 1, now: at(1))
        let archive = try #require(status.members.first { $0.role == .archive })
        #expect(status.cause(of: .camerasFailing, archive) == "the disk is read-only")
        #expect(status.cause(of: .policyInvalid, status.members[0]) == "line 3")
        #expect(status.cause(of: .policyInvalid, archive) == nil)
        #expect(registry.archivesLowOnDisk.map(\.text) == ["cellar"])
        _ = registry.lost(peer(0), now: at(1))
        #expect(registry.recordings(now: at(1)).values.filter { $0.health == .stopped }.count == 64)
    }

    @Test func `an archive gets the admitted cameras when those that are gone have a retention`() throws {
        var policies = TestPolicies(mode: .continuous)
        policies.goneCameraKeep = 60
        func describe(_ registry: inout Registry, _ policies: TestPolicies) -> Recording? {
            for case .send(let message as Recording, _) in registry.update(policies, now: at(1)) { return message }
            return nil
        }
        var registry = try recorded([(name: "cellar", key: 1, address: "10.1.0.1")])
        let unknown = describe(&registry, policies)
        #expect(try #require(unknown).goneKeep == 0, "a pattern admits unknown cameras")
        _ = registry.update(
            KeyList([
                .init(key: keys[1], role: .archive, pattern: "cellar"),
                .init(key: keys[2], role: .capture, pattern: "camera 1"),
                .init(key: keys[3], role: .capture, pattern: "attic"),
            ]), now: at(1))
        policies.goneCameraKeep = 90
        let recording = try #require(describe(&registry, policies))
        #expect(recording.goneKeep == 90 && recording.admitted.map(\.text) == ["attic", "camera 1"])
        policies.goneCameraKeep = 0
        let kept = try #require(describe(&registry, policies))
        #expect(kept.goneKeep == 0 && kept.admitted.isEmpty)
    }

    @Test func `services that join with one key share the cameras of one key`() throws {
        let fakes = (0..<8).map { (name: "archive-\($0)", key: 0, address: "10.0.0.\($0)") }
        var registry = try recorded([(name: "cellar", key: 1, address: "10.1.0.1")] + fakes)
        let assignments = assignments(&registry)
        #expect(assignments.values.reduce(0, +) == 64)
        #expect((20...44).contains(try #require(assignments[0])), "\(assignments)")
    }

    @Test(arguments: ["10.0.0.9", "fd00:1:2:3::%d"])
    func `services that join from one network share the cameras of one network`(address: String) throws {
        let fakes = (0..<8).map { number in
            (name: "archive-x\(number)", key: 0, address: address.replacing("%d", with: "\(number)"))
        }
        var registry = try recorded([(name: "archive-true", key: 0, address: "10.0.0.1")] + fakes)
        let assignments = assignments(&registry)
        #expect((20...44).contains(try #require(assignments[0])), "\(assignments)")
    }

    @Test func `an archive that the gateway cannot query records nothing while another one can be queried`() throws {
        var registry = try recorded([
            (name: "archive-true", key: 0, address: "10.0.0.1"), (name: "archive-fake", key: 0, address: "10.0.0.2"),
        ])
        #expect(assignments(&registry).values.allSatisfy { $0 > 0 })
        let archive = try #require(registry.archives.first { $0.name.text == "archive-true" })
        let actions = registry.confirm(archive, now: at(2))
        #expect(!actions.isEmpty)
        _ = registry.update(TestPolicies(mode: .continuous), now: at(3))
        #expect(assignments(&registry) == [0: 64])
    }

    @Test func `one key has a limited number of services, and fewer from one network`() throws {
        var limits = Registry.Limits()
        limits.instances = 4
        limits.instancesInNetwork = 3
        var registry = try registry(limits)
        for number in UInt32(1)...3 {
            let join = try join(.encode, "encode-\(number)")
            #expect(try hear(&registry, join, number, keys[1], address: "10.0.0.1").first == "joined encode-\(number)")
        }
        let refusal = ["REFUSED tooMany to 9", "refused"]
        #expect(try hear(&registry, try join(.encode, "encode-9"), 9, keys[1], address: "10.0.0.1") == refusal)
        // The same service over another connection does not count as another one.
        let again = try hear(&registry, try join(.encode, "encode-3"), 8, keys[1], address: "10.0.0.1", now: 1600)
        #expect(again.count == 1 && again != refusal)
        #expect(
            try hear(&registry, try join(.encode, "encode-4"), 4, keys[1], address: "10.0.0.2").first
                == "joined encode-4")
        #expect(try hear(&registry, try join(.encode, "encode-9"), 9, keys[1], address: "10.0.0.3") == refusal)
        #expect(try hear(&registry, try join(.capture, "porch"), 5, keys[0]).first == "joined porch", "another key")
    }

    @Test func `connections with one key share a message limit`() throws {
        var limits = Registry.Limits()
        limits.messages = 10
        limits.messagesOfKey = 15
        var registry = try registry(limits)
        var answered = 0
        for number in UInt32(0)..<100
        where try !hear(&registry, Beat(incarnation: 1, figures: []), number, keys[1]).isEmpty {
            answered += 1
        }
        #expect(answered == 15)
        #expect(try hear(&registry, try join(.capture, "porch"), 200, keys[0]).first == "joined porch", "another key")
    }

    @Test func `a camera whose state changes constantly is reported with the next tick`() throws {
        var registry = try registry()
        _ = try hear(&registry, try join(.capture, "porch"), 1, keys[0])
        var changes = 0
        for round in 0..<50 {
            changes += try hear(&registry, try report(round % 2 == 0 ? .online : .offline), 1, keys[0]).count
        }
        #expect(changes == Registry.Limits().reports)
        #expect(registry.cameras.first?.report.state == .offline)
        #expect(describe(registry.tick(now: at(250))).contains("changed"))
        #expect(!describe(registry.tick(now: at(500))).contains("changed"))
        #expect(try hear(&registry, try report(.offline), 1, keys[0]).isEmpty, "nothing has changed")
        #expect(try hear(&registry, try report(.online), 1, keys[0]) == ["changed"])
    }

    private func report(_ state: CameraState) throws -> CameraReport {
        CameraReport(state: state, format: nil, width: 0, height: 0, frameRate: 0, since: 0, source: "test", detail: "")
    }

    private func hear(
        _ registry: inout Registry, _ message: some WireMessage, _ number: UInt32, _ key: PublicKey,
        address: String = "", time: Int64 = 0, now: Int64 = 0
    ) throws -> [String] {
        describe(
            try registry.receive(
                message.encoded().span, from: peer(number), key: key, address: address, time: time, now: at(now)))
    }

    /// Advances the time in the gateway's steps.
    private func tick(_ registry: inout Registry, _ time: Int64) -> [String] {
        let steps = Array(stride(from: 0, to: time, by: 250)) + [time]
        return steps.flatMap { describe(registry.tick(now: at($0))) }
    }
}

/// Returns the actions as text.
private func describe(_ actions: [Registry.Action]) -> [String] {
    actions.map { action in
        switch action {
        case .send(let message, let peer): "\(describe(message)) to \(peer.description.dropFirst(5))"
        case .changed: "changed"
        case .joined(let member): "joined \(member.name)"
        case .left(let member, let reason): "left \(member.name): \(reason)"
        case .rejected: "refused"
        }
    }
}

private func describe(_ message: any WireMessage) -> String {
    switch message {
    case let roster as Roster:
        "ROSTER \(roster.generation) \(roster.settling ? "settling " : "")"
            + "[\(roster.members.map(\.name.text).joined(separator: " "))]"
    case let policy as Policy: "POLICY \(policy.camera)"
    case let refusal as Refused: "REFUSED \(refusal.reason)"
    case is Beat: "BEAT"
    default: "\(message)"
    }
}
