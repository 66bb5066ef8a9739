import SecamBase
import SecamCapture
import SecamMesh
import SecamTestSupport
import SecamWire
import Testing

@Suite struct ActiveEventsTests {
    private func tell(
        _ events: inout ActiveEvents, _ state: EventState, id: UInt64 = 1, from number: UInt32 = 1, key: UInt8 = 1,
        flow: UInt32 = 1, hasFlow: Bool = true, now: Int64 = 0
    ) throws(ActiveEvents.Rejection) -> CameraEvent {
        try events.handle(
            Detection(flow: flow, event: event(state, id: id, last: now * 1000)), from: peer(number),
            key: SecamTestSupport.key(key), hasFlow: hasFlow, newest: now * 1000, id: 100 + UInt64(number), now: at(now)
        )
    }

    @Test func `implausible times are clamped to the newest picture`() throws {
        var events = ActiveEvents()
        let newest: Int64 = 1_767_268_800_000_000
        func handle(_ start: Int64, _ last: Int64, id: UInt64) throws -> CameraEvent {
            let told = CameraEvent(
                kind: .motion, state: .start, id: id, start: start, last: last, peakTime: last, peakSequence: 1,
                peakBox: .none, boxes: [])
            return try events.handle(
                Detection(flow: 1, event: told), from: peer(1), key: SecamTestSupport.key(1), hasFlow: true,
                newest: newest, id: 9, now: at(0))
        }
        let future = try handle(newest - 5, 1 << 61, id: 1)
        #expect(future.start == newest - 5 && future.last == newest && future.peakTime == newest)
        let past = try handle(-(1 << 61), newest - 7, id: 2)
        #expect(past.start == newest - ActiveEvents.Limits().longestEvent.microseconds && past.last == newest - 7)
        let usual = try handle(newest - 9, newest - 3, id: 3)
        #expect(usual.start == newest - 9 && usual.last == newest - 3)
    }

    @Test func `an event is logged from its start to its end`() throws {
        var events = ActiveEvents()
        #expect(try tell(&events, .start).state == .start)
        #expect(try tell(&events, .update, now: 100).last == 100_000)
        #expect(try tell(&events, .end, now: 200).state == .end)
        #expect(events.endEvents { _, _ in true }.isEmpty)
    }

    @Test func `an event ends when its motion service is gone`() throws {
        var events = ActiveEvents()
        _ = try tell(&events, .start)
        _ = try tell(&events, .update, now: 700)
        _ = try tell(&events, .start, id: 2, from: 2)
        let ended = events.endEvents { peer, _ in peer == SecamTestSupport.peer(1) }
        #expect(ended.map(\.id) == [101], "the camera's number, not the motion service's")
        #expect(ended.map(\.state) == [.end])
        #expect(ended.map(\.last) == [700_000], "with the last known time")
        #expect(throws: ActiveEvents.Rejection.outOfOrder) { _ = try tell(&events, .update, now: 800) }
        #expect(try tell(&events, .end, id: 2, from: 2).state == .end)
    }

    @Test func `events of two motion services with one number stay apart`() throws {
        var events = ActiveEvents()
        let first = try tell(&events, .start, id: 7)
        let second = try tell(&events, .start, id: 7, from: 2, key: 2)
        #expect(first.id == 101 && second.id == 102)
        #expect(try tell(&events, .end, id: 7, from: 2, key: 2).id == second.id)
        #expect(try tell(&events, .update, id: 7, now: 100).id == first.id)
    }

    @Test func `an event that was not started is rejected`() {
        var events = ActiveEvents()
        #expect(throws: ActiveEvents.Rejection.outOfOrder) { _ = try tell(&events, .update) }
        #expect(throws: ActiveEvents.Rejection.outOfOrder) { _ = try tell(&events, .end) }
        #expect(throws: ActiveEvents.Rejection.noFlow) { _ = try tell(&events, .start, hasFlow: false) }
    }

