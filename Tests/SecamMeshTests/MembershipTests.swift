import SecamBase
import SecamMesh
import SecamTestSupport
import SecamWire
import Testing

@Suite struct MembershipTests {
    private let join: Join
    private let gateway: Roster.Member
    private let porch: Roster.Member
    private let yard: Roster.Member

    init() throws {
        join = Join(
            role: .encode, process: 1, incarnation: 50, name: try Name("encode-a"), endpoint: "", software: "test")
        gateway = Roster.Member(
            role: .gateway, incarnation: 9, key: [UInt8](repeating: 9, count: 32), name: try Name("gateway"),
            endpoint: "")
        porch = Roster.Member(
            role: .capture, incarnation: 1, key: [UInt8](repeating: 1, count: 32), name: try Name("porch"),
            endpoint: "tcp://h:1")
        yard = Roster.Member(
            role: .capture, incarnation: 2, key: [UInt8](repeating: 2, count: 32), name: try Name("yard"),
            endpoint: "tcp://h:2")
    }

    private func roster(_ members: Roster.Member..., generation: UInt64 = 1, settling: Bool = false) -> Roster {
        Roster(generation: generation, settling: settling, members: members)
    }

    /// Returns a member that joined at 0 with the gateway on its roster.
    private func joined() throws -> Membership {
        var membership = Membership(join)
        _ = membership.tick(figures: [], now: at(0))
        _ = try hear(&membership, roster(gateway), 0)
        return membership
    }

    @Test func `a service tries to join once a second until it is answered`() throws {
        var membership = Membership(join)
        var tries: [Int64] = []
        for time in stride(from: Int64(0), to: 3500, by: 50) where tick(&membership, time) == ["JOIN"] {
            tries.append(time)
        }
        #expect(tries == [0, 1000, 2000, 3000])
        #expect(!membership.isJoined)
        #expect(try hear(&membership, roster(gateway), 3600) == ["joined", "added gateway"])
        #expect(membership.isJoined)
    }

    @Test func `a join without a connection does not count as an attempt`() {
        var membership = Membership(join)
        #expect(tick(&membership, 0) == ["JOIN"])
        membership.recordUnreachable()
        #expect(tick(&membership, 50) == ["JOIN"])
        #expect(tick(&membership, 100) == [])
    }

    @Test func `a member sends a beat with its figures once a second`() throws {
        var membership = try joined()
        var beats: [Int64] = []
        for time in stride(from: Int64(250), through: 2900, by: 250) where tick(&membership, time) == ["BEAT 50 [3]"] {
            beats.append(time)
        }
        #expect(beats == [1000, 2000])
    }

    @Test func `a silent registry is reported once and joined again while the roster stays`() throws {
        var membership = try joined()
        _ = try hear(&membership, roster(gateway, porch), 100)
        _ = try hear(&membership, Beat(incarnation: 9, figures: []), 1000)
        #expect(tick(&membership, 4000) == ["BEAT 50 [3]"])
        #expect(tick(&membership, 4001) == ["lost 3001", "JOIN"])
        #expect(tick(&membership, 4500) == [])
        #expect(tick(&membership, 5001) == ["JOIN"])
        #expect(membership.members.map(\.name.text) == ["gateway", "porch"])
        #expect(try hear(&membership, roster(gateway, porch), 5100) == ["joined"])
    }

    @Test func `a restarted registry is joined at once`() throws {
        var membership = try joined()
        #expect(try hear(&membership, Refused(reason: .notJoined, detail: ""), 500) == ["JOIN"])
        #expect(try hear(&membership, Refused(reason: .notJoined, detail: ""), 510) == [], "a join is under way")
    }

