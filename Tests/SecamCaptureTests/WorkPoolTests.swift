import SecamCapture
import SecamMesh
import SecamTestSupport
import Testing

@Suite struct WorkPoolTests {
    @Test func `a picture goes to a worker with credit`() {
        var pool = WorkPool<Int>()
        #expect(told(pool.submit(1, job: 1, bytes: 10, now: at(0))) == [])
        #expect(told(pool.grant(2, from: peer(1), now: at(1))) == ["1 to 1"])
        #expect(pool.credit == 1)
        #expect(told(pool.submit(2, job: 2, bytes: 10, now: at(2))) == ["2 to 1"])
        #expect(pool.credit == 0)
        #expect(told(pool.submit(3, job: 3, bytes: 10, now: at(3))) == [])
        #expect(told(give(&pool, 1, from: 1, at: 4)) == ["3 to 1", "done 1"])
    }

    @Test func `results are finished in the order of capture`() {
        var pool = pool(workers: 1, window: 4)
        for job in 1...4 { _ = pool.submit(job, job: UInt64(job), bytes: 1, now: at(0)) }
        #expect(told(give(&pool, 3, from: 1, at: 1)) == [])
        #expect(told(give(&pool, 2, from: 1, at: 1)) == [])
        #expect(told(give(&pool, 1, from: 1, at: 1)) == ["done 1", "done 2", "done 3"])
        #expect(told(give(&pool, 4, from: 1, at: 1)) == ["done 4"])
        #expect(!pool.isBusy)
    }

    @Test func `the jobs of a lost worker are resent to another one at once`() {
        var pool = pool(workers: 1, window: 2)
        for job in 1...2 { _ = pool.submit(job, job: UInt64(job), bytes: 1, now: at(0)) }
        #expect(told(pool.grant(5, from: peer(2), now: at(1))) == [])
        #expect(told(pool.lost(peer(1), now: at(2))) == ["1 to 2", "2 to 2"])
        #expect(pool.workerCount == 1)
        #expect(told(give(&pool, 1, from: 2, at: 3)) == ["done 1"])
    }

    @Test func `the jobs of the only worker wait for the next one`() {
        var pool = pool(workers: 1, window: 2)
        _ = pool.submit(1, job: 1, bytes: 1, now: at(0))
        #expect(told(pool.lost(peer(1), now: at(1))) == [])
        #expect(told(pool.grant(1, from: peer(2), now: at(2))) == ["1 to 2"])
    }

    @Test func `a late job is resent to another worker and the first result counts`() {
        var pool = pool(workers: 2, window: 1)
        #expect(told(pool.submit(1, job: 1, bytes: 1, now: at(0))) == ["1 to 1"])
        #expect(told(pool.tick(now: at(179))) == [])
        #expect(told(pool.tick(now: at(180))) == ["1 to 2"])
        #expect(pool.resent == 1)
        #expect(told(give(&pool, 1, from: 1, at: 181)) == ["done 1"], "a late worker may still be first")
        #expect(told(give(&pool, 1, from: 2, at: 182)) == [], "the second result is ignored")
        #expect(pool.lateResults == 1)
    }

    @Test func `a failed job is resent until no worker is left`() {
        var pool = pool(workers: 2, window: 1)
        #expect(told(pool.submit(1, job: 1, bytes: 1, now: at(0))) == ["1 to 1"])
        let first = pool.result(job: 1, message(1), failure: "no", from: peer(1), now: at(1))
        #expect(told(first) == ["1 to 2"])
        let second = pool.result(job: 1, message(1), failure: "no JPEG", from: peer(2), now: at(2))
        #expect(told(second) == ["dropped 1: no JPEG"], "\(told(second))")
        #expect(pool.credit == 2, "both workers accept more jobs")
    }

    @Test func `a failed job waits for a late worker that may still return it`() {
        var pool = pool(workers: 2, window: 1)
        _ = pool.submit(1, job: 1, bytes: 1, now: at(0))
        #expect(told(pool.tick(now: at(180))) == ["1 to 2"])
        #expect(told(pool.result(job: 1, message(1), failure: "no", from: peer(2), now: at(181))) == [])
        #expect(told(pool.tick(now: at(400))) == [])
        #expect(told(give(&pool, 1, from: 1, at: 401)) == ["done 1"])
    }

