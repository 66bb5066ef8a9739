import SecamBase
import SecamMesh
import SecamTestSupport
import SecamWire
import Testing

/// Messages with extreme numbers for a member; a trap ends the test.
@Suite struct ExtremeNumberTests {
    private static let rounds = 1000

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `a member survives a registry with extreme numbers`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let camera = try Name("porch")
        let member = Roster.Member(
            role: .capture, incarnation: 2, key: [UInt8](repeating: 2, count: 32), name: camera, endpoint: "tcp://h:2")
        let policies = TestPolicies(isWatched: true, mode: .both)
        let entry = try #require(policies.motion(for: camera))
        let rule = try #require(policies.recording(of: camera))
        let messages: [[UInt8]] = [
            Roster(generation: 1, settling: false, members: [member]).encoded(), policies.policy(for: camera).encoded(),
            Assignment(cameras: [entry]).encoded(), Recording(cameras: [rule]).encoded(),
            Beat(incarnation: 9, figures: []).encoded(), Refused(reason: .nameTaken, detail: "").encoded(),
        ]
        var membership = Membership(
            Join(role: .archive, process: 1, incarnation: 5, name: camera, endpoint: "", software: "test"))
        for round in 0..<Self.rounds {
            var bytes = messages.randomElement(using: &random) ?? []
            if random.chance(percent: 70) { bytes = ExtremeNumbers.replacing(in: bytes, using: &random) }
            _ = try? membership.receive(bytes.span, now: at(Int64(round) * 20))
            _ = membership.tick(figures: [], now: at(Int64(round) * 20))
        }
    }
}
