import SecamMesh
import SecamRegistry
import SecamTestSupport
import SecamWire
import Synchronization
import Testing

/// Limits on the log lines that a peer can cause.
@Suite(.serialized) struct LogFloodTests {
    private static func openedFlow(_ message: MeshMessage) -> UInt32? {
        message.withBytes { bytes -> UInt32? in
            guard let envelope = try? Envelope.readWhole(bytes, limit: WireLimits.meshMessage),
                envelope.type == .openFlow, let open = try? OpenFlow.decode(bytes, envelope), open.content == .jpeg
            else { return nil }
            return open.flow
        }
    }

    @Test(arguments: [CloseReason.forbidden, .tooMany])
    func `a camera that refuses a flow thousands of times causes few log lines`(_ reason: CloseReason) async throws {
        try await RunningSet.with { set in
            let file = try await Programs.invite("porch", in: set.scratch)
            let registry = try Identity.read(
                DataFolder(set.data).joinFile(.operator, "operator"), registry: nil, role: .operator
            ).registry
            let opened = Mutex<UInt32?>(nil)
            let identity = try Identity.read(file, registry: registry, role: .capture)
            let camera = try await TestMember.join(identity, "porch", isListening: true) { message in
                if let flow = Self.openedFlow(message) { opened.withLock { $0 = flow } }
                return nil
            }
            await camera.report(
                CameraReport(
                    state: .online, format: .jpeg, width: 8, height: 8, frameRate: 10_000, since: 0, source: "test",
                    detail: ""))
            try await set.waitForCamera("porch", "online")
            let viewer = try set.startView(["live", "porch", "--headless"])
            defer { viewer.kill() }
            let flow = try await eventually("the gateway asks for pictures") { opened.withLock { $0 } }

            let start = ContinuousClock.now
            let detail = String(repeating: "\u{1b}", count: 1024)
            let payload: [UInt8] = [0xFF, 0xD8, 0xFF, 0xD9]
            for sequence in 1...5000 as ClosedRange<UInt64> {
                let frame = Frame(
                    flow: flow, rendition: .jpeg, format: .jpeg, incarnation: 1, sequence: sequence, timestamp: 1,
                    width: 8, height: 8)
                await camera.sendToVisitors([
                    MeshMessage(frame.encoded(payload: payload.count), payload: payload[...]),
                    MeshMessage(CloseFlow(flow: flow, reason: reason, detail: detail)),
                ])
            }
            // Messages are read in order, so the gateway has read all of them when it rejects the last one.
            try await eventually("the last message is rejected") {
                await camera.sendToVisitors([MeshMessage([4, 0, 0, 0, 0xff, 0xff, 1, 0])])
                return set.up.errors.contains("message rejected")
            }
            let lines = set.up.errors.split(separator: "\n").filter { $0.contains("  flow refused  ") }
            #expect(!lines.isEmpty)
            let seconds = Int((ContinuousClock.now - start) / .seconds(1))
            #expect(lines.count <= 10 + 2 + seconds / 10)
            #expect(lines.allSatisfy { $0.utf8.count < 4096 })
            await camera.stop()
        }
    }
}
