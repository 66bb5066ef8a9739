import NIOCore
import SecamUsers
import SecamWire
import Testing

@testable import SecamGateway

@Suite struct EventTests {
    private func event(
        _ id: UInt64, _ state: EventState = .start, camera: UInt32 = 1, sequence: UInt64 = 1, last: Int64 = 0
    ) -> Event {
        Event(
            flow: camera, incarnation: 1, sequence: sequence,
            event: CameraEvent(
                kind: .motion, state: state, id: id, start: 0, last: last, peakTime: 0, peakSequence: 0, peakBox: .none,
                boxes: []))
    }

    private func record(_ eventCache: EventCache, _ event: Event) -> SharedEvent {
        eventCache.record(event, ByteBuffer(bytes: event.encoded()))
    }

    @Test func `the cache holds the newest state of each event`() {
        let eventCache = EventCache()
        _ = record(eventCache, event(1, last: 10))
        _ = record(eventCache, event(2, last: 20))
        _ = record(eventCache, event(1, .end, last: 30))
        _ = record(eventCache, event(3, camera: 2, last: 5))
        let (events, serial) = eventCache.events(since: 0, of: [1, 2])
        #expect(events.map(\.id.event) == [3, 2, 1])
        #expect(serial == 4)
        #expect(
            eventCache.events(since: 25, of: [1, 2]).events.map(\.id.event) == [3, 2, 1], "two events are still open")
        #expect(eventCache.events(since: 31, of: [1, 2]).events.map(\.id.event) == [3, 2])
        #expect(eventCache.events(since: 0, of: [2]).events.map(\.id.event) == [3])
        #expect(eventCache.events(since: 0, of: []).events.isEmpty)
    }

    @Test func `the open events of a restarted camera are orphans`() {
        let eventCache = EventCache()
        _ = record(eventCache, event(1))
        _ = record(eventCache, event(2, .end))
        _ = record(eventCache, event(3, camera: 2))
        #expect(eventCache.orphans(of: 1, since: 1).isEmpty)
        #expect(eventCache.orphans(of: 1, since: 2).map(\.event.id) == [1])
    }

    @Test func `a full cache drops the camera's own oldest events`() {
        let eventCache = EventCache()
        _ = record(eventCache, event(1, camera: 2))
        for id in 1...UInt64(EventCache.perCamera + 3) { _ = record(eventCache, event(id, last: Int64(id))) }
        #expect(eventCache.events(since: 0, of: [1]).events.first?.id.event == 4)
        #expect(eventCache.events(since: 0, of: [2]).events.count == 1)
    }

    @Test func `a viewer that does not read gets the newest state of each event`() {
        let eventCache = EventCache()
        var slots = EventSlots()
        slots.follow(Follow(live: true, since: 0), history: [], serial: 0)
        slots.offer(record(eventCache, event(1)))
        slots.offer(record(eventCache, event(2)))
        slots.offer(record(eventCache, event(1, .end, last: 9)))
        #expect(slots.popNext()?.last == 9)
        #expect(slots.popNext()?.id.event == 2)
        #expect(slots.popNext() == nil && slots.isEmpty)
    }

    @Test func `events in the history are not sent again`() {
        let eventCache = EventCache()
        var slots = EventSlots()
        let old = record(eventCache, event(1))
        let (history, serial) = eventCache.events(since: 0, of: [1])
        slots.follow(Follow(live: true, since: 0), history: history, serial: serial)
        slots.offer(old)
        slots.offer(record(eventCache, event(2)))
        #expect([slots.popNext()?.id.event, slots.popNext()?.id.event, slots.popNext()?.id.event] == [1, 2, nil])
    }

    @Test func `only followed events wait`() {
        let eventCache = EventCache()
        var slots = EventSlots()
        slots.offer(record(eventCache, event(1)))
        #expect(slots.isEmpty)
        slots.follow(Follow(live: true, since: 0, cameras: [.init(camera: 2)]), history: [], serial: 1)
        slots.offer(record(eventCache, event(2)))
        slots.offer(record(eventCache, event(3, camera: 2)))
        #expect(slots.popNext()?.id.camera == 2 && slots.isEmpty)
        slots.follow(Follow(live: false, since: 0), history: [], serial: 3)
        slots.offer(record(eventCache, event(4)))
        #expect(slots.isEmpty)
    }

    @Test func `waiting events are bounded`() {
        let eventCache = EventCache()
        var slots = EventSlots()
        slots.follow(Follow(live: true, since: 0), history: [], serial: 0)
        for id in 1...UInt64(EventSlots.limit + 10) { slots.offer(record(eventCache, event(id))) }
        #expect(slots.popNext()?.id.event == 11)
    }

    // MARK: Over a real connection

    private func publish(_ harness: ViewerHarness, _ event: Event) {
        harness.server.publish(ByteBuffer(bytes: event.encoded()), event: event)
    }

    @Test func `history comes before the answer to a later ping, and live events come after it`() async throws {
        try await ViewerHarness.run { harness in
            try harness.showCameras(["door", "yard"])
            for id in 1...UInt64(200) { publish(harness, event(id, .end, sequence: id, last: Int64(id))) }
            publish(harness, event(900, camera: 2, last: 100))
            let (viewer, _) = try await harness.loggedIn()
            viewer.send(Follow(live: true, since: 101).encoded() + Ping(token: 7).encoded())
            #expect(try await viewer.next(Event.self).event.id == 900, "an open event is part of every history")
            for id in 101...UInt64(200) { #expect(try await viewer.next(Event.self).event.id == id) }
            #expect(try await viewer.next(Pong.self).token == 7)
            publish(harness, event(900, .end, camera: 2, sequence: 2, last: 300))
            let live = try await viewer.next(Event.self)
            #expect(live.flow == 2 && live.event.state == .end)
        }
    }

    @Test func `answers keep the order of their requests while events wait`() async throws {
        try await ViewerHarness.run { harness in
            try harness.showCameras(["door"])
            for id in 1...UInt64(200) { publish(harness, event(id, .end, sequence: id, last: Int64(id))) }
            let (viewer, _) = try await harness.loggedIn()
            let missing = Watch(camera: 77, rendition: .jpeg, credit: 1, interval: 0)
            viewer.send(
                Follow(live: true, since: 0).encoded() + Ping(token: 1).encoded() + missing.encoded()
                    + Ping(token: 2).encoded())
            for id in 1...UInt64(200) { #expect(try await viewer.next(Event.self).event.id == id) }
            #expect(try await viewer.next(Pong.self).token == 1)
            #expect(try await viewer.next(ErrorMessage.self).code == .noSuchCamera)
            #expect(try await viewer.next(Pong.self).token == 2)
        }
    }

    @Test func `events of a camera that the user may not see are not sent`() async throws {
        try await ViewerHarness.run { harness in
            let bert = try Name("bert")
            try harness.users.add(
                bert, password: ViewerHarness.password, role: .viewer, cameras: .only([try Name("yard")]))
            try harness.showCameras(["door", "yard"])
            publish(harness, event(1))
            publish(harness, event(2, camera: 2))
            let (viewer, cameras) = try await harness.loggedIn("bert")
            #expect(cameras.cameras.map(\.name.text) == ["yard"])
            viewer.send(Follow(live: true, since: .min, cameras: [.init(camera: 1), .init(camera: 2)]))
            #expect(try await viewer.next(Event.self).event.id == 2)
            publish(harness, event(3))
            publish(harness, event(4, camera: 2))
            #expect(try await viewer.next(Event.self).event.id == 4)
            viewer.send(Ping(token: 1))
            _ = try await viewer.next(Pong.self)
        }
    }
}
