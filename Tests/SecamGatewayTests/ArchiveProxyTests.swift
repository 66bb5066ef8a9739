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

    private func viewer(_ id: UInt64) -> ArchiveClient { ArchiveClient(id: id, user: "user \(id)", answer: { _ in }) }

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
                FoundRecording(
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

    /// Returns an archive whose key consists of this byte.
    private func archive(_ name: String, key: UInt8 = 1) throws -> Roster.Member {
        Roster.Member(
            role: .archive, incarnation: 1, key: [UInt8](repeating: key, count: 32), name: try Name(name), endpoint: "e"
        )
    }

    private func named(_ archives: [Roster.Member]) -> [Roster.Member: String] {
        Dictionary(uniqueKeysWithValues: archives.map { ($0, "key \($0.key[0])") })
    }

    /// Returns a proxy with identified archives of one key. Their probes had the numbers 1, 2, ….
    private func proxy(_ archives: KeyValuePairs<String, UInt64>) throws -> ArchiveProxy {
        var proxy = ArchiveProxy()
        _ = proxy.update(named(try archives.map { try archive($0.key) }), now: at(0))
        for (index, entry) in archives.enumerated() {
            _ = try receive(&proxy, found(UInt32(index + 1), entry.value, starts: []), from: entry.key)
        }
        return proxy
    }

    private func receive(
        _ proxy: inout ArchiveProxy, _ message: some WireMessage, from archive: String, key: UInt8 = 1, now: Int64 = 0
    ) throws -> [String] {
        try receive(&proxy, message.encoded(), from: archive, key: key, now: now)
    }

    private func receive(
        _ proxy: inout ArchiveProxy, _ bytes: [UInt8], from name: String, key: UInt8 = 1, now: Int64 = 0
    ) throws -> [String] {
        let envelope = try Envelope.readWhole(bytes.span, limit: WireLimits.meshMessage)
        return told(try proxy.receive(envelope, bytes.span, from: archive(name, key: key), now: at(now)))
    }

    private func frame(_ flow: UInt32, sequence: UInt64 = 1, bytes: Int = 3) -> [UInt8] {
        Frame(
            flow: flow, rendition: .jpeg, format: .jpeg, incarnation: 1, sequence: sequence, timestamp: 5, width: 2,
            height: 2
        ).encoded(payload: bytes) + [UInt8](repeating: 1, count: bytes)
    }

    /// Returns the actions as text.
    private func told(_ actions: [ArchiveProxy.Action]) -> [String] {
        actions.map { action in
            switch action {
            case .send(let message as Search, let archive):
                "\(message.to == 1 ? "probe" : "search") \(message.request) at \(archive.name)"
            case .send(let message as Replay, let archive):
                "replay \(message.flow) credit \(message.credit) at \(archive.name)"
            case .send(let message as Credit, let archive):
                "credit \(message.flow) \(message.frames) at \(archive.name)"
            case .send(let message as CloseFlow, let archive): "close \(message.flow) at \(archive.name)"
            case .store(let owners): "store \(owners.owners.keys.sorted())"
            case .identified(let archive): "identified \(archive.name)"
            case .rejected(let archive, _): "rejected \(archive.name)"
            case .send(let message, _): "\(message)"
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

    @Test func `searches do not wait for archives that come and go without an answer`() throws {
        var proxy = try proxy(["a": 5])
        let (a, first, second) = try (archive("a"), archive("new", key: 2), archive("newer", key: 2))
        _ = proxy.update(named([a, first]), now: at(0))
        #expect(told(proxy.handle(search(), from: viewer(1), now: at(1))) == ["search 3 at a"])
        #expect(try receive(&proxy, found(3, 5), from: "a") == ["found 7 [1] to 1"], "it may still answer")
        #expect(
            told(proxy.update(named([a, second]), now: at(2))) == ["found 7 [] last partial to 1", "probe 4 at newer"])
        _ = proxy.handle(search(), from: viewer(1), now: at(3))
        #expect(try receive(&proxy, found(5, 5), from: "a") == ["found 7 [1] to 1", "found 7 [] last partial to 1"])
        _ = try receive(&proxy, found(4, 6, starts: []), from: "newer", key: 2)
        _ = proxy.update(named([a]), now: at(4))
        _ = proxy.update(named([a, first]), now: at(5))
        _ = proxy.handle(search(), from: viewer(1), now: at(6))
        #expect(try receive(&proxy, found(7, 5), from: "a") == ["found 7 [1] to 1"], "its last one answered")
    }

    @Test func `lists that no viewer waits for are not decoded`() throws {
        var proxy = try proxy(["a": 5])
        _ = proxy.handle(search(), from: viewer(1), now: at(0))
        func damaged(_ request: UInt32) throws -> [UInt8] {
            var bytes = try found(request, 5).encoded()
            bytes[bytes.count - 12..<bytes.count] = []
            bytes[0] -= 12
            return bytes
        }
        #expect(try receive(&proxy, damaged(99), from: "a") == [])
        #expect(throws: WireError.self) { try receive(&proxy, damaged(2), from: "a") }
        #expect(try receive(&proxy, found(2, 5), from: "a") == ["found 7 [1] to 1", "found 7 [] last to 1"])
    }

    @Test func `an answer is complete from the latest time that any archive reports`() throws {
        var proxy = try proxy(["disk 1": 5, "disk 2": 6])
        let search = Search(request: 7, kinds: .all, from: 0, to: 100, limit: 2)
        let asked = proxy.handle(.search(search), from: viewer(1), now: at(1))
        let limits = asked.compactMap { action -> UInt32? in
            guard case .send(let message as Search, _) = action else { return nil }
            return message.limit
        }
        #expect(limits == [2, 2])
        _ = try answer(&proxy, found(3, 5, starts: [40, 50], since: 40), from: "disk 1")
        let last = try answer(&proxy, found(3, 6, starts: [30, 50], since: 30), from: "disk 2")
        #expect(last?.last == true && last?.partial == false && last?.since == 40)
    }

    /// Returns the last answer to the viewer.
    private func answer(_ proxy: inout ArchiveProxy, _ found: Found, from name: String) throws -> Found? {
        let bytes = found.encoded()
        let envelope = try Envelope.readWhole(bytes.span, limit: WireLimits.meshMessage)
        var last: Found?
        for action in try proxy.receive(envelope, bytes.span, from: archive(name), now: at(2)) {
            if case .answer(.found(let answer), _) = action { last = answer }
        }
        return last
    }

    @Test(
        arguments: [
            ([], 99), ([], 1 << 61), ([50], 50), ([40, 50], 41), ([100, 101], 100), ([40, 200], 40),
        ] as [([Int64], Int64)])
    func `an archive that omits entries below its limit hides no entries of other archives`(
        starts: [Int64], since: Int64
    ) throws {
        var proxy = try proxy(["disk": 6, "liar": 5])
        let search = Search(request: 7, kinds: .recordings, from: 0, to: 100, limit: 2)
        _ = proxy.handle(.search(search), from: viewer(1), now: at(1))
        let told = try receive(&proxy, found(3, 5, starts: starts, since: since), from: "liar")
        #expect(told.first == "rejected liar")
        let last = try answer(&proxy, found(3, 6, starts: [30, 31], since: 30), from: "disk")
        #expect(last?.last == true && last?.partial == true && last?.since == 30)
    }

    @Test func `entries of a kind outside the search do not support a later start of the answer`() throws {
        var proxy = try proxy(["liar": 5])
        let search = Search(request: 7, kinds: .events, from: 0, to: 100, limit: 1)
        _ = proxy.handle(.search(search), from: viewer(1), now: at(1))
        let last = try answer(&proxy, found(2, 5, starts: [40], since: 40), from: "liar")
        #expect(last?.partial == true && last?.since == WireLimits.times.lowerBound)
    }

    @Test func `frames that wait for their viewer are bounded by their bytes`() throws {
        var proxy = try proxy(["a": 5])
        _ = proxy.handle(try replay(1), from: viewer(1), now: at(0))
        let large = frame(2, bytes: 5 << 20)
        #expect(try receive(&proxy, large, from: "a") == ["frame 1 1 to 1"])
        #expect(try receive(&proxy, large, from: "a") == ["frame 1 1 to 1"])
        #expect(told(proxy.handle(.sent(flow: Replay.flowBit | 1), from: viewer(1), now: at(1))) == [])
        #expect(
            told(proxy.handle(.sent(flow: Replay.flowBit | 1), from: viewer(1), now: at(2))) == ["credit 2 2 at a"])

        for _ in 0..<6 { _ = try receive(&proxy, large, from: "a") }
        #expect(
            try receive(&proxy, large, from: "a") == ["close 2 at a", "close 1 tooMany to 1"],
            "an archive that keeps its own limit never sends as much")
        #expect(try receive(&proxy, large, from: "a") == [])
    }

    @Test func `a search without archives has an empty, partial answer`() throws {
        var proxy = ArchiveProxy()
        #expect(told(proxy.handle(search(), from: viewer(1), now: at(0))) == ["found 7 [] last partial to 1"])
    }

    @Test func `an answer that may be incomplete is marked partial`() throws {
        var proxy = try proxy(["a": 5, "b": 6])
        proxy.isSettling = true
        _ = proxy.handle(search(7), from: viewer(1), now: at(0))
        proxy.isSettling = false
        _ = proxy.handle(search(8), from: viewer(2), now: at(1))
        for number in UInt32(3)...4 {
            _ = try receive(&proxy, found(number, 5), from: "a")
            let all = number == 3 ? "found 7 [] last partial to 1" : "found 8 [] last to 2"
            #expect(try receive(&proxy, found(number, 6, starts: []), from: "b") == [all])
        }
        _ = proxy.handle(search(9), from: viewer(1), now: at(2))
        let unreadable = Found(request: 5, last: true, partial: true, volume: 5)
        #expect(try receive(&proxy, unreadable, from: "a") == [])
        #expect(try receive(&proxy, found(5, 6, starts: []), from: "b") == ["found 9 [] last partial to 1"])
    }

    @Test func `the longest known archive of each volume is queried`() throws {
        var proxy = try proxy(["b": 5, "c": 6])
        // The order of names does not matter.
        let all = named(try ["a", "b", "c"].map { try archive($0) })
        #expect(told(proxy.update(all, now: at(1))) == ["probe 3 at a"])
        #expect(try receive(&proxy, found(3, 5, starts: []), from: "a") == ["identified a"])
        #expect(
            told(proxy.handle(search(), from: viewer(1), now: at(2))) == ["search 4 at b", "search 4 at c"])
        #expect(try receive(&proxy, found(4, 5, starts: [3]), from: "a") == [], "this archive was not queried")
        #expect(try receive(&proxy, found(4, 5), from: "b") == ["found 7 [1] to 1"])
        #expect(try receive(&proxy, found(4, 6, starts: [9], last: false), from: "c") == ["found 7 [9] to 1"])
        #expect(
            try receive(&proxy, found(4, 6, starts: [10]), from: "c") == ["found 7 [10] to 1", "found 7 [] last to 1"])
        #expect(try receive(&proxy, found(4, 6), from: "c") == [], "the query is over")
        #expect(told(proxy.handle(try replay(1), from: viewer(1), now: at(3))) == ["replay 5 credit 16 at b"])
    }

    @Test func `another archive of the volume is queried when the first is silent or gone`() throws {
        var proxy = try proxy(["a": 5, "b": 5])
        _ = proxy.handle(search(7), from: viewer(1), now: at(0))
        #expect(told(proxy.tick(now: at(2000))) == [])
        #expect(told(proxy.tick(now: at(2001))) == ["search 3 at b"])
        #expect(try receive(&proxy, found(3, 5), from: "a") == [], "too late")
        #expect(try receive(&proxy, found(3, 5), from: "b") == ["found 7 [1] to 1", "found 7 [] last to 1"])

        #expect(
            told(proxy.handle(search(8), from: viewer(1), now: at(3000))) == ["search 4 at a"],
            "a late answer ends the silence"
        )
        #expect(told(proxy.update(named([try archive("b")]), now: at(3001))) == ["search 4 at b"])
        #expect(try receive(&proxy, found(4, 5), from: "b") == ["found 8 [1] to 1", "found 8 [] last to 1"])
    }

    @Test func `a user's second query waits for its turn and another user's is sent at once`() throws {
        var proxy = try proxy(["a": 5])
        #expect(told(proxy.handle(search(7), from: viewer(1), now: at(0))) == ["search 2 at a"])
        #expect(told(proxy.handle(search(8), from: viewer(1), now: at(1))) == [])
        #expect(told(proxy.handle(search(9), from: viewer(2), now: at(2))) == ["search 4 at a"])
        #expect(
            try receive(&proxy, found(2, 5), from: "a") == [
                "search 3 at a", "found 7 [1] to 1", "found 7 [] last to 1",
            ])
    }

    @Test func `a query that waited for its turn too long is partial and never sent`() throws {
        var proxy = try proxy(["a": 5])
        _ = proxy.handle(search(7), from: viewer(1), now: at(0))
        _ = proxy.handle(search(8), from: viewer(1), now: at(1000))
        // The archive is silent now, so that waiting for it is short.
        #expect(
            told(proxy.tick(now: at(5001))) == ["found 7 [] last partial to 1", "found 8 [] last partial to 1"])
        #expect(try receive(&proxy, found(2, 5), from: "a", now: 6000) == [])
        #expect(told(proxy.handle(search(9), from: viewer(1), now: at(7000))) == ["search 4 at a"])
    }

    @Test func `an archive that answers no query stays silent, whatever else it sends`() throws {
        var proxy = try proxy(["a": 5])
        _ = proxy.handle(search(7), from: viewer(1), now: at(0))
        #expect(told(proxy.tick(now: at(5001))) == ["found 7 [] last partial to 1"])
        #expect(try receive(&proxy, found(99, 5), from: "a", now: 5002) == [])
        _ = proxy.handle(search(8), from: viewer(2), now: at(6000))
        #expect(told(proxy.tick(now: at(6501))) == ["found 8 [] last partial to 2"])
    }

    @Test func `waiting for an archive that is silent or gone ends`() throws {
        var proxy = try proxy(["a": 5, "b": 6])
        _ = proxy.handle(search(7), from: viewer(1), now: at(0))
        _ = try receive(&proxy, found(3, 5), from: "a")
        #expect(told(proxy.tick(now: at(5000))) == [])
        #expect(told(proxy.tick(now: at(5001))) == ["found 7 [] last partial to 1"])
        _ = proxy.handle(search(8), from: viewer(1), now: at(6000))
        _ = try receive(&proxy, found(4, 5), from: "a")
        #expect(told(proxy.tick(now: at(6501))) == ["found 8 [] last partial to 1"], "the archive was silent before")
        _ = proxy.handle(search(9), from: viewer(1), now: at(7000))
        _ = try receive(&proxy, found(5, 5), from: "a")
        #expect(told(proxy.update(named([try archive("a")]), now: at(7001))) == ["found 9 [] last partial to 1"])
    }

    @Test func `a query waits for an archive that was just reached, not for one that never answers`()
        throws
    {
        var proxy = try proxy(["a": 5])
        let both = [try archive("a"), try archive("b")]
        #expect(told(proxy.update(named(both), now: at(100))) == ["probe 2 at b"])
        #expect(told(proxy.handle(search(7), from: viewer(1), now: at(200))) == ["search 3 at a"])
        #expect(try receive(&proxy, found(3, 5), from: "a", now: 201) == ["found 7 [1] to 1"])
        #expect(
            told(proxy.tick(now: at(301))) == ["probe 2 at b"], "the archive may not have admitted the gateway before")
        #expect(
            try receive(&proxy, found(2, 6, starts: []), from: "b", now: 302) == [
                "store [5, 6]", "identified b", "search 3 at b",
            ])
        #expect(try receive(&proxy, found(3, 6), from: "b", now: 303) == ["found 7 [1] to 1", "found 7 [] last to 1"])

        let three = named(both + [try archive("c")])
        _ = proxy.update(three, now: at(1000))
        _ = proxy.handle(search(8), from: viewer(1), now: at(7000))
        _ = try receive(&proxy, found(5, 5), from: "a", now: 7001)
        let last = try receive(&proxy, found(5, 6), from: "b", now: 7001)
        #expect(last == ["found 8 [1] to 1", "found 8 [] last to 1"])
    }

    @Test func `only the key that reported a volume first may answer for it`() throws {
        var proxy = try proxy(["b": 5])
        let liar = try archive("a", key: 2)
        let both = named([liar, try archive("b")])
        #expect(told(proxy.update(both, now: at(1))) == ["probe 2 at a"])
        #expect(try receive(&proxy, found(2, 5, starts: []), from: "a", key: 2) == ["rejected a"])
        #expect(told(proxy.handle(search(), from: viewer(1), now: at(2))) == ["search 3 at b"])
        #expect(try receive(&proxy, found(3, 5, starts: [3]), from: "a", key: 2) == ["rejected a"])
        #expect(try receive(&proxy, found(3, 5), from: "b") == ["found 7 [1] to 1", "found 7 [] last to 1"])
        // No other archive takes the place of the absent owner.
        #expect(told(proxy.update(named([liar]), now: at(3))) == [])
        #expect(told(proxy.tick(now: at(5002))) == ["probe 4 at a"], "the archive is probed again")
        #expect(try receive(&proxy, found(4, 5, starts: []), from: "a", key: 2) == ["rejected a"])
        #expect(told(proxy.handle(try replay(1), from: viewer(1), now: at(5003))) == ["close 1 done to 1"])
        // An archive with a volume of its own may still not answer for another.
        #expect(told(proxy.tick(now: at(11_000))) == ["probe 5 at a"])
        #expect(try receive(&proxy, found(5, 9, starts: []), from: "a", key: 2) == ["store [5, 9]", "identified a"])
        _ = proxy.handle(search(), from: viewer(1), now: at(11_001))
        #expect(try receive(&proxy, found(6, 5), from: "a", key: 2) == ["rejected a"])
    }

    @Test func `a volume can move to another key after its own key was revoked`() throws {
        var proxy = try proxy(["b": 5])
        let new = try archive("a", key: 2)
        _ = proxy.update(named([new]), now: at(1))
        #expect(try receive(&proxy, found(2, 5, starts: []), from: "a", key: 2) == ["rejected a"])
        let list = KeyList([.init(key: try #require(PublicKey(bytes: new.key)), role: .archive, pattern: "key 2")])
        #expect(told(proxy.release(notOn: list)) == ["store []"])
        #expect(told(proxy.release(notOn: list)) == [])
        #expect(told(proxy.tick(now: at(5002))) == ["probe 3 at a"])
        #expect(try receive(&proxy, found(3, 5, starts: []), from: "a", key: 2) == ["store [5]", "identified a"])
    }

    @Test func `owners of volumes are stored, and the volumes of one name are bounded`() throws {
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
        #expect(read.claim(10, by: "nas") == .owned, "older volumes keep their places")
        #expect(read.claim(5, by: "front door") == .owned)
        #expect(read.text.split(separator: "\n").count == 1 + 2 + VolumeOwners.volumesPerName)
        for text in ["5 nas", "0000000000000005", "front 0000000000000005"] {
            #expect(throws: MeshError.self) { try VolumeOwners(parsing: text, path: "volumes") }
        }
    }

    @Test func `an endless answer is cut off, and other volumes' answers are delivered`() throws {
        var proxy = try proxy(["a": 5, "b": 6])
        _ = proxy.handle(search(), from: viewer(1), now: at(0))
        var told: [String] = []
        for _ in 0...ArchiveProxy.messagesPerAnswer {
            told = try receive(&proxy, found(3, 5, starts: [], last: false), from: "a")
        }
        #expect(told == ["rejected a"])
        #expect(try receive(&proxy, found(3, 5), from: "a") == [])
        #expect(try receive(&proxy, found(3, 6), from: "b") == ["found 7 [1] to 1", "found 7 [] last partial to 1"])
    }

    @Test func `frames of a replay are requested only as they are sent to the viewer`() throws {
        var proxy = try proxy(["a": 5])
        #expect(told(proxy.handle(try replay(3), from: viewer(1), now: at(1))) == ["replay 2 credit 16 at a"])
        for _ in 0..<16 { #expect(try receive(&proxy, frame(2), from: "a") == ["frame 3 3 to 1"]) }
        #expect(told(proxy.handle(.credit(flow: Replay.flowBit | 3, frames: 5), from: viewer(1), now: at(2))) == [])
        #expect(told(proxy.handle(.sent(flow: Replay.flowBit | 3), from: viewer(1), now: at(3))) == ["credit 2 1 at a"])
        #expect(try receive(&proxy, CloseFlow(flow: 2, reason: .done), from: "a") == ["close 3 done to 1"])
        #expect(try receive(&proxy, frame(2), from: "a") == [], "the replay is over")
    }

    @Test func `an archive that owes frames of a replay is reminded of it`() throws {
        var proxy = try proxy(["one": 5])
        let actions = proxy.handle(try replay(1), from: viewer(1), now: at(0))
        #expect(actions.count == 1)
        func reminders(_ milliseconds: Int64) -> Int {
            proxy.tick(now: at(milliseconds)).count { action in
                guard case .send(let message, _) = action, let credit = message as? Credit else { return false }
                return credit.frames == 0
            }
        }
        #expect(reminders(0) == 0 && reminders(1000) == 0)
        #expect(reminders(2500) == 1 && reminders(3000) == 0 && reminders(5000) == 1)
    }

    @Test func `frames beyond the viewer's credit are dropped`() throws {
        var proxy = try proxy(["a": 5])
        #expect(told(proxy.handle(try replay(3, credit: 2), from: viewer(1), now: at(1))) == ["replay 2 credit 2 at a"])
        for _ in 0..<2 { _ = try receive(&proxy, frame(2), from: "a") }
        for _ in 0..<2 {
            #expect(told(proxy.handle(.sent(flow: Replay.flowBit | 3), from: viewer(1), now: at(2))) == [])
        }
        #expect(try receive(&proxy, frame(2), from: "a") == [], "further frames are dropped")
    }

    @Test func `a replay goes to an archive with the volume and ends with the archive or the viewer`() throws {
        var proxy = try proxy(["a": 6, "b": 5])
        #expect(
            told(proxy.handle(try replay(1, volume: 7), from: viewer(1), now: at(0))) == ["close 1 done to 1"],
            "no archive holds the volume")
        #expect(told(proxy.handle(try replay(1), from: viewer(1), now: at(1))) == ["replay 3 credit 16 at b"])
        #expect(
            told(proxy.handle(try replay(1), from: viewer(1), now: at(1))) == [
                "close 3 at b", "replay 4 credit 16 at b",
            ])
        #expect(told(proxy.handle(try replay(1), from: viewer(2), now: at(1))) == ["replay 5 credit 16 at b"])
        #expect(try receive(&proxy, frame(4), from: "a") == [], "another archive's frame is dropped")
        #expect(told(proxy.handle(.disconnected, from: viewer(1), now: at(2))) == ["close 4 at b"])
        #expect(told(proxy.update(named([try archive("a")]), now: at(3))).contains("close 1 shutdown to 2"))
    }

    @Test func `a message that archives do not send is an error`() throws {
        var proxy = try proxy(["a": 5])
        #expect(throws: WireError.self) { try receive(&proxy, Grant(jobs: 1), from: "a") }
        #expect(try receive(&proxy, CloseFlow(flow: 99, reason: .done), from: "a") == [])
        #expect(try receive(&proxy, found(99, 5), from: "a") == [])
    }

    // MARK: At a viewer's connection

    @Test func `a viewer searches and replays only the cameras that the user may see`() async throws {
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
                Issue.record("no request")
                return
            }
            #expect(asked.cameras.map(\.name.text) == ["yard"])
            // Entries of cameras outside the search are dropped.
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
            // A replay that is not permitted replaces the one with its number all the same.
            for name in ["yard", "porch"] {
                bert.send(
                    Replay(
                        flow: Replay.flowBit | 2, credit: 1, interval: 0, from: 0, to: 9, volume: 5,
                        camera: try Name(name)))
            }
            #expect(try await bert.next(CloseFlow.self).reason == .done)
            #expect(harness.hub.requests.last?.request == .close(flow: Replay.flowBit | 2))
            bert.send(Protect(request: 4, protected: true, from: 0, to: 9, camera: try Name("yard")))
            #expect(try await bert.next(ErrorMessage.self).code == .forbidden)
        }
    }

    @Test func `a revoked right ends a replay at its next frame`() async throws {
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