    @Test func `a failed job is dropped when the late worker fails too or is lost`() {
        for isLost in [false, true] {
            var pool = pool(workers: 2, window: 1)
            _ = pool.submit(1, job: 1, bytes: 1, now: at(0))
            _ = pool.tick(now: at(180))
            _ = pool.result(job: 1, message(1), failure: "no", from: peer(2), now: at(181))
            let end =
                isLost
                ? pool.lost(peer(1), now: at(182))
                : pool.result(job: 1, message(1), failure: "no", from: peer(1), now: at(182))
            #expect(told(end).count == 1 && told(end)[0].hasPrefix("dropped 1"))
        }
    }

    @Test func `a worker that always fails comes last, however fast it is`() {
        var pool = pool(workers: 2, window: 1)
        for job in 1...3 {
            let time = Int64(job) * 100
            _ = pool.submit(job, job: UInt64(job), bytes: 1, now: at(time))
            _ = pool.result(job: UInt64(job), message(job), failure: "no", from: peer(1), now: at(time + 1))
            #expect(told(give(&pool, job, from: 2, at: time + 50)).last == "done \(job)")
        }
        #expect(told(pool.submit(4, job: 4, bytes: 1, now: at(500))) == ["4 to 2"])
    }

    @Test(arguments: [false, true])
    func `pictures that queued up during a suspension of the camera are not dropped`(isTimeToldFirst: Bool) {
        var pool = pool(workers: 1, window: 1)
        for job in 1...3 { _ = pool.submit(job, job: UInt64(job), bytes: 1, now: at(Int64(job))) }
        // The machine is suspended for two seconds, then all captured pictures come at once.
        if isTimeToldFirst { _ = pool.tick(now: at(2003)) }
        for job in 4...20 { _ = pool.submit(job, job: UInt64(job), bytes: 1, now: at(2000 + Int64(job))) }
        #expect(pool.dropped == 0)
    }

    @Test func `the second worker's result counts if it is first`() {
        var pool = pool(workers: 2, window: 1)
        _ = pool.submit(1, job: 1, bytes: 1, now: at(0))
        _ = pool.tick(now: at(200))
        #expect(told(give(&pool, 1, from: 2, at: 210)) == ["done 1"])
        #expect(told(give(&pool, 1, from: 1, at: 300)) == [])
    }

    @Test func `a late worker gets no new job until it returns one`() {
        var pool = pool(workers: 2, window: 4)
        #expect(told(pool.submit(1, job: 1, bytes: 1, now: at(0))) == ["1 to 1"])
        _ = pool.tick(now: at(200))
        for job in 2...4 {
            #expect(told(pool.submit(job, job: UInt64(job), bytes: 1, now: at(201))) == ["\(job) to 2"])
        }
        #expect(pool.credit == 0)
        _ = give(&pool, 1, from: 1, at: 210)
        #expect(told(pool.submit(5, job: 5, bytes: 1, now: at(211))) == ["5 to 1"])
    }

    @Test func `a single slow worker keeps its jobs`() {
        var pool = pool(workers: 1, window: 2)
        for job in 1...2 { _ = pool.submit(job, job: UInt64(job), bytes: 1, now: at(0)) }
        for time in stride(from: Int64(40), to: 1000, by: 40) {
            #expect(told(pool.tick(now: at(time))) == [])
        }
        #expect(told(give(&pool, 1, from: 1, at: 1000)) == ["done 1"])
        #expect(told(give(&pool, 2, from: 1, at: 2000)) == ["done 2"])
        #expect(pool.resent == 0)
        #expect(pool.dropped == 0)
    }

    @Test func `a picture that three workers do not return is dropped`() {
        var pool = pool(workers: 4, window: 1)
        _ = pool.submit(1, job: 1, bytes: 1, now: at(0))
        #expect(told(pool.tick(now: at(180))) == ["1 to 2"])
        #expect(told(pool.tick(now: at(360))) == ["1 to 3"])
        #expect(told(pool.tick(now: at(540))) == ["dropped 1: 3 encoders did not return it"])
        #expect(pool.dropped == 1)
        #expect(told(give(&pool, 1, from: 2, at: 600)) == [])
    }