    @Test func `a motion service cannot end another one's event`() throws {
        var events = ActiveEvents()
        _ = try tell(&events, .start)
        #expect(throws: ActiveEvents.Rejection.outOfOrder) { _ = try tell(&events, .end, from: 2) }
        #expect(throws: ActiveEvents.Rejection.outOfOrder) { _ = try tell(&events, .start) }
    }

    @Test func `one service cannot fill the log`() throws {
        let limits = ActiveEvents.Limits()
        var events = ActiveEvents()
        for id in 1...UInt64(limits.activePerPeer) { _ = try tell(&events, .start, id: id) }
        #expect(throws: ActiveEvents.Rejection.tooMany) { _ = try tell(&events, .start, id: 99) }
        for _ in limits.activePerPeer + 1..<limits.detectionsPerPeer { _ = try tell(&events, .update) }
        #expect(throws: ActiveEvents.Rejection.tooOften) { _ = try tell(&events, .update) }
        #expect(try tell(&events, .start, id: 7, from: 2).state == .start, "other connections are not affected")
        #expect(try tell(&events, .end).state == .end, "an end is never lost")
        #expect(try tell(&events, .update, id: 2, now: 1000).state == .update, "a second later it is accepted again")
    }

    @Test func `a key leaves room for the events of other keys`() throws {
        var limits = ActiveEvents.Limits()
        limits.startBurst = 2
        var events = ActiveEvents(limits: limits)
        for id in 1...2 as ClosedRange<UInt64> {
            _ = try tell(&events, .start, id: id)
            _ = try tell(&events, .end, id: id)
        }
        #expect(throws: ActiveEvents.Rejection.tooOften) { _ = try tell(&events, .start, id: 3, from: 2) }
        #expect(try tell(&events, .start, id: 3, from: 3, key: 2).state == .start)
        #expect(throws: ActiveEvents.Rejection.tooOften) { _ = try tell(&events, .start, id: 3, now: 1999) }
        #expect(try tell(&events, .start, id: 3, now: 2000).state == .start)
    }

    @Test func `three seconds without a motion service start an unwatched event`() {
        var events = ActiveEvents()
        func tick(_ now: Int64, wanted: Bool = true, watched: Bool = false) -> CameraEvent? {
            events.tick(isWanted: wanted, isWatched: watched, now: at(now), time: now * 1000, id: 5)
        }
        #expect(tick(0) == nil)
        #expect(tick(2900) == nil)
        let start = tick(3000)
        #expect(start?.kind == .unwatched && start?.state == .start && start?.start == 0)
        #expect(tick(4000) == nil)
        let end = tick(5000, watched: true)
        #expect(end?.state == .end && end?.id == start?.id && end?.last == 5_000_000)
        #expect(tick(6000, watched: true) == nil)
        #expect(tick(7000) == nil, "the timeout starts again")
        #expect(tick(9000) == nil)
        #expect(tick(9500, wanted: false) == nil, "motion detection is not wanted")
        #expect(tick(12_400) == nil)
    }

    @Test func `connections with one key share a limit of events, and leave other keys theirs`() throws {
        var events = ActiveEvents()
        let limits = ActiveEvents.Limits()
        var begun = 0
        for number in UInt32(1)...10 {
            for id in UInt64(1)...4 where (try? tell(&events, .start, id: id, from: number)) != nil { begun += 1 }
        }
        #expect(begun == limits.activePerKey)
        #expect(try tell(&events, .start, from: 20, key: 2).state == .start)
        var told = 0
        for number in UInt32(1)...100 where (try? tell(&events, .update, from: 1 + number % 2, now: 5000)) != nil {
            told += 1
        }
        #expect(told == limits.detectionsPerKey)
        #expect(try tell(&events, .update, from: 20, key: 2, now: 5000).state == .update)
    }

    @Test(arguments: [ActiveEvents.Rejection.noFlow, .tooMany, .tooOften, .outOfOrder])
    func `the reason of a rejection is a phrase for operators`(rejection: ActiveEvents.Rejection) {
        #expect("\(rejection)".contains(" "))
    }
}
