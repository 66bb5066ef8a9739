import SecamProcess
import SecamWire
import Testing

@testable import SecamClient

@Suite("Events in secam-view")
struct EventsTests {
    private let door = try! Name("door")

    private func event(_ state: EventState, id: UInt64 = 1, last: Int64 = 2_500_000, kind: EventKind = .motion)
        -> CameraEvent
    {
        CameraEvent(
            kind: kind, state: state, id: id, start: 0, last: last, peakTime: 0, peakSequence: 9,
            peakBox: .init(x: 0, y: 0, width: 65535, height: 32768, score: 123),
            boxes: state == .end ? [] : [.init(x: 6554, y: 0, width: 13107, height: 65535, score: 50)])
    }

    // MARK: Times

    private let now: Int64 = 1_769_903_999_000_000  // 2026-01-31 23:59:59 UTC

    @Test(
        arguments: [
            ("2026-01-31 23:59:59", 1_769_903_999_000_000), ("2026-01-31T23:59:59Z", 1_769_903_999_000_000),
            ("2026-01-31T23:59:59.5Z", 1_769_903_999_500_000), ("2026-01-31", 1_769_817_600_000_000),
            ("1970-01-01", 0), ("2000-02-29 00:01", 951_782_460_000_000), ("23:00", 1_769_900_400_000_000),
            ("10m", 1_769_903_399_000_000), ("1.5h", 1_769_898_599_000_000), ("2d", 1_769_731_199_000_000),
            ("0s", 1_769_903_999_000_000),
        ] as [(String, Int64)])
    func `dates, times of day and ages are read as UTC times`(_ text: String, _ microseconds: Int64) {
        #expect(TimeArgument.parse(text, now: now) == microseconds)
    }

    @Test(arguments: [
        "", "yesterday", "2026", "2026-13-01", "2026-00-10", "2026-01-32", "24:00", "12:60", "12:00:61", "-5m", "m",
        "5",
        "2026-01-31 23:59:59 x", "1:2:3:4", "12:", "nanm", "infd",
    ])
    func `text that is not a time is refused`(_ text: String) {
        #expect(TimeArgument.parse(text, now: now) == nil)
    }

    @Test func `each date of four hundred years is read back as it was written`() {
        for day in stride(from: Int64(0), to: 400 * 366, by: 7) {
            let text = UTCText.iso(microseconds: day * 86_400_000_000)
            #expect(TimeArgument.parse(text, now: 0) == day * 86_400_000_000, "\(text)")
        }
    }

    // MARK: Lines

    @Test func `a start and an end are printed once, however often they arrive`() {
        let printer = EventPrinter(json: false)
        #expect(printer.line(event(.start), door)?.contains("motion") == true)
        #expect(printer.line(event(.update, last: 3_000_000), door) == nil)
        #expect(printer.line(event(.end), door)?.contains("ended after 2.5 s, score 12.3") == true)
        #expect(printer.line(event(.end), door) == nil)
        #expect(printer.line(event(.update), door) == nil, "an old state after a reconnection")
        #expect(printer.line(event(.end, id: 2), door) != nil, "its start was missed")
    }

    @Test func `each state of an event is a line of JSON`() throws {
        let printer = EventPrinter(json: true)
        #expect(printer.line(event(.start), door) != nil)
        #expect(printer.line(event(.update, last: 3_000_000), door) != nil)
        #expect(printer.line(event(.update, last: 3_000_000), door) == nil)
        let text = try #require(printer.line(event(.end), door))
        #expect(
            text.hasPrefix("{\"camera\":\"door\",\"id\":\"0000000000000001\",\"kind\":\"motion\",\"state\":\"end\""))
        #expect(text.contains("\"peak_box\":[0.0,0.0,1.0,0.5]"))
    }

    @Test func `the table of events has a row for each event`() {
        let text = EventList.table([(event(.update), door), (event(.end, kind: .unwatched), door)])
        let lines = text.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[1].contains("active") && lines[2].contains("unwatched") && lines[2].contains("2.5"))
        #expect(EventList.table([]) == "No events found.")
    }

    @Test func `events of gateway and archives merge into one list, each event once`() {
        let merged = EventList.merged(
            [(event(.update, id: 2), door)], [(event(.end, id: 2), door), (event(.end, id: 1), door)])
        #expect(merged.map(\.0.id).sorted() == [1, 2])
        #expect(merged.first { $0.0.id == 2 }?.0.state == .update, "the gateway's state is newer")
    }

    // MARK: Boxes

    @Test func `boxes are shown while they are fresh and the event is active`() {
        var marks = MotionMarks()
        #expect(marks.boxes(now: at(0)).isEmpty)
        marks.record(event(.update), now: at(0))
        #expect(marks.boxes(now: at(1_000_000)).count == 1)
        #expect(marks.boxes(now: at(2_000_000)).isEmpty, "the object may have moved on")
        marks.record(event(.update), now: at(2_000_000))
        marks.record(event(.end), now: at(2_000_001))
        #expect(marks.boxes(now: at(2_000_002)).isEmpty)
        marks.record(event(.start, kind: .unwatched), now: at(3_000_000))
        #expect(marks.boxes(now: at(3_000_000)).isEmpty)
    }

    @Test func `a box is drawn at its place in the picture`() {
        let place = CameraTile.place(
            .init(x: 6554, y: 0, width: 13107, height: 65535, score: 0),
            in: Rectangle(x: 100, y: 10, width: 200, height: 100))
        #expect((place.x, place.y, place.width, place.height) == (120, 10, 40, 100))
    }

    // MARK: The connection

    @Test func `the client requests events after the login, and learns when the remembered ones are complete`() throws {
        var settings = ViewerConnection.Settings(username: "anna", password: "p")
        settings.events = .live(since: 5)
        var connection = ViewerConnection(settings, now: at(0))
        connection.receive(
            Hello(software: "g").encoded() + Welcome(role: .viewer, time: 0).encoded()
                + Cameras(cameras: [try ScriptedGateway.Camera(4, "door").listed]).encoded(), now: at(0))
        for _ in 0..<2 { _ = try connection.next(utc: 0) }
        let sent = connection.takeOutgoing()
        let expected = Follow(live: true, since: 5).encoded() + Ping(token: 0).encoded()
        #expect(Array(sent.suffix(expected.count)) == expected)
        connection.receive(
            Event(flow: 4, incarnation: 1, sequence: 1, event: event(.start)).encoded() + Pong(token: 0).encoded()
                + Event(flow: 9, incarnation: 1, sequence: 1, event: event(.start)).encoded(), now: at(0))
        var names: [String] = []
        while case .event(let event) = try connection.next(utc: 0) {
            switch event {
            case .event(_, let camera): names.append(camera.text)
            case .eventsComplete: names.append("complete")
            default: names.append("other")
            }
        }
        #expect(names == ["door", "complete"], "the event of an unlisted camera is ignored")
    }
}