    @Test func `a refusal is reported once and retried`() throws {
        var membership = Membership(join)
        _ = tick(&membership, 0)
        #expect(
            try hear(&membership, Refused(reason: .wrongRole, detail: "not for you"), 1) == [
                "refused wrongRole not for you"
            ])
        #expect(tick(&membership, 1000) == [])
        #expect(tick(&membership, 1001) == ["JOIN"])
        #expect(try hear(&membership, Refused(reason: .wrongRole, detail: "not for you"), 1002) == [])
        #expect(try hear(&membership, roster(gateway), 1500) == ["joined", "added gateway"])
    }

    @Test func `a taken name is retried soon and reported when it stays taken`() throws {
        var membership = Membership(join)
        var said: [String] = []
        var tries = 0
        for time in stride(from: Int64(0), to: 3000, by: 50) where tick(&membership, time) == ["JOIN"] {
            tries += 1
            said += try hear(&membership, Refused(reason: .nameTaken, detail: "taken"), time)
        }
        #expect(tries == 12)
        #expect(said == ["refused nameTaken taken"])
    }

    @Test func `the roster shows new members and those that left`() throws {
        var membership = try joined()
        #expect(try hear(&membership, roster(gateway, porch, yard), 1) == ["added porch yard"])
        #expect(try hear(&membership, roster(gateway, porch, yard), 2) == [])
        #expect(try hear(&membership, roster(gateway, yard), 3) == ["removed porch"])
        let again = Roster.Member(
            role: .capture, incarnation: 3, key: yard.key, name: yard.name, endpoint: yard.endpoint)
        #expect(try hear(&membership, roster(gateway, again), 4) == ["added yard removed yard"])
        #expect(membership.members == [gateway, again])
    }

    @Test func `a member is not on its own roster`() throws {
        var membership = Membership(join)
        let own = Roster.Member(role: .encode, incarnation: 50, key: porch.key, name: join.name, endpoint: "")
        #expect(try hear(&membership, roster(gateway, own), 1) == ["joined", "added gateway"])
    }

    @Test func `a settling registry removes no member`() throws {
        var membership = try joined()
        _ = try hear(&membership, roster(gateway, porch, yard), 1)
        #expect(try hear(&membership, roster(gateway, settling: true), 2) == [])
        #expect(membership.members.count == 3)
        #expect(try hear(&membership, roster(gateway, porch), 3) == ["removed yard"])
    }

    @Test func `a settling registry still replaces members`() throws {
        var membership = try joined()
        _ = try hear(&membership, roster(gateway, porch, yard), 1)
        let other = Roster.Member(
            role: .capture, incarnation: 3, key: [UInt8](repeating: 7, count: 32), name: porch.name,
            endpoint: "tcp://h:9")
        #expect(try hear(&membership, roster(gateway, other, settling: true), 2) == ["added porch removed porch"])
        #expect(
            membership.members.contains(other) && !membership.members.contains(porch)
                && membership.members.contains(yard))
    }

    @Test func `the camera's state is sent after every join`() throws {
        var membership = Membership(join)
        let report = CameraReport(
            state: .online, format: nil, width: 0, height: 0, frameRate: 0, since: 0, source: "test", detail: "")
        #expect(describe(membership.report(report)) == [], "not before the join")
        #expect(try hear(&membership, roster(gateway), 1) == ["joined", "CAMERA online", "added gateway"])
        #expect(describe(membership.report(report)) == ["CAMERA online"])
        _ = try hear(&membership, Refused(reason: .notJoined, detail: ""), 2)
        #expect(try hear(&membership, roster(gateway), 3) == ["joined", "CAMERA online"])
    }

    @Test func `the policy is forwarded`() throws {
        var membership = try joined()
        #expect(try hear(&membership, TestPolicies().policy(for: try Name("porch")), 1) == ["policy porch"])
    }

    @Test func `garbage from the registry is an error and changes nothing`() throws {
        var membership = try joined()
        for bytes: [UInt8] in [
            [], [0], [UInt8](repeating: 255, count: 40), Grant(jobs: 1).encoded(),
            roster(gateway, porch).encoded().dropLast(),
        ] {
            #expect(throws: WireError.self) { _ = try membership.receive(bytes.span, now: at(1)) }
        }
        #expect(membership.isJoined && membership.members == [gateway])
    }

    private func tick(_ membership: inout Membership, _ time: Int64) -> [String] {
        describe(membership.tick(figures: [Figure(.jobsDone, 3)], now: at(time)))
    }

    private func hear(_ membership: inout Membership, _ message: some WireMessage, _ time: Int64) throws -> [String] {
        describe(try membership.receive(message.encoded().span, now: at(time)))
    }
}

/// Returns the actions as text.
private func describe(_ actions: [Membership.Action]) -> [String] {
    actions.map { action in
        switch action {
        case .send(let message as Beat): "BEAT \(message.incarnation) \(message.figures.map(\.value))"
        case .send(let message as CameraReport): "CAMERA \(message.state)"
        case .send(let message): message is Join ? "JOIN" : "\(message)"
        case .roster(let added, let removed):
            [("added", added), ("removed", removed)].filter { !$0.1.isEmpty }
                .map { "\($0) " + $1.map(\.name.text).joined(separator: " ") }.joined(separator: " ")
        case .policy(let policy): "policy \(policy.camera)"
        case .recording(let recording): "recording \(recording.cameras.map(\.camera.text))"
        case .assignment(let assignment): "assignment \(assignment.cameras.map(\.camera.text))"
        case .call(let call): "call \(call.ticket[0])"
        case .joined: "joined"
        case .lostRegistry(let silence): "lost \(silence.milliseconds)"
        case .refused(let reason, let detail): "refused \(reason) \(detail)"
        }
    }
}