    @Test func `a picture that crashes three workers is dropped and the next one is made`() {
        var pool = WorkPool<Int>()
        _ = pool.submit(1, job: 1, bytes: 1, now: at(0))
        _ = pool.submit(2, job: 2, bytes: 1, now: at(0))
        var actions: [String] = []
        for number in UInt32(1)...3 {
            actions += told(pool.grant(1, from: peer(number), now: at(Int64(number))))
            actions += told(pool.lost(peer(number), now: at(Int64(number))))
        }
        actions += told(pool.grant(1, from: peer(4), now: at(10)))
        actions += told(pool.tick(now: at(50)))
        actions += told(give(&pool, 2, from: 4, at: 60))
        #expect(
            actions == ["1 to 1", "1 to 2", "1 to 3", "dropped 1: 3 encoders did not return it", "2 to 4", "done 2"])
    }

    @Test func `a failure with the only worker is not retried and delays no other picture`() {
        var pool = pool(workers: 1, window: 2)
        for job in 1...2 { _ = pool.submit(job, job: UInt64(job), bytes: 1, now: at(0)) }
        _ = give(&pool, 2, from: 1, at: 1)
        let failed = pool.result(job: 1, message(1), failure: "no JPEG", from: peer(1), now: at(2))
        #expect(told(failed) == ["dropped 1: no JPEG", "done 2"])
    }

    @Test func `results from other workers and for unknown jobs are ignored`() {
        var pool = pool(workers: 2, window: 1)
        #expect(told(pool.submit(1, job: 1, bytes: 1, now: at(0))) == ["1 to 1"])
        #expect(told(give(&pool, 1, from: 2, at: 1)) == [], "the worker was not sent this job")
        #expect(told(give(&pool, 1, from: 9, at: 1)) == [], "the peer never granted jobs")
        #expect(told(give(&pool, 7, from: 1, at: 1)) == [], "there is no such job")
        #expect(pool.lateResults == 3)
        #expect(told(give(&pool, 1, from: 1, at: 2)) == ["done 1"])
        #expect(told(give(&pool, 1, from: 1, at: 3)) == [])
    }

    @Test func `a result that is too late still makes room for the next picture`() {
        var limits = WorkPool<Int>.Limits()
        limits.pictures = 1
        var pool = WorkPool<Int>(limits: limits)
        _ = pool.grant(1, from: peer(1), now: at(0))
        _ = pool.submit(1, job: 1, bytes: 1, now: at(0))
        #expect(told(pool.submit(2, job: 2, bytes: 1, now: at(10))).map { $0.hasPrefix("dropped 1") } == [true])
        #expect(told(give(&pool, 1, from: 1, at: 20)) == ["2 to 1"])
    }

    @Test func `a silent worker is removed`() {
        var pool = pool(workers: 1, window: 1)
        _ = pool.submit(1, job: 1, bytes: 1, now: at(0))
        #expect(told(pool.tick(now: at(3000))) == [])
        #expect(pool.workerCount == 1)
        #expect(told(pool.tick(now: at(3001))) == [])
        #expect(pool.workerCount == 0)
        #expect(told(pool.grant(1, from: peer(2), now: at(3100))) == ["1 to 2"])
        #expect(told(give(&pool, 1, from: 1, at: 3101)) == ["done 1"], "its result is still valid")
    }

    @Test func `a grant of zero stops the jobs`() {
        var pool = pool(workers: 1, window: 3)
        _ = pool.grant(0, from: peer(1), now: at(1))
        #expect(told(pool.submit(1, job: 1, bytes: 1, now: at(2))) == [])
        #expect(told(pool.grant(1, from: peer(1), now: at(3))) == ["1 to 1"])
        _ = pool.grant(1, from: peer(1), now: at(4))
        #expect(pool.credit == 0, "a grant replaces the previous one")
    }

    @Test func `the number of workers is limited`() {
        var limits = WorkPool<Int>.Limits()
        limits.workers = 2
        var pool = WorkPool<Int>(limits: limits)
        for number in UInt32(1)...5 { _ = pool.grant(1, from: peer(number), now: at(0)) }
        #expect(pool.workerCount == 2)
        #expect(pool.credit == 2)
    }

    // MARK: Limits

    @Test func `without workers the oldest picture is dropped for a new one`() {
        var limits = WorkPool<Int>.Limits()
        limits.pictures = 3
        var pool = WorkPool<Int>(limits: limits)
        var actions: [String] = []
        for job in 1...5 { actions += told(pool.submit(job, job: UInt64(job), bytes: 1, now: at(Int64(job)))) }
        #expect(actions == ["dropped 1: no encoder took it in time", "dropped 2: no encoder took it in time"])
        #expect(told(pool.grant(9, from: peer(1), now: at(9))) == ["3 to 1", "4 to 1", "5 to 1"])
    }

    @Test func `the bytes of the pictures are limited`() {
        var limits = WorkPool<Int>.Limits()
        limits.bytes = 100
        var pool = WorkPool<Int>(limits: limits)
        _ = pool.submit(1, job: 1, bytes: 60, now: at(0))
        #expect(told(pool.submit(2, job: 2, bytes: 60, now: at(1))).count == 1)
        #expect(told(pool.submit(3, job: 3, bytes: 500, now: at(2))).count == 2, "this picture alone exceeds the limit")
        #expect(!pool.isBusy)
        #expect(told(pool.submit(4, job: 4, bytes: 100, now: at(3))) == [])
        #expect(pool.isBusy)
    }

    /// One thread of the only worker hangs and the others continue: the queue must neither stop nor grow.
    @Test func `a job that is never returned does not block the others forever`() {
        var limits = WorkPool<Int>.Limits()
        limits.pictures = 8
        var pool = WorkPool<Int>(limits: limits)
        _ = pool.grant(2, from: peer(1), now: at(0))
        #expect(told(pool.submit(1, job: 1, bytes: 1, now: at(0))) == ["1 to 1"])
        var finished: [String] = []
        for job in 2...40 {
            let time = Int64(job) * 33
            finished += told(pool.submit(job, job: UInt64(job), bytes: 1, now: at(time)))
            finished += told(give(&pool, job, from: 1, at: time + 5))
            finished += told(pool.tick(now: at(time + 10)))
        }
        finished.removeAll { $0.hasSuffix(" to 1") }
        #expect(finished.first == "dropped 1: no encoder took it in time")
        #expect(Array(finished.dropFirst()) == (2...40).map { "done \($0)" })
    }

    @Test func `a queue that does not drain is cut short`() {
        var pool = pool(workers: 1, window: 1)
        var dropped: [String] = []
        var waiting = 0
        for job in 1...30 {
            let actions = told(pool.submit(job, job: UInt64(job), bytes: 1, now: at(Int64(job) * 50)))
            dropped += actions.filter { $0.hasPrefix("dropped") }
            waiting = max(waiting, job - 1 - dropped.count)
        }
        // The queue may grow for half a second; then only four pictures may wait.
        #expect(waiting > 4)
        #expect(told(pool.abandonAll("end")).count == 30 - dropped.count)
        #expect(pool.dropped == 30)
    }

    @Test func `a short delay of the workers drops no picture`() {
        var pool = pool(workers: 1, window: 1)
        for job in 1...9 { _ = pool.submit(job, job: UInt64(job), bytes: 1, now: at(Int64(job) * 50)) }
        #expect(pool.dropped == 0)
    }

    @Test func `a queue that grew without workers is drained`() {
        var pool = WorkPool<Int>()
        for job in 1...30 { _ = pool.submit(job, job: UInt64(job), bytes: 1, now: at(Int64(job) * 100)) }
        var finished: [String] = []
        var outgoing = told(pool.grant(1, from: peer(1), now: at(3100)))
        for step in 1...30 {
            outgoing += told(give(&pool, step, from: 1, at: 3100 + Int64(step) * 10))
        }
        finished = outgoing.filter { $0.hasPrefix("done") }
        #expect(finished == (1...30).map { "done \($0)" })
    }

    @Test func `a queue that drains slowly loses no picture`() {
        var pool = WorkPool<Int>()
        for job in 1...30 { _ = pool.submit(job, job: UInt64(job), bytes: 1, now: at(Int64(job) * 50)) }
        _ = pool.grant(1, from: peer(1), now: at(1500))
        // For more than a second, three pictures are made while two are added.
        for step in 1...30 {
            let time = 1500 + Int64(step) * 50
            _ = pool.submit(30 + step, job: UInt64(30 + step), bytes: 1, now: at(time))
            _ = give(&pool, step + step / 2, from: 1, at: time + 1)
            if step % 2 == 1 { _ = give(&pool, step + step / 2 + 1, from: 1, at: time + 2) }
        }
        #expect(pool.dropped == 0)
    }

    @Test func `a queue that was cut short stays short`() {
        var pool = pool(workers: 1, window: 1)
        for job in 1...60 {
            let before = pool.dropped
            _ = pool.submit(job, job: UInt64(job), bytes: 1, now: at(Int64(job) * 50))
            if job > 20 { #expect(pool.dropped == before + 1) }
        }
    }

    @Test func `abandoning drops all pictures in order`() {
        var pool = pool(workers: 1, window: 1)
        for job in 1...3 { _ = pool.submit(job, job: UInt64(job), bytes: 1, now: at(0)) }
        #expect(told(pool.abandonAll("camera stopped")) == (1...3).map { "dropped \($0): camera stopped" })
        #expect(!pool.isBusy)
        #expect(told(give(&pool, 1, from: 1, at: 5)) == [])
    }

    /// A worker stalls for two seconds, as on a busy machine.
    @Test(arguments: [false, true]) func `a recording waits for workers that fall behind`(isRecorded: Bool) {
        var pool = WorkPool<Int>()
        pool.acceptsLatePictures = isRecorded
        _ = pool.grant(1, from: peer(1), now: at(0))
        for job in 1...20 { _ = pool.submit(job, job: UInt64(job), bytes: 1, now: at(Int64(job) * 100)) }
        #expect((pool.dropped == 0) == isRecorded)
        for job in 21...40 { _ = pool.submit(job, job: UInt64(job), bytes: 1, now: at(Int64(job) * 100)) }
        #expect(pool.dropped > 0, "but not forever")
    }

    // MARK: Outstanding jobs

    /// A worker's window includes jobs that another worker finished first, because its threads still work on them.
    @Test func `a job that another worker finished counts until it is answered`() {
        var pool = WorkPool<Int>()
        _ = pool.grant(2, from: peer(1), now: at(0))
        for job in 1...2 { _ = pool.submit(job, job: UInt64(job), bytes: 1, now: at(0)) }
        _ = pool.grant(2, from: peer(2), now: at(1))
        _ = pool.tick(now: at(200))
        for job in 1...2 { _ = give(&pool, job, from: 2, at: 210) }
        // It answers one of its two jobs, so it accepts one more, not two.
        _ = give(&pool, 1, from: 1, at: 220)
        _ = pool.lost(peer(2), now: at(221))
        #expect(pool.credit == 1)
    }

    @Test func `a worker that returns from silence keeps its new jobs`() {
        var pool = WorkPool<Int>()
        _ = pool.grant(1, from: peer(1), now: at(0))
        _ = pool.submit(1, job: 1, bytes: 1, now: at(0))
        _ = pool.tick(now: at(3001))
        _ = pool.grant(1, from: peer(1), now: at(3002))
        #expect(told(pool.submit(2, job: 2, bytes: 1, now: at(3003))) == ["2 to 1"])
        _ = pool.grant(1, from: peer(2), now: at(3004))
        _ = give(&pool, 1, from: 2, at: 3005)
        #expect(pool.credit == 1, "the other worker is free, this one still has picture 2")
    }

    @Test func `a dedicated worker that keeps failing comes after the others`() {
        var pool = WorkPool<Int>()
        _ = pool.grant(1, from: peer(1), key: key(1), isDedicated: true, now: at(0))
        for job in 1...3 {
            #expect(told(pool.submit(job, job: UInt64(job), bytes: 1, now: at(Int64(job)))) == ["\(job) to 1"])
            #expect(pool.picture(ofJob: UInt64(job), sentTo: peer(1)) == job)
            #expect(pool.picture(ofJob: UInt64(job), sentTo: peer(2)) == nil)
            _ = pool.result(job: UInt64(job), message(1), failure: "no", from: peer(1), now: at(Int64(job)))
        }
        _ = pool.grant(1, from: peer(2), key: key(2), now: at(4))
        #expect(told(pool.submit(4, job: 4, bytes: 1, now: at(5))) == ["4 to 2"])
        _ = give(&pool, 4, from: 2, at: 6)
        #expect(told(pool.submit(5, job: 5, bytes: 1, now: at(7))) == ["5 to 2"])
    }

    // MARK: Limits of a key

    @Test func `workers of one key leave room for other keys and for dedicated workers`() {
        var pool = WorkPool<Int>()
        let limits = WorkPool<Int>.Limits()
        for number in UInt32(1)...300 { _ = pool.grant(1, from: peer(number), key: key(1), now: at(0)) }
        #expect(pool.workerCount == limits.workersPerKey)
        _ = pool.grant(1, from: peer(1000), key: key(2), now: at(0))
        _ = pool.grant(1, from: peer(1001), key: key(3), isDedicated: true, now: at(0))
        #expect(pool.knows(peer(1000)) && pool.knows(peer(1001)))
        for number in UInt32(2000)...2300 {
            _ = pool.grant(1, from: peer(number), key: key(3), isDedicated: true, now: at(0))
        }
        #expect(pool.workerCount == limits.workersPerKey + 1 + limits.dedicatedWorkers)
    }

    /// Thirty pictures per second, one working worker that needs 10 ms, and others that never return a result.
    @Test(arguments: [false, true])
    func `workers that never return a result delay few pictures and lose none`(isFailing: Bool) {
        var pool = WorkPool<Int>()
        var time: Int64 = 0
        var (finished, dropped, latest): (Int, Int, Int64) = (0, 0, 0)
        var submitted: [Int: Int64] = [:]
        var due: [(job: UInt64, from: UInt32, time: Int64)] = []
        func handle(_ actions: [WorkPool<Int>.Action]) {
            for action in actions {
                switch action {
                case .send(let job, _, let worker):
                    if worker == peer(1) { due.append((job, 1, time + 10)) }
                    if worker != peer(1), isFailing {
                        let number = UInt32(worker.description.dropFirst(5))!
                        due.append((job, number, time))
                    }
                case .finished(let picture, .made):
                    finished += 1
                    if time - submitted[picture]! > 100 { latest += 1 }
                case .finished(_, .dropped): dropped += 1
                }
            }
        }
        handle(pool.grant(4, from: peer(1), now: at(0)))
        for job in 1...900 {
            let next = Int64(job) * 33
            while time < next {
                time += 1
                while let index = due.firstIndex(where: { $0.time <= time }) {
                    let result = due.remove(at: index)
                    let failure = result.from == 1 ? "" : "no"
                    handle(
                        pool.result(
                            job: result.job, message(Int(result.job)), failure: failure, from: peer(result.from),
                            now: at(time)))
                }
                if time % 40 == 0 { handle(pool.tick(now: at(time))) }
                if time % 500 == 0 { handle(pool.grant(4, from: peer(1), now: at(time))) }
                // Each connects for a moment, and then with another connection and the same key.
                if time > 1000, time % 10 == 0 {
                    handle(pool.grant(1024, from: peer(UInt32(time)), now: at(time)))
                    if time > 1500 { handle(pool.lost(peer(UInt32(time) - 400), now: at(time))) }
                }
            }
            submitted[job] = time
            handle(pool.submit(job, job: UInt64(job), bytes: 1, now: at(time)))
        }
        #expect(dropped == 0)
        #expect(finished >= 890)
        #expect(latest <= 40, "about eight late pictures for each of five trials in thirty seconds")
    }
}

