import SecamBase
import SecamWire
import Testing

@testable import SecamEncode

struct JobSchedulerTests {
    private let start = MonotonicTime(microseconds: 1_000_000_000)
    private let porch: Name
    private let yard: Name

    init() throws {
        porch = try Name("porch")
        yard = try Name("yard")
    }

    private func turns(threads: Int, _ cameras: Name...) -> JobScheduler<Int> {
        var turns = JobScheduler<Int>(threads: threads)
        for camera in cameras { turns.add(camera) }
        return turns
    }

    private func handOut(_ turns: inout JobScheduler<Int>, at now: MonotonicTime) -> [JobScheduler<Int>.Turn] {
        var out: [JobScheduler<Int>.Turn] = []
        while let turn = turns.next(now: now) { out.append(turn) }
        return out
    }

    /// Has the camera do one job.
    private func show(_ turns: inout JobScheduler<Int>, _ camera: Name, _ microseconds: Int64, bytes: Int = 1000) throws
    {
        turns.append(0, bytes: bytes, of: camera)
        let turn = turns.next(now: start)
        turns.finish(try #require(turn), microseconds: microseconds, now: start)
    }

    @Test func `a camera alone has all threads, and one job more is ready for them`() throws {
        var turns = turns(threads: 4, porch)
        for job in 1...8 { turns.append(job, bytes: 100_000_000, of: porch) }
        let out = handOut(&turns, at: start)
        #expect(out.map(\.job) == [1, 2, 3, 4, 5])
        for turn in out { turns.finish(turn, microseconds: 8_000_000, now: start) }
        #expect(turns.bound(of: porch, now: start) == nil)
        #expect(handOut(&turns, at: start).map(\.job) == [6, 7, 8])
    }

    @Test func `cameras with short jobs take turns, and each may have all threads`() throws {
        var turns = turns(threads: 4, porch, yard)
        try show(&turns, porch, 10_000)
        try show(&turns, yard, 10_000)
        for job in 1...3 { turns.append(job, bytes: 1000, of: porch) }
        for job in 11...13 { turns.append(job, bytes: 1500, of: yard) }
        #expect(handOut(&turns, at: start).map(\.job).sorted() == [1, 2, 3, 11, 12])
        var other = self.turns(threads: 4, porch, yard)
        try show(&other, porch, 10_000)
        for job in 1...5 { other.append(job, bytes: 1000, of: porch) }
        #expect(handOut(&other, at: start).count == 5, "the other one wants nothing")
    }

    @Test func `a camera whose jobs take long never has more than one thread, and is granted one job`() throws {
        var turns = turns(threads: 4, porch, yard)
        try show(&turns, porch, 8_000_000)
        try show(&turns, yard, 10_000)
        #expect(turns.bound(of: porch, now: start) == 1)
        #expect(turns.bound(of: yard, now: start) == nil)
        for job in 1...8 { turns.append(job, bytes: 1000, of: porch) }
        #expect(handOut(&turns, at: start).map(\.job) == [1])
        for job in 11...18 { turns.append(job, bytes: 1000, of: yard) }
        #expect(handOut(&turns, at: start).map(\.job) == [11, 12, 13, 14])
    }

    @Test(arguments: [(100_000, nil), (100_001, 3), (200_000, 2), (500_000, 1)] as [(Int64, Int?)])
    func `the longer its jobs take, the fewer threads a camera has`(microseconds: Int64, bound: Int?) throws {
        var turns = turns(threads: 4, porch, yard)
        try show(&turns, porch, microseconds)
        #expect(turns.bound(of: porch, now: start) == bound)
        for job in 1...8 { turns.append(job, bytes: 1000, of: porch) }
        #expect(handOut(&turns, at: start).count == bound ?? 5)
    }

    @Test func `a new camera, and a picture much larger than before, runs alone until its cost is known`() throws {
        var turns = turns(threads: 4, porch, yard)
        for job in 1...4 { turns.append(job, bytes: 1000, of: porch) }
        let first = handOut(&turns, at: start)
        #expect(first.map(\.job) == [1])
        turns.finish(first[0], microseconds: 1000, now: start)
        let others = handOut(&turns, at: start)
        #expect(others.map(\.job) == [2, 3, 4])
        for turn in others { turns.finish(turn, microseconds: 1000, now: start) }
        for job in 5...8 { turns.append(job, bytes: 50_000_000, of: porch) }
        let large = handOut(&turns, at: start)
        #expect(large.map(\.job) == [5])
        turns.finish(large[0], microseconds: 7_000_000, now: start)
        #expect(handOut(&turns, at: start).map(\.job) == [6])
    }

    @Test func `a long job is remembered for a time in proportion, also when its camera joins anew`() throws {
        var turns = turns(threads: 4, porch, yard)
        try show(&turns, porch, 1_000_000)
        for _ in 0..<100 { try show(&turns, porch, 1000) }
        turns.remove(porch, now: start)
        turns.add(porch)
        #expect(turns.bound(of: porch, now: start.advanced(byMicroseconds: 64_000_000)) == 1)
        #expect(turns.bound(of: porch, now: start.advanced(byMicroseconds: 64_000_001)) == nil)
    }

    @Test func `time is shared, not the number of jobs`() throws {
        var turns = turns(threads: 1, porch, yard)
        let cost = [porch: Int64(90_000), yard: 10_000]
        for (camera, microseconds) in cost { try show(&turns, camera, microseconds) }
        for camera in [porch, yard] { for job in 0..<2 { turns.append(job, bytes: 1000, of: camera) } }
        var used: [Name: Int64] = [:]
        var running = handOut(&turns, at: start)
        for _ in 0..<1000 {
            let turn = running.removeFirst()
            used[turn.camera, default: 0] += cost[turn.camera]!
            turns.finish(turn, microseconds: cost[turn.camera]!, now: start)
            turns.append(1, bytes: 1000, of: turn.camera)
            running += handOut(&turns, at: start)
        }
        let share = Double(used[porch]!) / Double(used[porch]! + used[yard]!)
        #expect((0.45...0.55).contains(share), "\(share)")
    }

    @Test func `a camera that had nothing to do has no time in store`() throws {
        var turns = turns(threads: 1, porch, yard)
        try show(&turns, yard, 1000)
        for _ in 0..<1000 { try show(&turns, porch, 10_000) }
        for camera in [porch, yard] { for job in 0..<8 { turns.append(job, bytes: 1000, of: camera) } }
        var order: [Name] = []
        var running = handOut(&turns, at: start)
        while !running.isEmpty, order.count < 14 {
            let turn = running.removeFirst()
            order.append(turn.camera)
            turns.finish(turn, microseconds: 10_000, now: start)
            running += handOut(&turns, at: start)
        }
        #expect(order.prefix(8).count { $0 == porch } >= 3, "\(order)")
    }

    @Test func `jobs of a camera that is gone are dropped, and those that run are counted to their end`() throws {
        var turns = turns(threads: 1, porch, yard)
        try show(&turns, porch, 1000)
        for job in 1...4 { turns.append(job, bytes: 1000, of: porch) }
        let out = handOut(&turns, at: start)
        #expect(out.map(\.job) == [1, 2])
        turns.remove(porch, now: start)
        turns.append(9, bytes: 1000, of: porch)
        turns.append(11, bytes: 1000, of: yard)
        #expect(handOut(&turns, at: start).isEmpty)
        for turn in out { turns.finish(turn, microseconds: 1000, now: start) }
        #expect(handOut(&turns, at: start).map(\.job) == [11])
    }
}
