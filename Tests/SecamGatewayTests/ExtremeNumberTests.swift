import NIOCore
import SecamBase
import SecamTestSupport
import SecamUsers
import SecamWire
import Testing

@testable import SecamGateway

/// Messages with extreme numbers for the gateway's state machines. A trap ends the test.
@Suite struct ExtremeNumberTests {
    private static let rounds = 1000

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `a viewer's session survives extreme numbers`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let porch = try Name("porch")
        let admin = User(
            name: try Name("bert"), role: .admin, cameras: .all, disabled: false, credentialRevision: 1)
        let view = VisibleCameras(of: try (1...3).map { try camera($0, "cam \($0)") }, for: .all)
        let messages: [[UInt8]] = [
            Watch(camera: 1, rendition: .jpeg, credit: 1, interval: 5).encoded(), Unwatch(camera: 1).encoded(),
            Credit(flow: 1, frames: 9).encoded(), Credit(flow: Replay.flowBit | 1, frames: 9).encoded(),
            Follow(live: true, since: 3).encoded(), Ping(token: 4).encoded(),
            Search(request: 1, kinds: .all, from: 1, to: 9).encoded(),
            Protect(request: 2, protected: true, from: 1, to: 9, camera: porch).encoded(),
            Replay(
                flow: Replay.flowBit | 1, credit: 4, interval: 5, from: 1, to: 9, volume: 3, camera: porch
            ).encoded(), CloseFlow(flow: Replay.flowBit | 1, reason: .done).encoded(),
        ]
        var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
        var session = ViewerSession(limits: ViewerLimits(), software: "gateway", at: now)
        for _ in 0..<Self.rounds {
            now = now + .milliseconds(400)
            if session.user == nil {
                session = ViewerSession(limits: ViewerLimits(), software: "gateway", at: now)
                for bytes in [Hello(software: "v").encoded(), Login(username: "bert", password: "p").encoded()] {
                    let envelope = try Envelope.readWhole(bytes.span, limit: WireLimits.beforeLogin)
                    _ = session.receive(envelope, bytes.span, at: now)
                }
                _ = session.finishLogin(.accepted(admin, asOf: 1), view: view, time: 5, at: now)
            }
            let bytes = ExtremeNumbers.replacing(in: messages.randomElement(using: &random) ?? [], using: &random)
            guard let envelope = try? Envelope.readWhole(bytes.span, limit: WireLimits.viewerMessage) else { continue }
            _ = session.receive(envelope, bytes.span, at: now)
            _ = session.nextFrame(at: now)
            _ = session.nextFrameDue
        }
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `the archive proxy survives extreme numbers from viewers and archives`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let porch = try Name("porch")
        let archive = Roster.Member(
            role: .archive, incarnation: 1, key: [UInt8](repeating: 1, count: 32), name: try Name("archive-1"),
            endpoint: "e")
        var proxy = ArchiveProxy()
        _ = proxy.update([archive: "archive-1"], now: MonotonicTime(microseconds: 0))
        let viewer = ArchiveClient(id: 1, user: "anna", answer: { _ in })
        let found = Found(
            request: 1, last: false, volume: 5,
            recordings: [
                FoundRecording(start: 1, end: 2, bytes: 3, frames: 4, protected: false, open: true, camera: porch)
            ], gaps: [FoundGap(start: 1, end: 2, frames: 3, reason: .dropped, camera: porch)])
        for round in 0..<Self.rounds {
            let flow = UInt32.random(in: 1...8, using: &random)
            let requests: [ArchiveRequest] = [
                .search(Search(request: 7, kinds: .all, from: 0, to: 9)),
                .replay(
                    Replay(
                        flow: Replay.flowBit | flow, credit: 1024, interval: .max, from: 0, to: 9, volume: 5,
                        camera: porch)), .credit(flow: Replay.flowBit | flow, frames: 1024),
                .sent(flow: Replay.flowBit | flow), .close(flow: Replay.flowBit | flow),
            ]
            let now = MonotonicTime(microseconds: Int64(round) * 100_000)
            if let request = requests.randomElement(using: &random) {
                _ = proxy.handle(request, from: viewer, now: now)
            }
            let frame =
                Frame(
                    flow: flow, rendition: .jpeg, format: .jpeg, incarnation: 1, sequence: 1, timestamp: 5, width: 2,
                    height: 2
                ).encoded(payload: 3) + [1, 2, 3]
            let answers = [found.encoded(), frame, CloseFlow(flow: flow, reason: .done).encoded()]
            var bytes = answers.randomElement(using: &random) ?? []
            if random.chance(percent: 70) { bytes = ExtremeNumbers.replacing(in: bytes, using: &random) }
            guard let envelope = try? Envelope.readWhole(bytes.span, limit: WireLimits.meshMessage) else { continue }
            _ = try? proxy.receive(envelope, bytes.span, from: archive, now: now)
            _ = proxy.tick(now: now)
        }
    }
}
