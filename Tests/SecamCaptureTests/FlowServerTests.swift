import SecamCapture
import SecamMesh
import SecamTestSupport
import SecamWire
import Testing

@Suite struct FlowServerTests {
    private let incarnation: UInt64 = 77
    private let consumer = peer(1)

    private func server(_ limits: FlowServer.Limits = .init()) -> FlowServer {
        FlowServer(incarnation: incarnation, limits: limits)
    }

    private func ring(_ sequences: some Sequence<UInt64>, seconds: Int = 30, bytes: Int = 1 << 20) -> Ring {
        var ring = Ring(duration: .seconds(seconds), byteLimit: bytes)
        for sequence in sequences { ring.append(ringFrame(sequence)) }
        return ring
    }

    private func open(
        _ policy: FlowPolicy, _ start: FlowStart, flow: UInt32 = 1, credit: UInt32 = 100, interval: UInt32 = 0,
        group: String = "", rendition: Rendition = .jpeg
    ) -> OpenFlow {
        OpenFlow(
            flow: flow, content: FlowContent(rendition), policy: policy, start: start, credit: credit,
            interval: interval,
            group: group)
    }

    // MARK: Events

    private func ring(events: ClosedRange<UInt64>) -> Ring {
        var ring = Ring(duration: .seconds(30), byteLimit: 1 << 20)
        for number in events { ring.append(RingEvent(sequence: number, event: event(.start, id: number))) }
        return ring
    }

    @Test func `a flow of events gets each event, whatever its policy`() {
        var server = server()
        let open = OpenFlow(flow: 4, content: .events, policy: .latest, start: .time(.min), credit: 2, interval: 9)
        let ring = ring(events: 1...3)
        #expect(told(server.open(open, from: consumer, ring, now: at(0))) == ["event 1 start", "event 2 start"])
        let more = server.credit(Credit(flow: 4, frames: 5), from: consumer, ring, now: at(1))
        #expect(told(more) == ["event 3 start"])
        #expect(server.demand(now: at(1)) == [], "events alone need no device")
    }

    @Test func `a flow of events continues where the consumer ended`() {
        var server = server()
        var ring = ring(events: 1...3)
        let open = OpenFlow(
            flow: 4, content: .events, policy: .every, start: .sequence(incarnation: incarnation, 3), credit: 9)
        #expect(told(server.open(open, from: consumer, ring, now: at(0))) == ["event 3 start"])
        ring.append(RingEvent(sequence: 4, event: event(.end, id: 1)))
        #expect(told(server.pumpEvents(ring)) == ["event 4 end"])
        #expect(told(server.pump(ring)) == [])
    }

    @Test func `evicted events are a gap`() {
        var server = server()
        let most = UInt64(Ring.eventLimit)
        let ring = ring(events: 1...most + 5)
        #expect(ring.oldestEvent?.sequence == 6)
        let open = OpenFlow(
            flow: 4, content: .events, policy: .every, start: .sequence(incarnation: incarnation, 2), credit: 1)
        #expect(told(server.open(open, from: consumer, ring, now: at(0))) == ["gap 2...5 overflow", "event 6 start"])
    }

