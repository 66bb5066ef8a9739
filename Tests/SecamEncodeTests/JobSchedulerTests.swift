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

    private func scheduler(threads: Int, _ cameras: Name...) -> JobScheduler<Int> {
        var scheduler = JobScheduler<Int>(threads: threads)
        for camera in cameras { scheduler.add(camera) }
        return scheduler
    }

    private func startJobs(_ scheduler: inout JobScheduler<Int>, at now: MonotonicTime) -> [JobScheduler<Int>.Turn] {
        var out: [JobScheduler<Int>.Turn] = []
        while let turn = scheduler.next(now: now) { out.append(turn) }
        return out
    }

    /// Runs one job of a camera.
    private func runJob(_ scheduler: inout JobScheduler<Int>, _ camera: Name, _ microseconds: Int64, bytes: Int = 1000)
        throws
    {
        scheduler.append(0, bytes: bytes, of: camera)
        let turn = scheduler.next(now: start)
        scheduler.finish(try #require(turn), cost: .microseconds(microseconds), now: start)
    }

    @Test func `a single camera may use all threads, plus one waiting job`() throws {
        var scheduler = scheduler(threads: 4, porch)
        for job in 1...8 { scheduler.append(job, bytes: 100_000_000, of: porch) }
        let out = startJobs(&scheduler, at: start)
        #expect(out.map(\.job) == [1, 2, 3, 4, 5])
        for turn in out { scheduler.finish(turn, cost: .microseconds(8_000_000), now: start) }
        #expect(scheduler.bound(of: porch, now: start) == nil)
        #expect(startJobs(&scheduler, at: start).map(\.job) == [6, 7, 8])
    }

    @Test func `cameras with short jobs take turns, and each may use all threads`() throws {
        var scheduler = scheduler(threads: 4, porch, yard)
        try runJob(&scheduler, porch, 10_000)
        try runJob(&scheduler, yard, 10_000)
        for job in 1...3 { scheduler.append(job, bytes: 1000, of: porch) }
        for job in 11...13 { scheduler.append(job, bytes: 1500, of: yard) }
        #expect(startJobs(&scheduler, at: start).map(\.job).sorted() == [1, 2, 3, 11, 12])
        var other = self.scheduler(threads: 4, porch, yard)
        try runJob(&other, porch, 10_000)
        for job in 1...5 { other.append(job, bytes: 1000, of: porch) }
        #expect(startJobs(&other, at: start).count == 5, "the other camera is idle")
    }

    @Test func `a camera with long jobs uses one thread and is granted one job`() throws {
        var scheduler = scheduler(threads: 4, porch, yard)
        try runJob(&scheduler, porch, 8_000_000)
        try runJob(&scheduler, yard, 10_000)
        #expect(scheduler.bound(of: porch, now: start) == 1)
        #expect(scheduler.bound(of: yard, now: start) == nil)
        for job in 1...8 { scheduler.append(job, bytes: 1000, of: porch) }
        #expect(startJobs(&scheduler, at: start).map(\.job) == [1])
        for job in 11...18 { scheduler.append(job, bytes: 1000, of: yard) }
        #expect(startJobs(&scheduler, at: start).map(\.job) == [11, 12, 13, 14])
    }

    @Test(arguments: [(100_000, nil), (100_001, 3), (200_000, 2), (500_000, 1)] as [(Int64, Int?)])
    func `the longer a camera's jobs take, the fewer threads it may use`(microseconds: Int64, bound: Int?) throws {
        var scheduler = scheduler(threads: 4, porch, yard)
        try runJob(&scheduler, porch, microseconds)
        #expect(scheduler.bound(of: porch, now: start) == bound)
        for job in 1...8 { scheduler.append(job, bytes: 1000, of: porch) }
        #expect(startJobs(&scheduler, at: start).count == bound ?? 5)
    }

    @Test func `a new camera, and a picture much larger than before, runs alone until its cost is known`() throws {
        var scheduler = scheduler(threads: 4, porch, yard)
        for job in 1...4 { scheduler.append(job, bytes: 1000, of: porch) }
        let first = startJobs(&scheduler, at: start)
        #expect(first.map(\.job) == [1])
        scheduler.finish(first[0], cost: .microseconds(1000), now: start)
        let others = startJobs(&scheduler, at: start)
        #expect(others.map(\.job) == [2, 3, 4])
        for turn in others { scheduler.finish(turn, cost: .microseconds(1000), now: start) }
        for job in 5...8 { scheduler.append(job, bytes: 50_000_000, of: porch) }
        let large = startJobs(&scheduler, at: start)
        #expect(large.map(\.job) == [5])
        scheduler.finish(large[0], cost: .microseconds(7_000_000), now: start)
        #expect(startJobs(&scheduler, at: start).map(\.job) == [6])
    }

    @Test func `a long job is remembered in proportion to its cost, even if its camera rejoins`() throws {
        var scheduler = scheduler(threads: 4, porch, yard)
        try runJob(&scheduler, porch, 1_000_000)
        for _ in 0..<100 { try runJob(&scheduler, porch, 1000) }
        scheduler.remove(porch, now: start)
        scheduler.add(porch)
        #expect(scheduler.bound(of: porch, now: start + .microseconds(64_000_000)) == 1)
        #expect(scheduler.bound(of: porch, now: start + .microseconds(64_000_001)) == nil)
    }

    @Test func `cameras share time, not the number of jobs`() throws {
        var scheduler = scheduler(threads: 1, porch, yard)
        let cost = [porch: Int64(90_000), yard: 10_000]
        for (camera, microseconds) in cost { try runJob(&scheduler, camera, microseconds) }
        for camera in [porch, yard] { for job in 0..<2 { scheduler.append(job, bytes: 1000, of: camera) } }
        var used: [Name: Int64] = [:]
        var running = startJobs(&scheduler, at: start)
        for _ in 0..<1000 {
            let turn = running.removeFirst()
            used[turn.camera, default: 0] += cost[turn.camera]!
            scheduler.finish(turn, cost: .microseconds(cost[turn.camera]!), now: start)
            scheduler.append(1, bytes: 1000, of: turn.camera)
            running += startJobs(&scheduler, at: start)
        }
        let share = Double(used[porch]!) / Double(used[porch]! + used[yard]!)
        #expect((0.45...0.55).contains(share), "\(share)")
    }

    @Test func `an idle camera does not save up time`() throws {
        var scheduler = scheduler(threads: 1, porch, yard)
        try runJob(&scheduler, yard, 1000)
        for _ in 0..<1000 { try runJob(&scheduler, porch, 10_000) }
        for camera in [porch, yard] { for job in 0..<8 { scheduler.append(job, bytes: 1000, of: camera) } }
        var order: [Name] = []
        var running = startJobs(&scheduler, at: start)
        while !running.isEmpty, order.count < 14 {
            let turn = running.removeFirst()
            order.append(turn.camera)
            scheduler.finish(turn, cost: .microseconds(10_000), now: start)
            running += startJobs(&scheduler, at: start)
        }
        #expect(order.prefix(8).count { $0 == porch } >= 3, "\(order)")
    }

    @Test func `waiting jobs of a removed camera are dropped, and running ones count to their end`() throws {
        var scheduler = scheduler(threads: 1, porch, yard)
        try runJob(&scheduler, porch, 1000)
        for job in 1...4 { scheduler.append(job, bytes: 1000, of: porch) }
        let out = startJobs(&scheduler, at: start)
        #expect(out.map(\.job) == [1, 2])
        scheduler.remove(porch, now: start)
        scheduler.append(9, bytes: 1000, of: porch)
        scheduler.append(11, bytes: 1000, of: yard)
        #expect(startJobs(&scheduler, at: start).isEmpty)
        for turn in out { scheduler.finish(turn, cost: .microseconds(1000), now: start) }
        #expect(startJobs(&scheduler, at: start).map(\.job) == [11])
    }
}
