package import SecamBase
package import SecamMesh
import SecamWire

/// Hands a camera's pictures to the workers that granted jobs, and puts what they make back in order.
///
/// A picture that its worker does not give back in time goes to another worker as well; the first result counts. A
/// state machine without I/O: time is an argument, what is to be sent is returned.
package struct WorkPool<Picture: Sendable>: Sendable {
    package struct Limits: Sendable {
        /// Microseconds after which a job is given to another worker too; longer for a worker that usually needs more
        /// than half of that, since there the second one would only do the same work again.
        package var lateness: Int64 = 180_000
        /// Microseconds of silence after which a worker is forgotten.
        package var silence: Int64 = 3_000_000
        /// Pictures that wait, are being worked on, or wait for those before them; the oldest one is given up for a
        /// new one.
        package var pictures = 64
        /// Microseconds for which pictures may wait although there are workers, and not become fewer, before the
        /// workers count as too slow.
        package var congestion: Int64 = 500_000
        /// Microseconds without a look at the work that is under way after which we ourselves stood still.
        package var standstill: Int64 = 1_000_000
        /// Pictures that wait while the workers are too slow.
        package var waiting = 4
        /// Bytes of the same.
        package var bytes = 64 << 20
        /// Microseconds that a picture which a living worker does not give back may keep those behind it waiting.
        package var patience: Int64 = 3_000_000
        /// Workers that may fail at one picture before it is given up: it may be the picture that kills them.
        package var attempts = 3
        /// Workers at once that work for all cameras: in all, and with one key.
        package var workers = 256
        package var workersPerKey = 128
        /// Workers at once that work for this camera alone.
        package var ownWorkers = 16
        /// Microseconds before another worker of a key is tried, after one of its workers was tried and gave nothing back;
        /// twice as long each time, up to the longest.
        package var trialPause: Int64 = 1_000_000
        package var longestTrialPause: Int64 = 30_000_000

        package init() {}
    }

    package enum Action: Sendable {
        /// Send this picture to this worker as this job.
        case send(job: UInt64, Picture, to: PeerID)
        /// The results are complete up to here: this picture's is next.
        case finished(Picture, Outcome)
    }

    package enum Outcome: Sendable {
        case made(MeshMessage)
        /// No worker took it in time, or none could make anything of it.
        case dropped(reason: String)
    }

    private struct Job: Sendable {
        let picture: Picture
        let bytes: Int
        var attempts: [Attempt] = []
        var outcome: Outcome?

        var isWaiting: Bool { attempts.isEmpty && outcome == nil }
    }

    private struct Attempt: Sendable {
        let worker: PeerID
        let sent: MonotonicTime
    }

    private struct Worker: Sendable {
        /// Jobs that it takes at once.
        var window: UInt32
        var heard: MonotonicTime
        /// Jobs that it has not answered. Those that another one finished count too, as its threads still work on them.
        var outstanding: Set<UInt64> = []
        let key: PublicKey
        /// It works for this camera alone.
        let isOwn: Bool
        /// It has given back a picture, and not failed three times in a row since.
        var isProven = false
        /// It was late with a job, which went to another one; it gets no more until it has given something back.
        var isLate = false
        /// Microseconds from sending to result, averaged over the last few.
        var latency: Double = 0
        /// Jobs in a row of which it could not make anything: others come first then.
        var failures = 0

        mutating func noteResult(after microseconds: Int64) {
            latency = latency == 0 ? Double(microseconds) : latency * 0.8 + Double(microseconds) * 0.2
            failures = 0
            isProven = true
        }

        mutating func noteFailure() {
            failures += 1
            if failures >= 3 { isProven = false }
        }

        var credit: UInt32 {
            isLate || outstanding.count >= window ? 0 : window - UInt32(outstanding.count)
        }
    }

    /// Workers of one key that are tried while others are proven.
    private struct Trial: Sendable {
        var pause: Int64
        var next: MonotonicTime
    }

    private let limits: Limits
    private var trials: [PublicKey: Trial] = [:]
    private var workers: [PeerID: Worker] = [:]
    /// In the order of capture; the first one is the next to be finished.
    private var jobs: [(number: UInt64, job: Job)] = []
    private var bytes = 0
    /// The fewest pictures that waited since the workers fell behind, and when that was.
    private var congestion: (since: MonotonicTime, least: Int)?
    /// When a picture came, or the time was told, for the last time.
    private var lastLook: MonotonicTime?

    /// Whether pictures are better late than left out, as for a recording: then workers that fall behind for a moment, on
    /// a machine that has much else to do, are waited for as long as one that does not answer.
    package var isPatient = false

    package private(set) var sent: UInt64 = 0
    package private(set) var repeated: UInt64 = 0
    package private(set) var dropped: UInt64 = 0
    /// Results that nobody waited for any more.
    package private(set) var late: UInt64 = 0

    package init(limits: Limits = Limits()) { self.limits = limits }

    /// Jobs that the workers would still take.
    package var credit: UInt32 { workers.values.reduce(0) { $0 + $1.credit } }

    package var workerCount: Int { workers.count }

    package func knows(_ peer: PeerID) -> Bool { workers[peer] != nil }

    /// Whether anything is under way, so that `tick` is needed.
    package var isBusy: Bool { !jobs.isEmpty }

    /// A new picture, later than all before it, with a number that is larger than theirs.
    package mutating func submit(
        _ picture: Picture, job number: UInt64, bytes size: Int, now: MonotonicTime
    ) -> [Action] {
        jobs.append((number, Job(picture: picture, bytes: size)))
        bytes += size
        var actions: [Action] = []
        while jobs.count > limits.pictures || bytes > limits.bytes {
            giveUpOldest { $0.outcome == nil }
            actions += finish()
        }
        actions += dispatch(now)
        relieve(now)
        return actions + finish()
    }

    /// A worker lives and takes that many jobs at once.
    ///
    /// - Parameter isOwn: it works for this camera alone, so that it comes before all others.
    package mutating func grant(
        _ count: UInt32, from peer: PeerID, key: PublicKey, isOwn: Bool = false, now: MonotonicTime
    ) -> [Action] {
        guard workers[peer] != nil || hasPlace(for: key, isOwn: isOwn) else { return [] }
        var worker = workers[peer] ?? Worker(window: 0, heard: now, key: key, isOwn: isOwn)
        worker.heard = now
        worker.window = count
        workers[peer] = worker
        return dispatch(now) + finish()
    }

    /// A worker gives back a job. Results of jobs that it was never given are ignored.
    package mutating func result(
        job number: UInt64, _ message: MeshMessage, failure: String, from peer: PeerID, now: MonotonicTime
    ) -> [Action] {
        workers[peer]?.heard = now
        // Only an answer to what it was given counts.
        if workers[peer]?.outstanding.remove(number) != nil { workers[peer]!.isLate = false }
        guard let index = jobs.firstIndex(where: { $0.number == number }),
            let attempt = jobs[index].job.attempts.first(where: { $0.worker == peer })
        else {
            late += 1
            // Its place is free again, though.
            return dispatch(now) + finish()
        }
        // Who fails is done soon, which must not make it the one that gets most.
        if failure.isEmpty {
            workers[peer]?.noteResult(after: now.since(attempt.sent))
        } else {
            workers[peer]?.noteFailure()
            noteFailedTrial(of: peer, now)
        }
        guard jobs[index].job.outcome == nil else {
            late += 1
            return dispatch(now) + finish()
        }
        if failure.isEmpty {
            conclude(index, .made(message))
        } else if !mayBeTried(index) {
            giveUp(index, failure)
        } else {
            noteLate(index, now)
        }
        return dispatch(now) + finish()
    }

    /// The connection to a worker is gone.
    package mutating func lost(_ peer: PeerID, now: MonotonicTime) -> [Action] {
        guard let worker = workers[peer] else { return [] }
        if !worker.outstanding.isEmpty { noteFailedTrial(of: peer, now) }
        workers[peer] = nil
        for index in jobs.indices {
            guard let last = jobs[index].job.attempts.last, last.worker == peer else { continue }
            noteLate(index, now)
        }
        return dispatch(now) + finish()
    }

    /// Time has passed: silent workers are forgotten, late jobs go to another worker.
    package mutating func tick(now: MonotonicTime) -> [Action] {
        noteLook(now)
        trials = trials.filter { now.since($0.value.next) < limits.longestTrialPause }
        var actions: [Action] = []
        for (peer, worker) in workers where now.since(worker.heard) > limits.silence {
            actions += lost(peer, now: now)
        }
        for index in jobs.indices {
            guard jobs[index].job.outcome == nil, let last = jobs[index].job.attempts.last,
                isLate(last, now)
            else { continue }
            if now.since(last.sent) > limits.patience, workers[last.worker] != nil {
                giveUp(index, "no encoder gave it back in time")
            } else {
                actions += repeatLate(index, now)
            }
        }
        return actions + finish()
    }

    /// Gives up everything that is under way, as when the camera stops.
    package mutating func abandonAll(_ reason: String) -> [Action] {
        for index in jobs.indices where jobs[index].job.outcome == nil { giveUp(index, reason) }
        return finish()
    }

    // MARK: Inside

    private var waiting: Int { jobs.lazy.filter { $0.job.isWaiting }.count }

    /// While there are workers, a queue that does not drain only makes everything late: it is kept short then. One
    /// that does, as after a time without workers, is worked off, however long that takes.
    private mutating func relieve(_ now: MonotonicTime) {
        noteLook(now)
        let count = waiting
        guard !workers.isEmpty, count > 1 else {
            congestion = nil
            return
        }
        guard let congestion, count >= congestion.least || count <= limits.waiting else {
            congestion = (now, count)
            return
        }
        let patience = isPatient ? limits.patience : limits.congestion
        guard now.since(congestion.since) > patience, count > limits.waiting else { return }
        while waiting > limits.waiting { giveUpOldest { $0.isWaiting } }
        self.congestion = (congestion.since, limits.waiting)
    }

    /// What piled up while we stood still is no fault of the workers.
    private mutating func noteLook(_ now: MonotonicTime) {
        if let lastLook, now.since(lastLook) > limits.standstill { congestion = nil }
        lastLook = now
    }

    private mutating func giveUpOldest(where matches: (Job) -> Bool) {
        guard let oldest = jobs.firstIndex(where: { matches($0.job) }) else { return }
        giveUp(oldest, "no encoder took it in time")
    }

    private func isLate(_ attempt: Attempt, _ now: MonotonicTime) -> Bool {
        now.since(attempt.sent) >= lateness(of: attempt.worker)
    }

    private func lateness(of worker: PeerID) -> Int64 {
        let usual = Int64(workers[worker]?.latency ?? 0)
        return max(limits.lateness, min(2 * usual, limits.patience))
    }

    /// Its last worker will not make it: as late as the latest, so that the next one has it at once.
    private mutating func noteLate(_ index: Int, _ now: MonotonicTime) {
        guard let last = jobs[index].job.attempts.last else { return }
        let longAgo = now.advanced(byMicroseconds: -lateness(of: last.worker))
        jobs[index].job.attempts[jobs[index].job.attempts.count - 1] = Attempt(worker: last.worker, sent: longAgo)
    }

    /// Whether there is a worker that may still make something of it.
    private func mayBeTried(_ index: Int) -> Bool {
        let tried = jobs[index].job.attempts.map(\.worker)
        return tried.count < limits.attempts && workers.keys.contains { !tried.contains($0) }
    }

    private mutating func repeatLate(_ index: Int, _ now: MonotonicTime) -> [Action] {
        let tried = jobs[index].job.attempts.map(\.worker)
        if tried.count >= limits.attempts {
            giveUp(index, "\(tried.count) encoders did not give it back")
            return []
        }
        guard let peer = freest(except: tried, now) else { return [] }
        repeated += 1
        if let last = tried.last, workers[last]?.outstanding.contains(jobs[index].number) == true {
            workers[last]!.isLate = true
            noteFailedTrial(of: last, now)
        }
        return [send(index, to: peer, now)]
    }

    /// Gives out what waits, oldest first: what others wait for comes before what is new.
    private mutating func dispatch(_ now: MonotonicTime) -> [Action] {
        var actions: [Action] = []
        for index in jobs.indices where jobs[index].job.outcome == nil {
            let attempts = jobs[index].job.attempts
            if attempts.isEmpty {
                guard let peer = freest(except: [], now) else { break }
                actions.append(send(index, to: peer, now))
            } else if isLate(attempts.last!, now) {
                actions += repeatLate(index, now)
            }
        }
        return actions
    }

    private mutating func send(_ index: Int, to peer: PeerID, _ now: MonotonicTime) -> Action {
        workers[peer]!.outstanding.insert(jobs[index].number)
        jobs[index].job.attempts.append(Attempt(worker: peer, sent: now))
        sent += 1
        return .send(job: jobs[index].number, jobs[index].job.picture, to: peer)
    }

    // MARK: Whom to trust with a picture

    private func hasPlace(for key: PublicKey, isOwn: Bool) -> Bool {
        let alike = workers.values.filter { $0.isOwn == isOwn }
        guard !isOwn else { return alike.count < limits.ownWorkers }
        return alike.count < limits.workers && alike.count { $0.key == key } < limits.workersPerKey
    }

    /// Whether a worker that has given nothing back yet may get a picture although others are proven: one of a key at a
    /// time, one picture, and not soon again after that was lost. So workers that only take delay few pictures, however
    /// many of them come.
    private func mayBeTried(_ worker: Worker, _ now: MonotonicTime) -> Bool {
        guard worker.outstanding.isEmpty, trials[worker.key].map({ $0.next <= now }) ?? true else { return false }
        return !workers.values.contains { !$0.isProven && $0.key == worker.key && !$0.outstanding.isEmpty }
    }

    /// A worker that was tried has not given its picture back.
    private mutating func noteFailedTrial(of peer: PeerID, _ now: MonotonicTime) {
        guard let worker = workers[peer], !worker.isProven, workers.values.contains(where: \.isProven) else { return }
        let pause = min(max(limits.trialPause, 2 * (trials[worker.key]?.pause ?? 0)), limits.longestTrialPause)
        trials[worker.key] = Trial(pause: pause, next: now.advanced(byMicroseconds: pause))
    }

    /// The worker with credit from which a result is to be expected first, one of the camera's own where it can be.
    ///
    /// A picture that others had goes to a proven worker where there is one that has not had it: only few get it at all.
    private func freest(except tried: [PeerID], _ now: MonotonicTime) -> PeerID? {
        let untried = workers.lazy.filter { !tried.contains($0.key) }
        let isProvenWanted = untried.contains { $0.value.isProven && !$0.value.isLate }
        return
            untried
            .filter { entry in
                guard entry.value.credit > 0 else { return false }
                return entry.value.isProven || !isProvenWanted || (tried.isEmpty && mayBeTried(entry.value, now))
            }
            .min { left, right in
                let leftWait = Double(left.value.outstanding.count + 1) * left.value.latency
                let rightWait = Double(right.value.outstanding.count + 1) * right.value.latency
                if left.value.isOwn != right.value.isOwn { return left.value.isOwn }
                let (leftFails, rightFails) = (left.value.failures >= 3, right.value.failures >= 3)
                if leftFails != rightFails { return rightFails }
                if leftWait != rightWait { return leftWait < rightWait }
                return left.key.number < right.key.number
            }?.key
    }

    private mutating func giveUp(_ index: Int, _ reason: String) {
        dropped += 1
        conclude(index, .dropped(reason: reason))
    }

    private mutating func conclude(_ index: Int, _ outcome: Outcome) {
        jobs[index].job.outcome = outcome
    }

    /// Everything at the head of the line that has its outcome.
    private mutating func finish() -> [Action] {
        var actions: [Action] = []
        while let first = jobs.first, let outcome = first.job.outcome {
            actions.append(.finished(first.job.picture, outcome))
            bytes -= first.job.bytes
            jobs.removeFirst()
        }
        return actions
    }
}
