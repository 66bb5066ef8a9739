import SecamBase
import SecamMesh
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamCapture

/// The camera's state machines with extreme numbers in messages: a trap ends the test.
@Suite struct ExtremeNumberTests {
    private static let rounds = 1000

    private let key = PublicKey(bytes: [UInt8](repeating: 7, count: 32))!

    /// Replaces a number in a message and decodes it; returns `nil` if the codec rejects it.
    private func decode<Message: WireMessage>(
        _ message: Message, _ random: inout SeededGenerator
    ) -> Message? {
        let bytes = ExtremeNumbers.replacing(in: message.encoded(), using: &random)
        guard let envelope = try? Envelope.readWhole(bytes.span, limit: WireLimits.meshMessage) else { return nil }
        return try? Message.decode(bytes.span, envelope)
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `extreme numbers of a consumer do not trap the flow server`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var server = FlowServer(incarnation: 77)
        var ring = Ring(duration: .seconds(30), byteLimit: 1 << 20)
        var sequence: UInt64 = 0
        var known = 0
        for round in 0..<Self.rounds {
            let now = at(Int64(round) * 10)
            sequence += 1
            let time = Int64(bitPattern: ExtremeNumbers.all.randomElement(using: &random) ?? 0)
            ring.append(
                ringFrame(sequence, at: WireLimits.times.clamping(time), bytes: 4))
            ring.append(RingEvent(sequence: sequence, event: event(.start, id: sequence)))
            let start: FlowStart =
                [.live, .sequence(incarnation: 77, 3), .time(5), .acknowledged].randomElement(using: &random) ?? .live
            let open = OpenFlow(
                flow: 1, content: [.jpeg, .events].randomElement(using: &random) ?? .jpeg,
                policy: [.every, .latest].randomElement(using: &random) ?? .every, start: start, credit: 9,
                interval: [0, 0, 100_000].randomElement(using: &random) ?? 0, group: "archive")
            var actions: [FlowServer.Action] = []
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                if let open = decode(open, &random) {
                    let consumer = FlowServer.Consumer(peer: peer(1), key: key, role: .archive)
                    actions = server.open(open, from: consumer, ring, now: now)
                }
            case 1:
                if let credit = decode(Credit(flow: 1, frames: 8), &random) {
                    actions = server.credit(credit, from: peer(1), ring, now: now)
                }
            case 2:
                let acknowledge = Acknowledge(flow: 1, incarnation: 77, sequence: sequence)
                if let message = decode(acknowledge, &random) {
                    actions = server.acknowledge(message, from: peer(1), now: now)
                }
            default: actions = server.pump(ring) + server.pumpEvents(ring)
            }
            known += server.count
            for case .gap(let gap, _) in actions { #expect(gap.missing.last < sequence) }
            server.tick(now: now)
        }
        #expect(known > 0, "some messages were accepted")
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `extreme numbers of workers do not trap the work pool`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var pool = WorkPool<Int>()
        for round in 0..<Self.rounds {
            let now = at(Int64(round) * 10)
            let job = ExtremeNumbers.all.randomElement(using: &random) ?? 1
            _ = pool.submit(round, job: job &+ UInt64(round), bytes: 1, now: now)
            let worker = peer(UInt32.random(in: 1...3, using: &random))
            if let grant = decode(Grant(jobs: 3), &random) {
                _ = pool.grant(grant.jobs, from: worker, key: key, now: now)
            }
            let answer = job &+ UInt64(Int.random(in: 0...round, using: &random))
            _ = pool.result(
                job: answer, MeshMessage([1]), failure: round.isMultiple(of: 3) ? "no" : "", from: worker, now: now)
            _ = pool.tick(now: now)
            #expect(pool.credit <= 3 * WireLimits.credit)
        }
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `extreme numbers of a motion service do not trap the events`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var events = ActiveEvents()
        var taken = 0
        for round in 0..<Self.rounds {
            let now = at(Int64(round) * 100)
            let state = EventState.allCases.randomElement(using: &random) ?? .start
            let told = Detection(flow: 1, event: event(state, id: UInt64.random(in: 0...3, using: &random)))
            if let detection = decode(told, &random),
                (try? events.handle(detection, from: peer(1), key: key, hasFlow: true, newest: .max, id: 1, now: now))
                    != nil
            {
                taken += 1
            }
            let time = Int64(bitPattern: ExtremeNumbers.all.randomElement(using: &random) ?? 0)
            _ = events.tick(
                isWanted: random.chance(percent: 80), isWatched: random.chance(percent: 20), now: now,
                time: WireLimits.times.clamping(time), id: UInt64(round))
            if random.chance(percent: 5) { _ = events.endEvents { _, _ in true } }
        }
        #expect(taken > 0)
    }
}
