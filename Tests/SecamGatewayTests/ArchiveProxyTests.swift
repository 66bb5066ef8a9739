import NIOCore
import SecamBase
import SecamMesh
import SecamRegistry
import SecamTestSupport
import SecamUsers
import SecamWire
import Synchronization
import Testing

@testable import SecamGateway

@Suite struct ArchiveProxyTests {
    private func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(microseconds: milliseconds * 1000) }

    private func viewer(_ id: UInt64) -> ArchiveClient { ArchiveClient(id: id, answer: { _ in }) }

    private func search(_ request: UInt32 = 7) -> ArchiveRequest {
        .search(Search(request: request, kinds: .all, from: 0, to: 100))
    }

    private func found(
        _ request: UInt32, _ volume: UInt64, starts: [Int64] = [1], last: Bool = true,
        since: Int64 = WireLimits.times.lowerBound
    ) throws -> Found {
        Found(
            request: request, last: last, volume: volume,
            recordings: try starts.map {
                Found.Recorded(
                    start: $0, end: $0 + 1, bytes: 1, frames: 1, protected: false, open: false,
                    camera: try Name("porch"))
            }, since: since)
    }

    private func replay(_ flow: UInt32, credit: UInt32 = 100, volume: UInt64 = 5) throws -> ArchiveRequest {
        .replay(
            Replay(
                flow: Replay.flowBit | flow, credit: credit, interval: 0, from: 0, to: 100, volume: volume,
                camera: try Name("porch")))
    }

    /// An archive whose key consists of this byte.
    private func archive(_ name: String, key: UInt8 = 1) throws -> Roster.Member {
        Roster.Member(
            role: .archive, incarnation: 1, key: [UInt8](repeating: key, count: 32), name: try Name(name), endpoint: "e"
        )
    }

    private func named(_ archives: [Roster.Member]) -> [Roster.Member: String] {
        Dictionary(uniqueKeysWithValues: archives.map { ($0, "key \($0.key[0])") })
    }

    /// Archives with one key that have told of their volumes, under the numbers 1, 2, ….
    private func desk(_ archives: KeyValuePairs<String, UInt64>) throws -> ArchiveProxy {
        var desk = ArchiveProxy()
        _ = desk.update(named(try archives.map { try archive($0.key) }), now: at(0))
        for (index, entry) in archives.enumerated() {
            _ = try hear(&desk, found(UInt32(index + 1), entry.value, starts: []), from: entry.key)
        }
        return desk
    }

    private func hear(
        _ desk: inout ArchiveProxy, _ message: some WireMessage, from archive: String, key: UInt8 = 1, now: Int64 = 0
    ) throws -> [String] {
        try hear(&desk, message.encoded(), from: archive, key: key, now: now)
    }

    private func hear(
        _ desk: inout ArchiveProxy, _ bytes: [UInt8], from name: String, key: UInt8 = 1, now: Int64 = 0
    ) throws -> [String] {
        let envelope = try Envelope.readWhole(bytes.span, limit: WireLimits.meshMessage)
        return told(try desk.receive(envelope, bytes.span, from: archive(name, key: key), now: at(now)))
    }

    private func frame(_ flow: UInt32, sequence: UInt64 = 1) -> [UInt8] {
        Frame(
            flow: flow, rendition: .jpeg, format: .jpeg, incarnation: 1, sequence: sequence, timestamp: 5, width: 2,
            height: 2
        ).encoded(payload: 3) + [1, 2, 3]
    }

    /// What is to be sent, as text.
    private func told(_ actions: [ArchiveProxy.Action]) -> [String] {
        actions.map { action in
            switch action {
            case .ask(let message as Search, let archive):
                "\(message.to == 1 ? "probe" : "search") \(message.request) at \(archive.name)"
            case .ask(let message as Replay, let archive):
                "replay \(message.flow) credit \(message.credit) at \(archive.name)"
            case .ask(let message as Credit, let archive): "credit \(message.flow) \(message.frames) at \(archive.name)"
            case .ask(let message as CloseFlow, let archive): "close \(message.flow) at \(archive.name)"
            case .store(let owners): "store \(owners.owners.keys.sorted())"
            case .identified(let archive): "identified \(archive.name)"
            case .refused(let archive, _): "refused \(archive.name)"
            case .ask(let message, _): "\(message)"
            case .answer(.found(let found), let viewer):
                "found \(found.request) \(found.recordings.map(\.start))\(found.last ? " last" : "")"
                    + "\(found.partial ? " partial" : "") to \(viewer.id)"
            case .answer(.close(let close), let viewer):
                "close \(close.flow ^ Replay.flowBit) \(close.reason) to \(viewer.id)"
            case .answer(.frame(let message, let flow), let viewer):
                "frame \(message.getInteger(at: 10, endianness: .little, as: UInt32.self)! ^ Replay.flowBit) "
                    + "\(flow ^ Replay.flowBit) to \(viewer.id)"
            }
        }
    }

    @Test func `an answer is complete from where that of each archive is`() throws {
        var desk = try desk(["disk 1": 5, "disk 2": 6])
        let search = Search(request: 7, kinds: .all, from: 0, to: 100, limit: 2)
        let asked = desk.take(.search(search), from: viewer(1), now: at(1))
        let limits = asked.compactMap { action -> UInt32? in
            guard case .ask(let message as Search, _) = action else { return nil }
            return message.limit
        }
        #expect(limits == [2, 2])
        _ = try answer(&desk, found(3, 5, starts: [40, 50], since: 40), from: "disk 1")
        let last = try answer(&desk, found(3, 6, starts: [30, 50], since: 30), from: "disk 2")
        #expect(last?.last == true && last?.partial == false && last?.since == 40)
    }

    /// What the viewer is told last.
    private func answer(_ desk: inout ArchiveProxy, _ found: Found, from name: String) throws -> Found? {
        let bytes = found.encoded()
        let envelope = try Envelope.readWhole(bytes.span, limit: WireLimits.meshMessage)
        var last: Found?
        for action in try desk.receive(envelope, bytes.span, from: archive(name), now: at(2)) {
            if case .answer(.found(let answer), _) = action { last = answer }
        }
        return last
    }

    @Test(
        arguments: [
            ([], 99), ([], 1 << 61), ([50], 50), ([40, 50], 41), ([100, 101], 100), ([40, 200], 40),
        ] as [([Int64], Int64)])
    func `an archive that tells too little for its limit hides nothing of other archives`(
        starts: [Int64], since: Int64
    ) throws {
        var desk = try desk(["disk": 6, "liar": 5])
        let search = Search(request: 7, kinds: .recordings, from: 0, to: 100, limit: 2)
        _ = desk.take(.search(search), from: viewer(1), now: at(1))
        let told = try hear(&desk, found(3, 5, starts: starts, since: since), from: "liar")
        #expect(told.first == "refused liar")
        let last = try answer(&desk, found(3, 6, starts: [30, 31], since: 30), from: "disk")
        #expect(last?.last == true && last?.partial == true && last?.since == 30)
    }

    @Test func `entries of a kind that was not asked for do not make an answer incomplete`() throws {
        var desk = try desk(["liar": 5])
        let search = Search(request: 7, kinds: .events, from: 0, to: 100, limit: 1)
        _ = desk.take(.search(search), from: viewer(1), now: at(1))
        let last = try answer(&desk, found(2, 5, starts: [40], since: 40), from: "liar")
        #expect(last?.partial == true && last?.since == WireLimits.times.lowerBound)
    }

    @Test func withoutAnArchiveNothingIsFound() throws {
        var desk = ArchiveProxy()
        #expect(told(desk.take(search(), from: viewer(1), now: at(0))) == ["found 7 [] last partial to 1"])
    }

    @Test func anAnswerThatMayNotBeAllSaysSo() throws {
        var desk = try desk(["a": 5, "b": 6])
        desk.isSettling = true
        _ = desk.take(search(7), from: viewer(1), now: at(0))
        desk.isSettling = false
        _ = desk.take(search(8), from: viewer(1), now: at(1))
        for number in UInt32(3)...4 {
            _ = try hear(&desk, found(number, 5), from: "a")
            let all = number == 3 ? "found 7 [] last partial to 1" : "found 8 [] last to 1"
            #expect(try hear(&desk, found(number, 6, starts: []), from: "b") == [all])
        }
        _ = desk.take(search(9), from: viewer(1), now: at(2))
        let unreadable = Found(request: 5, last: true, partial: true, volume: 5)
        #expect(try hear(&desk, unreadable, from: "a") == [])
        #expect(try hear(&desk, found(5, 6, starts: []), from: "b") == ["found 9 [] last partial to 1"])
    }

    @Test func `one archive of each volume is asked, the one that is known longest`() throws {
        var desk = try desk(["b": 5, "c": 6])
        // A name that sorts first makes no difference.
        let all = named(try ["a", "b", "c"].map { try archive($0) })
        #expect(told(desk.update(all, now: at(1))) == ["probe 3 at a"])
        #expect(try hear(&desk, found(3, 5, starts: []), from: "a") == ["identified a"])
        #expect(
            told(desk.take(search(), from: viewer(1), now: at(2))) == ["search 4 at b", "search 4 at c"])
        #expect(try hear(&desk, found(4, 5, starts: [3]), from: "a") == [], "it was not asked")
        #expect(try hear(&desk, found(4, 5), from: "b") == ["found 7 [1] to 1"])
        #expect(try hear(&desk, found(4, 6, starts: [9], last: false), from: "c") == ["found 7 [9] to 1"])
        #expect(try hear(&desk, found(4, 6, starts: [10]), from: "c") == ["found 7 [10] to 1", "found 7 [] last to 1"])
        #expect(try hear(&desk, found(4, 6), from: "c") == [], "the question is over")
        #expect(told(desk.take(try replay(1), from: viewer(1), now: at(3))) == ["replay 5 credit 16 at b"])
    }

    @Test func `another archive of the volume answers when the one that was asked is silent or gone`() throws {
        var desk = try desk(["a": 5, "b": 5])
        _ = desk.take(search(7), from: viewer(1), now: at(0))
        #expect(told(desk.tick(now: at(2000))) == [])
        #expect(told(desk.tick(now: at(2001))) == ["search 3 at b"])
        #expect(try hear(&desk, found(3, 5), from: "a") == [], "too late")
        #expect(try hear(&desk, found(3, 5), from: "b") == ["found 7 [1] to 1", "found 7 [] last to 1"])

        #expect(
            told(desk.take(search(8), from: viewer(1), now: at(3000))) == ["search 4 at a"], "it has answered after all"
        )
        #expect(told(desk.update(named([try archive("b")]), now: at(3001))) == ["search 4 at b"])
        #expect(try hear(&desk, found(4, 5), from: "b") == ["found 8 [1] to 1", "found 8 [] last to 1"])
    }

    @Test func anArchiveThatIsSilentOrGoneIsNotWaitedForForEver() throws {
        var desk = try desk(["a": 5, "b": 6])
        _ = desk.take(search(7), from: viewer(1), now: at(0))
        _ = try hear(&desk, found(3, 5), from: "a")
        #expect(told(desk.tick(now: at(5000))) == [])
        #expect(told(desk.tick(now: at(5001))) == ["found 7 [] last partial to 1"])
        _ = desk.take(search(8), from: viewer(1), now: at(6000))
        _ = try hear(&desk, found(4, 5), from: "a")
        #expect(told(desk.tick(now: at(6501))) == ["found 8 [] last partial to 1"], "it was silent before")
        _ = desk.take(search(9), from: viewer(1), now: at(7000))
        _ = try hear(&desk, found(5, 5), from: "a")
        #expect(told(desk.update(named([try archive("a")]), now: at(7001))) == ["found 9 [] last partial to 1"])
    }

    @Test func `a question waits for an archive that was just reached, not for one that never answers`()
        throws
    {
        var desk = try desk(["a": 5])
        let both = [try archive("a"), try archive("b")]
        #expect(told(desk.update(named(both), now: at(100))) == ["probe 2 at b"])
        #expect(told(desk.take(search(7), from: viewer(1), now: at(200))) == ["search 3 at a"])
        #expect(try hear(&desk, found(3, 5), from: "a", now: 201) == ["found 7 [1] to 1"])
        #expect(told(desk.tick(now: at(301))) == ["probe 2 at b"], "it may not have let us in before")
        #expect(
            try hear(&desk, found(2, 6, starts: []), from: "b", now: 302) == [
                "store [5, 6]", "identified b", "search 3 at b",
            ])
        #expect(try hear(&desk, found(3, 6), from: "b", now: 303) == ["found 7 [1] to 1", "found 7 [] last to 1"])

        let three = named(both + [try archive("c")])
        _ = desk.update(three, now: at(1000))
        _ = desk.take(search(8), from: viewer(1), now: at(7000))
        _ = try hear(&desk, found(5, 5), from: "a", now: 7001)
        let last = try hear(&desk, found(5, 6), from: "b", now: 7001)
        #expect(last == ["found 8 [1] to 1", "found 8 [] last to 1"])
    }

    @Test func `a volume answers through the key that reported it first, and through no other`() throws {
        var desk = try desk(["b": 5])
        let liar = try archive("a", key: 2)
        let both = named([liar, try archive("b")])
        #expect(told(desk.update(both, now: at(1))) == ["probe 2 at a"])
        #expect(try hear(&desk, found(2, 5, starts: []), from: "a", key: 2) == ["refused a"])
        #expect(told(desk.take(search(), from: viewer(1), now: at(2))) == ["search 3 at b"])
        #expect(try hear(&desk, found(3, 5, starts: [3]), from: "a", key: 2) == ["refused a"])
        #expect(try hear(&desk, found(3, 5), from: "b") == ["found 7 [1] to 1", "found 7 [] last to 1"])
        // The owner is away: nobody takes its place.
        #expect(told(desk.update(named([liar]), now: at(3))) == [])
        #expect(told(desk.tick(now: at(5002))) == ["probe 4 at a"], "it is asked again")
        #expect(try hear(&desk, found(4, 5, starts: []), from: "a", key: 2) == ["refused a"])
        #expect(told(desk.take(try replay(1), from: viewer(1), now: at(5003))) == ["close 1 done to 1"])
        // A volume of its own does not make it speak for another one.
        #expect(told(desk.tick(now: at(11_000))) == ["probe 5 at a"])
        #expect(try hear(&desk, found(5, 9, starts: []), from: "a", key: 2) == ["store [5, 9]", "identified a"])
        _ = desk.take(search(), from: viewer(1), now: at(11_001))
        #expect(try hear(&desk, found(6, 5), from: "a", key: 2) == ["refused a"])
    }

    @Test func `a volume moves to another key once its own key was revoked`() throws {
        var desk = try desk(["b": 5])
        let new = try archive("a", key: 2)
        _ = desk.update(named([new]), now: at(1))
        #expect(try hear(&desk, found(2, 5, starts: []), from: "a", key: 2) == ["refused a"])
        let list = Allowlist([.init(key: try #require(PublicKey(bytes: new.key)), role: .archive, pattern: "key 2")])
        #expect(told(desk.release(notOn: list)) == ["store []"])
        #expect(told(desk.release(notOn: list)) == [])
        #expect(told(desk.tick(now: at(5002))) == ["probe 3 at a"])
        #expect(try hear(&desk, found(3, 5, starts: []), from: "a", key: 2) == ["store [5]", "identified a"])
    }

    @Test func `owners of volumes outlive the gateway, and one name has a bounded number of volumes`() throws {
        var owners = VolumeOwners()
        #expect(owners.claim(5, by: "front door") == .registered)
        #expect(owners.claim(5, by: "nas") == .foreign(owner: "front door"))
        var read = try VolumeOwners(parsing: owners.text, path: "volumes")
        #expect(read == owners)
        #expect(read.claim(5, by: "nas") == .foreign(owner: "front door"))
        #expect(read.claim(5, by: "front door") == .owned)
        for volume in UInt64(10)..<10 + UInt64(VolumeOwners.volumesPerName) { _ = read.claim(volume, by: "nas") }
        let present = Set(UInt64(10)..<10 + UInt64(VolumeOwners.volumesPerName))
        #expect(read.claim(9, by: "nas", present: present) == .tooMany)
        #expect(read.claim(9, by: "front door") == .registered)
        for volume in UInt64(1000)..<2000 { #expect(read.claim(volume, by: "nas") == .registered) }
        #expect(read.claim(10, by: "nas") == .owned, "one that was there before keeps its place")
        #expect(read.claim(5, by: "front door") == .owned)
        #expect(read.text.split(separator: "\n").count == 1 + 2 + VolumeOwners.volumesPerName)
        for text in ["5 nas", "0000000000000005", "front 0000000000000005"] {
            #expect(throws: MeshError.self) { try VolumeOwners(parsing: text, path: "volumes") }
        }
    }

    @Test func `an answer that does not end is cut off, and the other volumes' answers are told`() throws {
        var desk = try desk(["a": 5, "b": 6])
        _ = desk.take(search(), from: viewer(1), now: at(0))
        var told: [String] = []
        for _ in 0...ArchiveProxy.messagesPerAnswer {
            told = try hear(&desk, found(3, 5, starts: [], last: false), from: "a")
        }
        #expect(told == ["refused a"])
        #expect(try hear(&desk, found(3, 5), from: "a") == [])
        #expect(try hear(&desk, found(3, 6), from: "b") == ["found 7 [1] to 1", "found 7 [] last partial to 1"])
    }

    @Test func framesOfAReplayAreBoundedByWhatLeavesForTheViewer() throws {
        var desk = try desk(["a": 5])
        #expect(told(desk.take(try replay(3), from: viewer(1), now: at(1))) == ["replay 2 credit 16 at a"])
        for _ in 0..<16 { #expect(try hear(&desk, frame(2), from: "a") == ["frame 3 3 to 1"]) }
        #expect(told(desk.take(.credit(flow: Replay.flowBit | 3, frames: 5), from: viewer(1), now: at(2))) == [])
        #expect(told(desk.take(.sent(flow: Replay.flowBit | 3), from: viewer(1), now: at(3))) == ["credit 2 1 at a"])
        #expect(try hear(&desk, CloseFlow(flow: 2, reason: .done), from: "a") == ["close 3 done to 1"])
        #expect(try hear(&desk, frame(2), from: "a") == [], "it is over")
    }

    @Test func `an archive is reminded of a replay of which frames are to come, as it may have forgotten it`() throws {
        var desk = try desk(["one": 5])
        let actions = desk.take(try replay(1), from: viewer(1), now: at(0))
        #expect(actions.count == 1)
        func reminders(_ milliseconds: Int64) -> Int {
            desk.tick(now: at(milliseconds)).count { action in
                guard case .ask(let message, _) = action, let credit = message as? Credit else { return false }
                return credit.frames == 0
            }
        }
        #expect(reminders(0) == 0 && reminders(1000) == 0)
        #expect(reminders(2500) == 1 && reminders(3000) == 0 && reminders(5000) == 1)
    }

    @Test func noMoreIsSentThanAViewerAskedFor() throws {
        var desk = try desk(["a": 5])
        #expect(told(desk.take(try replay(3, credit: 2), from: viewer(1), now: at(1))) == ["replay 2 credit 2 at a"])
        for _ in 0..<2 { _ = try hear(&desk, frame(2), from: "a") }
        for _ in 0..<2 { #expect(told(desk.take(.sent(flow: Replay.flowBit | 3), from: viewer(1), now: at(2))) == []) }
        #expect(try hear(&desk, frame(2), from: "a") == [], "an archive that sends more is not passed on")
    }

    @Test func aReplayGoesToWhoHasTheVolumeAndEndsWithItOrItsViewer() throws {
        var desk = try desk(["a": 6, "b": 5])
        #expect(
            told(desk.take(try replay(1, volume: 7), from: viewer(1), now: at(0))) == ["close 1 done to 1"],
            "nobody has it")
        #expect(told(desk.take(try replay(1), from: viewer(1), now: at(1))) == ["replay 3 credit 16 at b"])
        #expect(
            told(desk.take(try replay(1), from: viewer(1), now: at(1))) == ["close 3 at b", "replay 4 credit 16 at b"])
        #expect(told(desk.take(try replay(1), from: viewer(2), now: at(1))) == ["replay 5 credit 16 at b"])
        #expect(try hear(&desk, frame(4), from: "a") == [], "not from another archive")
        #expect(told(desk.take(.forget, from: viewer(1), now: at(2))) == ["close 4 at b"])
        #expect(told(desk.update(named([try archive("a")]), now: at(3))).contains("close 1 shutdown to 2"))
    }

    @Test func whatAnArchiveMayNotSayIsAnError() throws {
        var desk = try desk(["a": 5])
        #expect(throws: WireError.self) { try hear(&desk, Grant(jobs: 1), from: "a") }
        #expect(try hear(&desk, CloseFlow(flow: 99, reason: .done), from: "a") == [])
        #expect(try hear(&desk, found(99, 5), from: "a") == [])
    }

    // MARK: At a viewer's connection

    @Test func `a viewer is only asked about what it may see, and told nothing else`() async throws {
        try await ViewerHarness.run { harness in
            try harness.users.add(
                Name("bert"), password: ViewerHarness.password, role: .viewer, cameras: .only([Name("yard")]))
            let (bert, _) = try await harness.loggedIn("bert")
            bert.send(Search(request: 1, kinds: .all, from: 0, to: 9, cameras: [.init(name: try Name("porch"))]))
            #expect(try await bert.next(Found.self) == Found(request: 1, last: true, volume: 0))
            bert.send(Search(request: 2, kinds: .all, from: 0, to: 9))
            bert.send(Search(request: 3, kinds: .all, from: 0, to: 9))
            #expect(try await bert.next(ErrorMessage.self).code == .tooMany)
            guard case .search(let asked) = harness.hub.requests.last?.request else {
                Issue.record("nothing was asked")
                return
            }
            #expect(asked.cameras.map(\.name.text) == ["yard"])
            // An archive that answers more than it was asked for is not passed on.
            let answer = try #require(harness.hub.requests.last?.viewer.answer)
            answer(.found(try found(2, 5, last: false)))
            answer(.found(Found(request: 2, last: true, volume: 0)))
            #expect(try await bert.next(Found.self).recordings.isEmpty)

            bert.send(
                Replay(
                    flow: Replay.flowBit | 1, credit: 1, interval: 0, from: 0, to: 9, volume: 5,
                    camera: try Name("porch")))
            #expect(try await bert.next(CloseFlow.self).reason == .done)
            bert.send(Replay(flow: 1, credit: 1, interval: 0, from: 0, to: 9, volume: 5, camera: try Name("yard")))
            #expect(try await bert.next(ErrorMessage.self).code == .unexpected)
            bert.send(Protect(request: 4, protected: true, from: 0, to: 9, camera: try Name("yard")))
            #expect(try await bert.next(ErrorMessage.self).code == .forbidden)
        }
    }

    @Test func `a right that is taken ends a replay at its next frame`() async throws {
        try await ViewerHarness.run { harness in
            let bert = try Name("bert")
            try harness.users.add(
                bert, password: ViewerHarness.password, role: .viewer, cameras: .only([Name("porch")]))
            let (viewer, _) = try await harness.loggedIn("bert")
            let flow = Replay.flowBit | 9
            viewer.send(
                Replay(flow: flow, credit: 8, interval: 0, from: 0, to: 9, volume: 5, camera: try Name("porch")))
            viewer.send(Ping(token: 1))
            _ = try await viewer.next(Pong.self)
            let answer = try #require(harness.hub.requests.last?.viewer.answer)
            answer(.frame(ByteBuffer(bytes: frame(flow)), flow: flow))
            #expect(try await viewer.nextFrame().flow == flow)
            try harness.users.grant(.only([try Name("yard")]), to: bert)
            _ = try await viewer.next(Cameras.self)
            answer(.frame(ByteBuffer(bytes: frame(flow, sequence: 2)), flow: flow))
            #expect(try await waitUntil { harness.hub.requests.contains { $0.request == .close(flow: flow) } })
            #expect(try await viewer.next(CloseFlow.self).reason == .done)
        }
    }
}