/// Returns a pool with some workers, numbered from 1.
private func pool(workers: UInt32, window: UInt32) -> WorkPool<Int> {
    var pool = WorkPool<Int>()
    for number in 1...workers { _ = pool.grant(window, from: peer(number), now: at(0)) }
    return pool
}

private func message(_ job: Int) -> MeshMessage { MeshMessage([UInt8(truncatingIfNeeded: job)]) }

private func give(
    _ pool: inout WorkPool<Int>, _ job: Int, from number: UInt32, at time: Int64
) -> [WorkPool<Int>.Action] {
    pool.result(job: UInt64(job), message(job), failure: "", from: peer(number), now: at(time))
}

/// Returns the actions as text, and checks that each result belongs to its picture.
private func told(_ actions: [WorkPool<Int>.Action]) -> [String] {
    actions.map { action in
        switch action {
        case .send(let job, let picture, let peer):
            UInt64(picture) == job ? "\(picture) to \(peer.description.dropFirst(5))" : "mixed up \(job) and \(picture)"
        case .finished(let picture, .made(let message)):
            message.bytes == [UInt8(truncatingIfNeeded: picture)] ? "done \(picture)" : "wrong result for \(picture)"
        case .finished(let picture, .dropped(let reason)): "dropped \(picture): \(reason)"
        }
    }
}
