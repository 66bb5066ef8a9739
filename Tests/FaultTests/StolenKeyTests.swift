import Foundation
import SecamMesh
import SecamRegistry
import SecamTestSupport
import SecamWire
import Testing

/// Attacks with a copy of one service's key on a running set (proto-spec/security.md, "What an attacker can do").
@Suite(.serialized) struct StolenKeyTests {
    private static let message: @Sendable (MeshMessage) -> MessageType? = { message in
        message.withBytes { try? Envelope.readWhole($0, limit: WireLimits.meshMessage).type }
    }

    /// Returns the identity in a join file of the set, or one made with `secam keys invite`.
    private func steal(_ role: Role, _ file: String, from set: RunningSet) throws -> Identity {
        let folder = DataFolder(set.data)
        let registry = try Identity.read(folder.joinFile(.operator, "operator"), registry: nil, role: .operator)
            .registry
        return try Identity.read(file, registry: registry, role: role)
    }

    private func stealOfPool(_ role: Role, from set: RunningSet) throws -> Identity {
        try steal(role, DataFolder(set.data).joinFile(role, "\(role)-*"), from: set)
    }

    private func invite(_ role: Role, _ name: String, in set: RunningSet) async throws -> Identity {
        try steal(role, try await Programs.invite(name, role: "\(role)", in: set.scratch), from: set)
    }

    private func expectLiveView(_ set: RunningSet, _ comment: Comment? = nil) async throws {
        let view = try await set.view(["live", "demo", "--headless", "--frames", "20"])
        #expect(view.status == 0, comment)
    }

    private func send(_ message: some WireMessage, from member: TestMember) async throws {
        #expect(try await waitUntil { await member.send(message, to: "demo") })
    }

    @Test func `a motion key that opens every possible flow does not disturb live view`() async throws {
        try await RunningSet.with(motion: 1) { set in
            let identity = try stealOfPool(.motion, from: set)
            var members: [TestMember] = []
            for number in 0..<8 {
                let member = try await TestMember.join(identity, "motion-x\(number)")
                members.append(member)
                for flow in UInt32(1)...16 {
                    let open = OpenFlow(flow: flow, content: .jpeg, policy: .every, start: .time(0), credit: 256)
                    try await send(open, from: member)
                    await member.keep(flow, of: "demo")
                }
            }
            try await eventually("the camera has refused flows") {
                for member in members where await member.received.contains(where: { Self.message($0) == .closeFlow }) {
                    return true
                }
                return false
            }
            try await expectLiveView(set)
            let flows = try #require(try await set.status("capture")["flows_open"].integer)
            #expect(flows <= 40, "32 of the key, and those of the gateway")
            for member in members { await member.stop() }
        }
    }

    @Test func `archives that only join do not take over recording`() async throws {
        try await RunningSet.with(record: "continuous") { set in
            let own = try await eventually("the archive of the set records") {
                let archive = try await set.status("archive")
                return archive["cameras_assigned"].integer == 1 ? archive["name"].text : nil
            }
            let identity = try stealOfPool(.archive, from: set)
            var members: [TestMember] = []
            for number in 0..<16 { members.append(try await TestMember.join(identity, "archive-!\(number)")) }
            try await eventually("all archives have joined") {
                try await set.status()["services"].values.count { $0["role"].text == "archive" } == 17
            }
            func recorded() async throws -> Int {
                try #require(try await set.status("archive", own)["bytes_recorded"].integer)
            }
            let before = try await recorded()
            try await eventually("recording continues") { try await recorded() > before + 50_000 }
            #expect(try await set.status("archive", own)["cameras_assigned"].integer == 1)
            for member in members { await member.stop() }
        }
    }

    @Test func `another archive's key can neither hide a volume nor answer for it`() async throws {
        try await RunningSet.with(record: "continuous") { set in
            let owners = try await eventually("the volume has an owner") {
                try? String(contentsOfFile: DataFolder(set.data).volumes, encoding: .utf8)
            }
            let line = try #require(owners.split(separator: "\n").first { !$0.hasPrefix("#") })
            #expect(line.hasSuffix(" archive-*"))
            let volume = try #require(UInt64(line.prefix(16), radix: 16))
            let recordings = { try await set.view(["recordings", "demo", "--json"]).json()["recordings"].values }
            try await eventually("a recording") { try await !recordings().isEmpty }

            let camera = try Name("demo")
            let forger: @Sendable (MeshMessage) -> (any WireMessage)? = { message in
                let search = message.withBytes { bytes -> Search? in
                    guard let envelope = try? Envelope.readWhole(bytes, limit: WireLimits.meshMessage) else {
                        return nil
                    }
                    return try? Search.decode(bytes, envelope)
                }
                let forged = FoundRecording(
                    start: 1, end: 2, bytes: 3, frames: 4, protected: false, open: false, camera: camera)
                return search.map { Found(request: $0.request, last: true, volume: volume, recordings: [forged]) }
            }
            let member = try await TestMember.join(
                try await invite(.archive, "!", in: set), "!", isListening: true, answer: forger)
            try await eventually("the claim is refused") { set.up.errors.contains("belongs to archive 'archive-*'") }
            let listed = try await recordings()
            #expect(!listed.isEmpty)
            #expect(listed.allSatisfy { $0["start_us"].integer != 1 })
            await member.stop()
        }
    }

    @Test func `workers that accept pictures but return none do not stop live view`() async throws {
        try await RunningSet.with { set in
            try await expectLiveView(set)
            let identity = try stealOfPool(.encode, from: set)
            var members: [TestMember] = []
            for number in 0..<8 { members.append(try await TestMember.join(identity, "encode-x\(number)")) }
            let viewer = try set.startView(["live", "demo", "--headless"])
            defer { viewer.kill() }
            for _ in 0..<3 {
                for member in members { try await send(Grant(jobs: 1024), from: member) }
                try await set.waitForFrames(5)
            }
            #expect(viewer.ending == nil)
            for member in members { await member.stop() }
        }
    }

    @Test func `the key of another camera, of its encoders or of an operator gives no access to a camera`() async throws
    {
        try await RunningSet.with { set in
            let file = try await Programs.invite("porch", in: set.scratch)
            let camera = try await TestMember.join(steal(.capture, file, from: set), "porch", isListening: true)
            let encoder = try await TestMember.join(steal(.encode, file, from: set), "porch@1")
            let open = OpenFlow(flow: 1, content: .jpeg, policy: .every, start: .time(0), credit: 256)
            try await send(open, from: camera)
            try await send(Grant(jobs: 1024), from: encoder)
            try await eventually("the flow is refused") {
                await camera.received.contains { Self.message($0) == .closeFlow }
            }
            try await eventually("the worker is refused") {
                try await (set.status("capture", "demo")["messages_refused"].integer ?? 0) >= 2
            }
            try await expectLiveView(set)
            #expect(await !camera.received.contains { Self.message($0) == .frame })
            #expect(await encoder.received.isEmpty)

            let file2 = DataFolder(set.data).joinFile(.operator, "operator")
            let refused = try #require(try await set.status("gateway")["messages_refused"].integer)
            let reader = try await TestMember.join(steal(.operator, file2, from: set), "operator")
            try await eventually("the operator's key may not join") {
                try await (set.status("gateway")["messages_refused"].integer ?? 0) > refused
            }
            #expect(await !reader.isConnected(to: "demo"))
            for member in [camera, encoder, reader] { await member.stop() }
        }
    }
}