    @Test func `a group has separate cursors for events and frames`() {
        var server = server()
        var ring = ring(events: 1...3)
        for sequence: UInt64 in 1...5 { ring.append(ringFrame(sequence)) }
        let events = OpenFlow(
            flow: 1, content: .events, policy: .every, start: .time(.min), credit: 9, group: "archive")
        _ = server.open(events, from: consumer, ring, now: at(0))
        _ = server.acknowledge(Acknowledge(flow: 1, incarnation: incarnation, sequence: 2), from: consumer, now: at(1))
        let again = OpenFlow(
            flow: 1, content: .events, policy: .every, start: .acknowledged, credit: 9, group: "archive")
        #expect(told(server.open(again, from: peer(2), ring, now: at(2))) == ["event 3 start"])
        let frames = OpenFlow(
            flow: 2, content: .jpeg, policy: .every, start: .acknowledged, credit: 9, group: "archive")
        #expect(
            told(server.open(frames, from: peer(2), ring, now: at(2))) == [], "live, because no frame was acknowledged")
    }

    @Test func `the flows of luma maps are listed with their peers`() {
        var server = server()
        let ring = ring(1...2)
        _ = server.open(open(.latest, .live, flow: 7, rendition: .luma), from: peer(5), ring, now: at(0))
        _ = server.open(open(.latest, .live, flow: 8), from: peer(6), ring, now: at(0))
        #expect(server.mapFlows.map(\.peer) == [peer(5)])
        #expect(server.mapFlows.map(\.flow) == [7])
        server.lost(peer(5))
        #expect(server.mapFlows.isEmpty)
    }

    @Test func `frames that a latest flow skips are counted`() {
        var server = server()
        var ring = ring(1...2)
        _ = server.open(open(.latest, .live, credit: 1), from: consumer, ring, now: at(200))
        for sequence: UInt64 in 3...6 { ring.append(ringFrame(sequence)) }
        #expect(told(server.credit(Credit(flow: 1, frames: 1), from: consumer, ring, now: at(600))) == ["frame 6"])
        #expect(server.framesSkipped == 3)
    }

    @Test func `while encoders drain a backlog only every flows get it`() {
        var server = server()
        var ring = ring(1...2)
        _ = server.open(open(.latest, .live, flow: 1), from: consumer, ring, now: at(0))
        _ = server.open(open(.every, .live, flow: 2), from: peer(2), ring, now: at(0))
        server.catchingUp = [.jpeg]
        ring.append(ringFrame(3))
        #expect(told(server.pump(ring)) == ["frame 3"])
        ring.append(ringFrame(4))
        server.catchingUp = []
        #expect(told(server.pump(ring)) == ["frame 4", "frame 4"])
    }

    // MARK: Start

    @Test func `an every flow from live starts with the next frame`() {
        var server = server()
        var ring = ring(1...5)
        #expect(told(server.open(open(.every, .live), from: consumer, ring, now: at(0))) == [])
        ring.append(ringFrame(6))
        #expect(told(server.pump(ring)) == ["frame 6"])
    }

    @Test func `a latest flow from live starts with the newest frame`() {
        var server = server()
        #expect(told(server.open(open(.latest, .live), from: consumer, ring(1...5), now: at(0))) == ["frame 5"])
    }

    /// The camera counts frames even while this rendition is not demanded.
    @Test(arguments: [[], [1, 2, 40]] as [[UInt64]])
    func `a live flow gets no gap for frames before it was opened`(before: [UInt64]) {
        var server = server()
        var ring = ring(before)
        #expect(told(server.open(open(.every, .live), from: consumer, ring, now: at(0))) == [])
        ring.append(ringFrame(501))
        #expect(told(server.pump(ring)) == ["frame 501"])
    }

    @Test func `a live flow gets gaps after its first frame`() {
        var server = server()
        var ring = ring(1...40)
        _ = server.open(open(.every, .live), from: consumer, ring, now: at(0))
        ring.append(ringFrame(502))
        ring.append(ringFrame(504))
        #expect(told(server.pump(ring)) == ["frame 502", "gap 503...503 dropped", "frame 504"])
    }

    @Test func `a flow starts at a sequence number of this incarnation`() {
        var server = server()
        let start = FlowStart.sequence(incarnation: incarnation, 3)
        #expect(
            told(server.open(open(.every, start), from: consumer, ring(1...5), now: at(0))) == [
                "frame 3", "frame 4", "frame 5",
            ])
    }

    @Test func `a flow that starts at an evicted frame starts with a gap`() {
        var server = server()
        let ring = ring(1...30, seconds: 1)
        let start = FlowStart.sequence(incarnation: incarnation, 3)
        let actions = told(server.open(open(.every, start, credit: 1), from: consumer, ring, now: at(0)))
        #expect(actions == ["gap 3...19 overflow", "frame 20"])
    }

    @Test func `a gap carries the capture times of frames that were evicted long ago`() throws {
        var server = server()
        let ring = ring(1...200, seconds: 1)
        let start = FlowStart.sequence(incarnation: incarnation, 31)
        let actions = server.open(open(.every, start, credit: 1), from: consumer, ring, now: at(0))
        guard case .gap(let gap, _)? = actions.first else { return #expect(Bool(false), "\(actions)") }
        #expect(gap.missing == SequenceRange(31, through: 189))
        #expect((2_000_000...3_000_000).contains(gap.since), "at most a second before frame 31: \(gap.since)")
        #expect(gap.until == 19_000_000, "when frame 190 was captured")
    }

    @Test func `an archive learns which evicted frames are spooled`() {
        var server = server()
        let archive = FlowServer.Consumer(peer: peer(1), key: key(1), role: .archive)
        let ring = ring(1...30, seconds: 1)
        let start = FlowStart.sequence(incarnation: incarnation, 3)
        server.spooledFrom = 8
        #expect(
            told(server.open(open(.every, start, credit: 1), from: archive, ring, now: at(0))) == [
                "gap 3...7 overflow", "gap 8...19 spooled", "frame 20",
            ])
        server.spooledFrom = 1
        #expect(
            told(server.open(open(.every, start, flow: 2, credit: 1), from: archive, ring, now: at(0))) == [
                "gap 3...19 spooled", "frame 20",
            ])
        server.spooledFrom = nil
        #expect(
            told(server.open(open(.every, start, flow: 3, credit: 1), from: archive, ring, now: at(0))) == [
                "gap 3...19 overflow", "frame 20",
            ])
    }

    @Test func `frames are owed to an absent archive, and to one that has not acknowledged them`() {
        var server = server()
        let archive = FlowServer.Consumer(peer: peer(1), key: key(1), role: .archive)
        let gateway = FlowServer.Consumer(peer: peer(2), key: key(2), role: .gateway)
        let ring = ring(1...30)
        #expect(server.isOwed(1), "no archive has connected yet")
        _ = server.open(open(.every, .time(0), group: "archive"), from: archive, ring, now: at(0))
        _ = server.open(open(.every, .time(0), flow: 2, group: "x"), from: gateway, ring, now: at(0))
        _ = server.acknowledge(
            Acknowledge(flow: 1, incarnation: incarnation, sequence: 10), from: archive.peer, now: at(1))
        _ = server.acknowledge(
            Acknowledge(flow: 2, incarnation: incarnation, sequence: 20), from: gateway.peer, now: at(1))
        #expect(!server.isOwed(10) && server.isOwed(11))
        server.lost(archive.peer)
        #expect(!server.isOwed(10) && server.isOwed(11))
        let events = OpenFlow(flow: 3, content: .events, policy: .every, start: .time(0), credit: 1)
        _ = server.open(events, from: archive, ring, now: at(2))
        #expect(!server.isOwed(11), "the archive is connected and wants only events")
    }

    @Test func `a camera without a spool closes a flow of spooled frames as done`() {
        var server = server()
        let open = OpenFlow(flow: 4, content: .spooled, policy: .every, start: .acknowledged, credit: 2)
        #expect(told(server.open(open, from: consumer, ring(1...3), now: at(0))) == ["close 4 done"])
        #expect(server.count == 0)
    }

    @Test func `sequence numbers start at one, so no gap contains zero`() {
        var server = server()
        let start = FlowStart.sequence(incarnation: incarnation, 0)
        #expect(
            told(server.open(open(.every, start), from: consumer, ring(1...2), now: at(0))) == ["frame 1", "frame 2"])
    }

    @Test func `a sequence number of another incarnation means the whole ring`() {
        var server = server()
        let ring = ring(1...30, seconds: 1)
        let start = FlowStart.sequence(incarnation: incarnation + 1, 25)
        let actions = told(server.open(open(.every, start), from: consumer, ring, now: at(0)))
        #expect(actions == (20...30).map { "frame \($0)" })
    }

    @Test func `a time means the first frame at or after it`() {
        var server = server()
        #expect(
            told(server.open(open(.every, .time(400_000)), from: consumer, ring(1...5), now: at(0))) == [
                "frame 4", "frame 5",
            ])
        #expect(told(server.open(open(.every, .time(400_001)), from: consumer, ring(1...5), now: at(0))) == ["frame 5"])
        #expect(told(server.open(open(.every, .time(9_000_000)), from: consumer, ring(1...5), now: at(0))) == [])
    }

    @Test func `acknowledged means after the group's cursor`() {
        var server = server()
        let ring = ring(1...5)
        let start = FlowStart.sequence(incarnation: incarnation, 1)
        _ = server.open(open(.every, start, group: "archive"), from: consumer, ring, now: at(0))
        #expect(server.acknowledge(ack(3), from: consumer, now: at(0)).isEmpty)
        server.lost(consumer)
        let actions = told(server.open(open(.every, .acknowledged, group: "archive"), from: peer(2), ring, now: at(1)))
        #expect(actions == ["frame 4", "frame 5"])
    }

    @Test func `a group without a cursor starts live`() {
        var server = server()
        #expect(
            told(server.open(open(.every, .acknowledged, group: "new"), from: consumer, ring(1...5), now: at(0))) == [])
    }

    // MARK: Cursors

    private func ack(_ sequence: UInt64, flow: UInt32 = 1, incarnation: UInt64 = 77) -> Acknowledge {
        Acknowledge(flow: flow, incarnation: incarnation, sequence: sequence)
    }

    /// Opens a group's next flow, among frames 1 to 9, and returns its first action.
    private func next(_ server: inout FlowServer, _ group: String, _ rendition: Rendition = .jpeg) -> [String] {
        let message = open(.every, .acknowledged, flow: 99, credit: 1, group: group, rendition: rendition)
        return told(server.open(message, from: peer(9), ring(1...9), now: at(0)))
    }

    @Test func `each group has a cursor for each rendition`() {
        var server = server()
        var both = ring(1...9)
        both.append(ringFrame(9, .luma))
        for (flow, group, sequence) in [(1, "a", 2), (2, "b", 5)] as [(UInt32, String, UInt64)] {
            let start = FlowStart.sequence(incarnation: incarnation, 1)
            _ = server.open(open(.every, start, flow: flow, group: group), from: consumer, both, now: at(0))
            _ = server.acknowledge(ack(sequence, flow: flow), from: consumer, now: at(0))
        }
        #expect(next(&server, "a") == ["frame 3"])
        #expect(next(&server, "b") == ["frame 6"])
        #expect(next(&server, "a", .luma) == [])
        #expect(next(&server, "c") == [])
    }

    @Test func `implausible acknowledgements are ignored`() {
        var server = server()
        let start = FlowStart.sequence(incarnation: incarnation, 1)
        _ = server.open(open(.every, start, credit: 4, group: "a"), from: consumer, ring(1...9), now: at(0))
        _ = server.acknowledge(ack(3), from: consumer, now: at(0))
        _ = server.acknowledge(ack(2), from: consumer, now: at(0))
        #expect(next(&server, "a") == ["frame 4"], "a cursor does not go back")
        _ = server.acknowledge(ack(5), from: consumer, now: at(0))
        _ = server.acknowledge(ack(.max), from: consumer, now: at(0))
        #expect(next(&server, "a") == ["frame 4"], "frames that were not sent cannot be durable")
        _ = server.acknowledge(ack(4, incarnation: 78), from: consumer, now: at(0))
        #expect(next(&server, "a") == ["frame 4"], "an acknowledgement of another incarnation is ignored")
        _ = server.open(open(.every, start, flow: 2), from: consumer, ring(1...9), now: at(0))
        _ = server.acknowledge(ack(4, flow: 2), from: consumer, now: at(0))
        #expect(next(&server, "") == [], "a flow without a group has no cursor")
    }

    @Test func `a flow that starts in the future cannot move its group's cursor there`() {
        var server = server()
        let start = FlowStart.sequence(incarnation: incarnation, 1_000_000)
        _ = server.open(open(.every, start, group: "a"), from: consumer, ring(1...9), now: at(0))
        _ = server.acknowledge(ack(999_999), from: consumer, now: at(0))
        #expect(next(&server, "a") == [])
    }

    @Test func `the number of cursors per key is limited`() {
        var limits = FlowServer.Limits()
        limits.cursorsPerKey = 2
        var server = server(limits)
        for (flow, group) in [(1, "a"), (2, "b"), (3, "c")] as [(UInt32, String)] {
            let start = FlowStart.sequence(incarnation: incarnation, 1)
            _ = server.open(open(.every, start, flow: flow, group: group), from: consumer, ring(1...9), now: at(0))
            _ = server.acknowledge(ack(4, flow: flow), from: consumer, now: at(0))
        }
        #expect(next(&server, "b") == ["frame 5"])
        #expect(next(&server, "c") == [])
    }

    // MARK: Credit and policies

    @Test func `no frame is sent without credit`() {
        var server = server()
        var ring = ring(1...3)
        let start = FlowStart.sequence(incarnation: incarnation, 1)
        #expect(told(server.open(open(.every, start, credit: 0), from: consumer, ring, now: at(0))) == [])
        ring.append(ringFrame(4))
        #expect(told(server.pump(ring)) == [])
        #expect(
            told(server.credit(Credit(flow: 1, frames: 2), from: consumer, ring, now: at(0))) == ["frame 1", "frame 2"])
        #expect(told(server.credit(Credit(flow: 1, frames: 0), from: consumer, ring, now: at(0))) == [])
        #expect(
            told(server.credit(Credit(flow: 1, frames: 9), from: consumer, ring, now: at(0))) == ["frame 3", "frame 4"])
        #expect(server.framesSent == 4)
        #expect(server.bytesSent == 40)
    }

    @Test func `a latest flow skips to the newest frame when it gets credit`() {
        var server = server()
        var ring = ring(1...3)
        #expect(told(server.open(open(.latest, .live, credit: 1), from: consumer, ring, now: at(0))) == ["frame 3"])
        for sequence in UInt64(4)...8 { ring.append(ringFrame(sequence)) }
        #expect(told(server.pump(ring)) == [])
        #expect(told(server.credit(Credit(flow: 1, frames: 5), from: consumer, ring, now: at(0))) == ["frame 8"])
        #expect(told(server.pump(ring)) == [], "the same frame is not sent twice")
    }

    @Test func `credit is limited, whatever is granted`() {
        var limits = FlowServer.Limits()
        limits.credit = 3
        var server = server(limits)
        let ring = ring(1...20)
        let start = FlowStart.sequence(incarnation: incarnation, 1)
        #expect(server.open(open(.every, start, credit: 1024), from: consumer, ring, now: at(0)).count == 3)
        #expect(server.credit(Credit(flow: 1, frames: 1024), from: consumer, ring, now: at(0)).count == 3)
    }

    @Test func `a gap uses no credit`() {
        var server = server()
        let start = FlowStart.sequence(incarnation: incarnation, 1)
        let actions = told(server.open(open(.every, start, credit: 2), from: consumer, ring([3, 6, 9]), now: at(0)))
        #expect(actions == ["gap 1...2 dropped", "frame 3", "gap 4...5 dropped", "frame 6"])
    }

    @Test func `frames of a rendition that no consumer demanded are in no gap`() throws {
        var server = server()
        var ring = ring([3, 9])
        ring.recordSkipped(.jpeg, try #require(SequenceRange(1, through: 1)))
        ring.recordSkipped(.jpeg, try #require(SequenceRange(4, through: 6)))
        ring.recordSkipped(.sub, try #require(SequenceRange(7, through: 8)))
        let start = FlowStart.sequence(incarnation: incarnation, 1)
        let actions = told(server.open(open(.every, start), from: consumer, ring, now: at(0)))
        #expect(actions == ["gap 2...2 dropped", "frame 3", "gap 7...8 dropped", "frame 9"])
    }

    @Test(arguments: [FlowPolicy.every, .latest])
    func `an interval thins out frames without gaps`(policy: FlowPolicy) {
        var server = server()
        var ring = ring([])
        var given: [String] = []
        given += told(server.open(open(policy, .live, interval: 300_000), from: consumer, ring, now: at(0)))
        for sequence in UInt64(1)...10 {
            // Every other frame is 3 ms early, which still counts as due.
            ring.append(ringFrame(sequence, at: Int64(sequence) * 100_000 - (sequence % 2 == 0 ? 3000 : 0)))
            given += told(server.pump(ring))
        }
        #expect(given == ["frame 1", "frame 4", "frame 7", "frame 10"])
    }

    @Test(arguments: [FlowPolicy.every, .latest])
    func `a clock that is set back does not stop a flow with an interval`(policy: FlowPolicy) {
        var server = server()
        var ring = ring([])
        _ = server.open(open(policy, .live, interval: 200_000), from: consumer, ring, now: at(0))
        var given: [String] = []
        for sequence in UInt64(1)...20 {
            let back: Int64 = sequence > 10 ? 3_600_000_000 : 0
            ring.append(ringFrame(sequence, at: Int64(sequence) * 100_000 - back))
            given += told(server.pump(ring))
        }
        #expect(given == [1, 3, 5, 7, 9, 11, 13, 15, 17, 19].map { "frame \($0)" })
    }

    // MARK: Ends and limits

    @Test func `messages for an unknown flow are answered with unknownFlow`() {
        var server = server()
        let ring = ring(1...3)
        #expect(
            told(server.credit(Credit(flow: 5, frames: 1), from: consumer, ring, now: at(0))) == ["close 5 unknownFlow"]
        )
        #expect(told(server.acknowledge(ack(1, flow: 6), from: consumer, now: at(0))) == ["close 6 unknownFlow"])
        server.close(CloseFlow(flow: 7, reason: .done), from: consumer)
        #expect(server.count == 0)
    }

    @Test func `a flow belongs to its connection alone`() {
        var server = server()
        _ = server.open(open(.every, .live), from: consumer, ring([]), now: at(0))
        #expect(
            told(server.credit(Credit(flow: 1, frames: 1), from: peer(2), ring([]), now: at(0))) == [
                "close 1 unknownFlow"
            ])
        server.close(CloseFlow(flow: 1, reason: .done), from: peer(2))
        #expect(server.count == 1)
        server.close(CloseFlow(flow: 1, reason: .done), from: consumer)
        #expect(server.count == 0)
    }

    @Test func `opening a flow with the same number replaces it`() {
        var limits = FlowServer.Limits()
        limits.flowsPerPeer = 1
        var server = server(limits)
        _ = server.open(open(.every, .live), from: consumer, ring([]), now: at(0))
        #expect(told(server.open(open(.latest, .live, rendition: .luma), from: consumer, ring([]), now: at(0))) == [])
        #expect(server.demand(now: at(0)) == .luma)
        #expect(server.count == 1)
    }

    @Test func `flows are limited per connection and per key`() {
        var limits = FlowServer.Limits()
        limits.flowsPerPeer = 2
        limits.flowsPerKey = 3
        var server = server(limits)
        var refused: [String] = []
        for (number, flow) in [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)] as [(UInt32, UInt32)] {
            refused += told(server.open(open(.every, .live, flow: flow), from: peer(number), ring([]), now: at(0)))
        }
        #expect(refused == ["close 3 tooMany", "close 2 tooMany"])
    }

    // MARK: Limits of a key

    private func consumer(_ number: UInt32, key byte: UInt8, _ role: Role) -> FlowServer.Consumer {
        FlowServer.Consumer(peer: peer(number), key: key(byte), role: role)
    }

    @Test func `a key that opens as many flows as it can leaves other keys and roles theirs`() {
        var server = server()
        let limits = FlowServer.Limits()
        func fill(_ key: UInt8, _ role: Role, connections: Range<UInt32>) {
            for number in connections {
                for flow in UInt32(1)...16 {
                    let consumer = consumer(number, key: key, role)
                    _ = server.open(open(.every, .live, flow: flow), from: consumer, ring([]), now: at(0))
                }
            }
        }
        fill(1, .motion, connections: 100..<134)
        #expect(server.count == limits.flowsPerKey)
        for (number, key, role) in [(1, 2, .motion), (2, 3, .archive), (3, 4, .gateway)] as [(UInt32, UInt8, Role)] {
            let consumer = consumer(number, key: key, role)
            #expect(told(server.open(open(.every, .live), from: consumer, ring([]), now: at(0))) == [])
        }
        // Many keys of one role leave room for other roles.
        for key in UInt8(10)..<30 { fill(key, .motion, connections: UInt32(key) * 100..<UInt32(key) * 100 + 4) }
        #expect(server.count == limits.flowsPerRole + 2)
        let gateway = consumer(3, key: 4, .gateway)
        #expect(told(server.open(open(.every, .live, flow: 9), from: gateway, ring([]), now: at(0))) == [])
    }

    @Test func `the connection with the most flows of a key gives way to another one`() {
        var limits = FlowServer.Limits()
        limits.flowsPerKey = 6
        var server = server(limits)
        for (number, flow) in [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (2, 2)] as [(UInt32, UInt32)] {
            _ = server.open(open(.every, .live, flow: flow), from: peer(number), ring([]), now: at(0))
        }
        #expect(told(server.open(open(.every, .live), from: peer(3), ring([]), now: at(0))) == ["close 4 tooMany"])
        #expect(
            told(server.open(open(.every, .live, flow: 2), from: peer(3), ring([]), now: at(0))) == ["close 3 tooMany"])
        #expect(
            told(server.open(open(.every, .live, flow: 3), from: peer(3), ring([]), now: at(0))) == ["close 3 tooMany"],
            "all connections have the same number")
        #expect(server.count == 6)
    }

    @Test func `a flow that is reopened repeatedly does not get the whole ring each time`() {
        var limits = FlowServer.Limits()
        limits.backlog = 100
        limits.backlogPerSecond = 20
        var server = server(limits)
        var ring = ring(1...9)
        let start = FlowStart.time(0)
        var frames = 0
        for _ in 0..<10 { frames += told(server.open(open(.every, start), from: consumer, ring, now: at(0))).count }
        #expect(frames == 10, "ten bytes each")
        ring.append(ringFrame(10))
        #expect(told(server.pump(ring)) == [], "the backlog comes first")
        // A live flow is not delayed, not even with the same key.
        #expect(told(server.open(open(.every, .live), from: peer(2), ring, now: at(0))) == [])
        ring.append(ringFrame(11))
        #expect(told(server.pump(ring)) == ["frame 11"])
        let more = server.credit(Credit(flow: 1, frames: 0), from: consumer, ring, now: at(1000))
        #expect(told(more) == ["frame 1", "frame 2"])
        // Another key has its own allowance.
        let other = self.consumer(3, key: 2, .archive)
        #expect(told(server.open(open(.every, start), from: other, ring, now: at(1000))).count == 10)
    }

    @Test func `a key moves no other key's cursor, and takes a group over where it ended`() {
        var server = server()
        let (first, liar) = (consumer(1, key: 1, .archive), consumer(2, key: 2, .archive))
        let ring = ring(1...9)
        let start = FlowStart.sequence(incarnation: incarnation, 1)
        _ = server.open(open(.every, start, group: "a"), from: first, ring, now: at(0))
        _ = server.acknowledge(ack(4), from: first.peer, now: at(0))
        _ = server.open(open(.every, start, group: "a"), from: liar, ring, now: at(0))
        _ = server.acknowledge(ack(9), from: liar.peer, now: at(0))
        func next(_ consumer: FlowServer.Consumer, at time: Int64) -> [String] {
            let open = open(.every, .acknowledged, flow: 7, credit: 1, group: "a")
            return told(server.open(open, from: consumer, ring, now: at(time)))
        }
        #expect(next(first, at: 1) == ["frame 5"])
        #expect(next(consumer(3, key: 3, .archive), at: 1) == ["frame 5"], "the cursor furthest back")
        #expect(next(consumer(4, key: 4, .archive), at: 60_000) == [], "no archive has recorded for a long time")
    }

    @Test func `the flows of a silent consumer are closed`() {
        var server = server()
        let ring = ring([])
        _ = server.open(open(.every, .live, flow: 1), from: consumer, ring, now: at(0))
        _ = server.open(open(.every, .live, flow: 2), from: consumer, ring, now: at(0))
        _ = server.credit(Credit(flow: 2, frames: 0), from: consumer, ring, now: at(2000))
        server.tick(now: at(3000))
        #expect(server.count == 2)
        server.tick(now: at(3001))
        #expect(server.count == 1)
        #expect(
            told(server.credit(Credit(flow: 1, frames: 1), from: consumer, ring, now: at(3002))) == [
                "close 1 unknownFlow"
            ])
    }

    @Test func `demand is the renditions of the open flows`() {
        var server = server()
        let ring = ring([])
        #expect(server.demand(now: at(0)).isEmpty)
        #expect(server.interval(.luma) == nil)
        _ = server.open(
            open(.every, .live, flow: 1, interval: 500_000, rendition: .luma), from: consumer, ring, now: at(0))
        _ = server.open(
            open(.every, .live, flow: 2, interval: 100_000, rendition: .luma), from: peer(2), ring, now: at(0))
        _ = server.open(open(.every, .live, flow: 3), from: consumer, ring, now: at(0))
        #expect(server.demand(now: at(0)) == [.jpeg, .luma])
        #expect(server.interval(.luma) == .milliseconds(100))
        server.lost(peer(2))
        #expect(server.interval(.luma) == .milliseconds(500))
        server.lost(consumer)
        #expect(server.demand(now: at(0)).isEmpty)
    }

    @Test func `all flows are closed when the camera stops`() {
        var server = server()
        _ = server.open(open(.every, .live, flow: 4), from: consumer, ring([]), now: at(0))
        _ = server.open(open(.every, .live, flow: 5), from: peer(2), ring([]), now: at(0))
        #expect(told(server.closeAll(.shutdown)).sorted() == ["close 4 shutdown", "close 5 shutdown"])
        #expect(server.count == 0)
    }

    // MARK: Random sequences

    /// Frames are appended, skipped and evicted, credit is granted, and the connection is lost and the flow reopened
    /// from the consumer's own cursor. Each number must come once, as a frame or within a gap.
    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func `an every flow gets each number once, as a frame or in a gap`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var server = server()
        var ring = Ring(duration: .seconds(3), byteLimit: 300)
        var made: Set<UInt64> = []
        var expected: UInt64 = 1
        var credit = 0
        var connection: UInt32 = 1
        var sequence: UInt64 = 0

        func receive(_ actions: [FlowServer.Action]) -> Bool {
            for action in actions {
                switch action {
                case .frame(let frame, let bytes, _):
                    #expect(frame.sequence == expected)
                    #expect(bytes.first == UInt8(truncatingIfNeeded: frame.sequence))
                    #expect(credit > 0)
                    guard frame.sequence == expected, credit > 0 else { return false }
                    expected += 1
                    credit -= 1
                case .gap(let gap, _):
                    #expect(gap.missing.first == expected)
                    // A frame that was made is in a gap only if it was evicted.
                    let hadBeenMade = (gap.missing.first...gap.missing.last).contains { made.contains($0) }
                    #expect((gap.reason == .overflow) == hadBeenMade)
                    guard gap.missing.first == expected else { return false }
                    expected = gap.missing.last + 1
                case .event, .close:
                    Issue.record("unexpected event or close")
                    return false
                }
            }
            return true
        }

        for step in 0..<4000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                sequence += 1
                if random.chance(percent: 80) {
                    made.insert(sequence)
                    ring.append(ringFrame(sequence))
                }
                guard receive(server.pump(ring)) else { return }
            case 5..<9:
                let more = UInt32.random(in: 0...3, using: &random)
                guard step > 0, server.count > 0 else { continue }
                credit += Int(more)
                let actions = server.credit(Credit(flow: 1, frames: more), from: peer(connection), ring, now: at(0))
                guard receive(actions) else { return }
            default:
                guard random.chance(percent: 30) || server.count == 0 else { continue }
                server.lost(peer(connection))
                connection += 1
                credit = 2
                let message = open(.every, .sequence(incarnation: incarnation, expected), credit: 2)
                guard receive(server.open(message, from: peer(connection), ring, now: at(0))) else { return }
            }
        }
        #expect(expected > 500)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `a latest flow gets the newest frame and never an older one`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var server = server()
        var ring = Ring(duration: .seconds(3), byteLimit: 300)
        var last: UInt64 = 0
        var credit = 1
        var frames = 0
        _ = server.open(open(.latest, .live, credit: 1), from: consumer, ring, now: at(0))
        for sequence in UInt64(1)...3000 {
            var actions: [FlowServer.Action] = []
            if random.chance(percent: 70) { ring.append(ringFrame(sequence)) }
            actions += server.pump(ring)
            if random.chance(percent: 30) {
                credit += 1
                actions += server.credit(Credit(flow: 1, frames: 1), from: consumer, ring, now: at(0))
            }
            for case .frame(let frame, _, _) in actions {
                frames += 1
                credit -= 1
                #expect(frame.sequence == ring.newest(.jpeg)?.sequence && frame.sequence > last)
                last = frame.sequence
            }
            #expect(
                credit >= 0 && actions.count == actions.filter { if case .frame = $0 { true } else { false } }.count)
        }
        #expect(frames > 500)
    }
}

/// Returns the actions as text.
private func told(_ actions: [FlowServer.Action]) -> [String] {
    actions.map { action in
        switch action {
        case .frame(let frame, _, _): "frame \(frame.sequence)"
        case .event(let event, _): "event \(event.sequence) \(event.event.state)"
        case .gap(let gap, _): "gap \(gap.missing.first)...\(gap.missing.last) \(gap.reason)"
        case .close(let close, _): "close \(close.flow) \(close.reason)"
        }
    }
}
