import SecamBase
import SecamMesh
import SecamRegistry
import SecamTestSupport
import SecamWire
import Testing

/// Messages with extreme numbers for the registry; a trap ends the test.
@Suite struct ExtremeNumberTests {
    private static let rounds = 1000

    private let key = PublicKey(bytes: [UInt8](repeating: 7, count: 32))!

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `the registry survives members with extreme numbers`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let own = Roster.Member(
            role: .gateway, incarnation: 9, key: [UInt8](repeating: 1, count: 32), name: try Name("gateway"),
            endpoint: "")
        var registry = Registry(
            gateway: own, keyList: KeyList([.init(key: key, role: .capture, pattern: "porch")]), now: at(0),
            policies: TestPolicies())
        let join = Join(
            role: .capture, process: 7, incarnation: 3, name: try Name("porch"), endpoint: "tcp://127.0.0.1:1",
            software: "test")
        let messages: [[UInt8]] = [
            join.encoded(),
            Beat(incarnation: 3, figures: [Figure(.framesCaptured, 1), Figure(.bytesPublished, 2)]).encoded(),
            CameraReport(
                state: .online, format: .jpeg, width: 640, height: 480, frameRate: 30_000, since: 5, source: "s",
                detail: "d"
            ).encoded(), Leave().encoded(),
        ]
        for round in 0..<Self.rounds {
            let now = at(Int64(round) * 20)
            var bytes = messages.randomElement(using: &random) ?? []
            if random.chance(percent: 70) { bytes = ExtremeNumbers.replacing(in: bytes, using: &random) }
            _ = try? registry.receive(bytes.span, from: peer(1), key: key, address: "127.0.0.1", time: 5, now: now)
            _ = registry.tick(now: now)
            let status = registry.status(figures: [], time: 5, joined: 1, process: 1, now: now).encoded()
            let envelope = try Envelope.readWhole(status.span, limit: WireLimits.meshMessage)
            _ = try Status.decode(status.span, envelope)
        }
    }
}
