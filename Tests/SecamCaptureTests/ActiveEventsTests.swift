import SecamCapture
import SecamMesh
import SecamTestSupport
import SecamWire
import Testing

@Suite struct ActiveEventsTests {
    private func tell(
        _ ledger: inout ActiveEvents, _ state: EventState, id: UInt64 = 1, from number: UInt32 = 1, key: UInt8 = 1,
        flow: UInt32 = 1, hasFlow: Bool = true, now: Int64 = 0
    ) throws(ActiveEvents.Refusal) -> CameraEvent {
        try ledger.take(
            Detection(flow: flow, event: event(state, id: id, last: now * 1000)), from: peer(number),
            key: SecamTestSupport.key(key), hasFlow: hasFlow, newest: now * 1000, now: at(now))
    }

    @Test func `times that cannot be are bounded by the camera's own`() throws {
        var ledger = ActiveEvents()
        let newest: Int64 = 1_767_268_800_000_000
        func take(_ start: Int64, _ last: Int64, id: UInt64) throws -> CameraEvent {
            let told = CameraEvent(
                kind: .motion, state: .start, id: id, start: start, last: last, peakTime: last, peakSequence: 1,
                peakBox: .none, boxes: [])
            return try ledger.take(
                Detection(flow: 1, event: told), from: peer(1), key: SecamTestSupport.key(1), hasFlow: true,
                newest: newest,
                now: at(0))
        }
        let future = try take(newest - 5, 1 << 61, id: 1)
        #expect(future.start == newest - 5 && future.last == newest && future.peakTime == newest)
        let past = try take(-(1 << 61), newest - 7, id: 2)
        #expect(past.start == newest - ActiveEvents.Limits().longestEvent && past.last == newest - 7)
        let usual = try take(newest - 9, newest - 3, id: 3)
        #expect(usual.start == newest - 9 && usual.last == newest - 3)
    }

    @Test func anEventIsWrittenFromItsStartToItsEnd() throws {
        var ledger = ActiveEvents()
        #expect(try tell(&ledger, .start).state == .start)
        #expect(try tell(&ledger, .update, now: 100).last == 100_000)
        #expect(try tell(&ledger, .end, now: 200).state == .end)
        #expect(ledger.end { _, _ in true }.isEmpty)
    }

    @Test func whoIsGoneInTheMiddleOfAnEventDoesNotLeaveItOpen() throws {
        var ledger = ActiveEvents()
        _ = try tell(&ledger, .start)
        _ = try tell(&ledger, .update, now: 700)
        _ = try tell(&ledger, .start, id: 2, from: 2)
        let ended = ledger.end { peer, _ in peer == SecamTestSupport.peer(1) }
        #expect(ended.map(\.id) == [1])
        #expect(ended.map(\.state) == [.end])
        #expect(ended.map(\.last) == [700_000], "with what was told last")
        #expect(throws: ActiveEvents.Refusal.outOfOrder) { _ = try tell(&ledger, .update, now: 800) }
        #expect(try tell(&ledger, .end, id: 2, from: 2).state == .end)
    }

    @Test func whatWasNotBegunIsNotWritten() {
        var ledger = ActiveEvents()
        #expect(throws: ActiveEvents.Refusal.outOfOrder) { _ = try tell(&ledger, .update) }
        #expect(throws: ActiveEvents.Refusal.outOfOrder) { _ = try tell(&ledger, .end) }
        #expect(throws: ActiveEvents.Refusal.noFlow) { _ = try tell(&ledger, .start, hasFlow: false) }
    }

    @Test func nobodyEndsAnothersEvent() throws {
        var ledger = ActiveEvents()
        _ = try tell(&ledger, .start)
        #expect(throws: ActiveEvents.Refusal.outOfOrder) { _ = try tell(&ledger, .end, from: 2) }
        #expect(throws: ActiveEvents.Refusal.outOfOrder) { _ = try tell(&ledger, .start) }
    }

    @Test func oneServiceCannotFillTheLog() throws {
        let limits = ActiveEvents.Limits()
        var ledger = ActiveEvents()
        for id in 1...UInt64(limits.going) { _ = try tell(&ledger, .start, id: id) }
        #expect(throws: ActiveEvents.Refusal.tooMany) { _ = try tell(&ledger, .start, id: 99) }
        for _ in limits.going + 1..<limits.tellings { _ = try tell(&ledger, .update) }
        #expect(throws: ActiveEvents.Refusal.tooOften) { _ = try tell(&ledger, .update) }
        #expect(try tell(&ledger, .start, id: 7, from: 2).id == 7, "others are not held up by it")
        #expect(try tell(&ledger, .end).state == .end, "an end is never lost")
        #expect(try tell(&ledger, .update, id: 2, now: 1000).id == 2, "a second later it may speak again")
    }

    @Test func thatNobodyWatchesIsAnEventFromThreeSecondsOn() {
        var ledger = ActiveEvents()
        func tick(_ now: Int64, wanted: Bool = true, watched: Bool = false) -> CameraEvent? {
            ledger.tick(isWanted: wanted, isWatched: watched, now: at(now), time: now * 1000, id: 5)
        }
        #expect(tick(0) == nil)
        #expect(tick(2900) == nil)
        let start = tick(3000)
        #expect(start?.kind == .unwatched && start?.state == .start && start?.start == 0)
        #expect(tick(4000) == nil)
        let end = tick(5000, watched: true)
        #expect(end?.state == .end && end?.id == start?.id && end?.last == 5_000_000)
        #expect(tick(6000, watched: true) == nil)
        #expect(tick(7000) == nil, "it counts from the moment at which nobody watches")
        #expect(tick(9000) == nil)
        #expect(tick(9500, wanted: false) == nil, "who is not to be watched is not missed")
        #expect(tick(12_400) == nil)
    }

    @Test func `connections with one key share a bound on events, and leave other keys theirs`() throws {
        var ledger = ActiveEvents()
        let limits = ActiveEvents.Limits()
        var begun = 0
        for number in UInt32(1)...10 {
            for id in UInt64(1)...4 where (try? tell(&ledger, .start, id: id, from: number)) != nil { begun += 1 }
        }
        #expect(begun == limits.goingOfKey)
        #expect(try tell(&ledger, .start, from: 20, key: 2).state == .start)
        var told = 0
        for number in UInt32(1)...100 where (try? tell(&ledger, .update, from: 1 + number % 2, now: 5000)) != nil {
            told += 1
        }
        #expect(told == limits.tellingsOfKey)
        #expect(try tell(&ledger, .update, from: 20, key: 2, now: 5000).state == .update)
    }
}
