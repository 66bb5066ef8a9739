package import SecamBase
package import SecamMesh
import SecamWire

/// Distributes a camera's pictures to the workers that granted jobs, and restores the order of their results.
///
/// A picture whose worker does not answer in time is also sent to another one; the first result counts. A state machine
/// without I/O: time is an argument, the messages to send are returned.
package struct WorkPool<Picture: Sendable>: Sendable {
    package struct Limits: Sendable {
        /// Time after which a job is sent to another worker too. Twice the usual latency for a slower worker, because a
        /// second one would only repeat its work.
        package var resendDelay: Duration = .milliseconds(180)
        /// Time without a message after which a worker is removed.
        package var silenceTimeout: Duration = .seconds(3)
        /// Pictures in the pool, including finished ones that wait for earlier ones. Beyond it the oldest is dropped.
        package var pictures = 64
        /// Bytes of these pictures.
        package var bytes = 64 << 20
        /// Time for which the queue may fail to drain, although there are workers, before it is cut short.
        package var congestionTimeout: Duration = .milliseconds(500)
        /// Pictures that may wait in a queue that does not drain.
        package var congestedPictures = 4
        /// Time between two calls after which the camera itself counts as suspended.
        package var suspension: Duration = .seconds(1)
        /// Time after which a picture that a connected worker does not return is dropped; it delays all later ones.
        package var jobTimeout: Duration = .seconds(3)
        /// Workers that may fail at one picture before it is dropped, because the picture may crash them.
        package var attempts = 3
        /// Workers shared by all cameras.
        package var workers = 256
        /// Workers shared by all cameras, per key.
        package var workersPerKey = 128
        /// Workers dedicated to this camera.
        package var dedicatedWorkers = 16
        /// Pause before the next trial of a worker of a key whose last trial failed. It doubles up to the longest
        /// pause.
        package var trialPause: Duration = .seconds(1)
        package var longestTrialPause: Duration = .seconds(30)

        package init() {}
    }

    package enum Action: Sendable {
        /// Send the picture to the worker as this job.
        case send(job: UInt64, Picture, to: PeerID)
        /// The picture is finished, and so are all earlier ones.
        case finished(Picture, Outcome)
    }

    package enum Outcome: Sendable {
        case made(MeshMessage)
        /// No worker took the picture in time, or all failed at it.
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
        /// Jobs that it accepts at once.
        var window: UInt32
        var lastHeard: MonotonicTime
        /// Jobs without an answer, including those that another worker finished: its threads still work on them.
        var outstanding: Set<UInt64> = []
        let key: PublicKey
        /// It works for this camera alone.
        let isDedicated: Bool
        /// It has returned a result, and has not failed three times in a row since.
        var isProven = false
        /// One of its jobs was resent to another worker; it gets no new job until it returns one.
        var isLate = false
        /// Moving average of the time from job to result.
        var latency: Duration = .zero
        /// Failures in a row.
        var failures = 0

        /// A worker that fails this often in a row comes after the others.
        var isFailing: Bool { failures >= 3 }

        mutating func recordResult(after elapsed: Duration) {
            latency = latency == .zero ? elapsed : latency * 0.8 + elapsed * 0.2
            failures = 0
            isProven = true
        }

        mutating func recordFailure() {
            failures += 1
            if isFailing { isProven = false }
        }

        var credit: UInt32 {
            isLate || outstanding.count >= window ? 0 : window - UInt32(outstanding.count)
        }
    }

    /// The trials of a key's unproven workers while proven ones exist.
    private struct Trial: Sendable {
        var pause: Duration
        var next: MonotonicTime
    }

    private let limits: Limits
    private var trials: [PublicKey: Trial] = [:]
    private var workers: [PeerID: Worker] = [:]
    /// In the order of capture; the first one finishes next.
    private var jobs: [(number: UInt64, job: Job)] = []
    private var bytes = 0
    /// The fewest waiting pictures since the workers fell behind, and since when.
    private var congestion: (since: MonotonicTime, least: Int)?
    /// When `submit` or `tick` was last called.
    private var lastCall: MonotonicTime?

    /// Whether a late picture is better than a dropped one, as for a recording. A congested queue is then cut only after
    /// `jobTimeout`.
    package var acceptsLatePictures = false

    package private(set) var sent: UInt64 = 0
    package private(set) var resent: UInt64 = 0
    package private(set) var dropped: UInt64 = 0
    /// Results of jobs that were finished or unknown.
    package private(set) var lateResults: UInt64 = 0

    package init(limits: Limits = Limits()) { self.limits = limits }

    /// Jobs that the workers accept now.
    package var credit: UInt32 { workers.values.reduce(0) { $0 + $1.credit } }

    package var workerCount: Int { workers.count }

    package func knows(_ peer: PeerID) -> Bool { workers[peer] != nil }

    /// The pool holds pictures, so `tick` must be called.
    package var isBusy: Bool { !jobs.isEmpty }

    // MARK: Inputs

    /// Adds a picture. Its job number must be larger than all earlier ones.
    package mutating func submit(
        _ picture: Picture, job number: UInt64, bytes size: Int, now: MonotonicTime
    ) -> [Action] {
        jobs.append((number, Job(picture: picture, bytes: size)))
        bytes += size
        var actions: [Action] = []
        while jobs.count > limits.pictures || bytes > limits.bytes {
            dropOldest { $0.outcome == nil }
            actions += finish()
        }
        actions += dispatch(now)
        cutCongestedQueue(now)
        return actions + finish()
    }

    /// Sets the number of jobs that a worker accepts at once.
    ///
    /// - Parameter isDedicated: the worker works for this camera alone, so it is preferred.
    package mutating func grant(
        _ count: UInt32, from peer: PeerID, key: PublicKey, isDedicated: Bool = false, now: MonotonicTime
    ) -> [Action] {
        guard workers[peer] != nil || hasRoom(for: key, isDedicated: isDedicated) else { return [] }
        var worker = workers[peer] ?? Worker(window: 0, lastHeard: now, key: key, isDedicated: isDedicated)
        worker.lastHeard = now
        worker.window = count
        workers[peer] = worker
        return dispatch(now) + finish()
    }

    /// Returns the picture of a job that this worker was sent and that is not finished.
    package func picture(ofJob number: UInt64, sentTo peer: PeerID) -> Picture? {
        jobs.first { $0.number == number && $0.job.attempts.contains { $0.worker == peer } }?.job.picture
    }

    /// Handles a worker's result. A result of a job that the worker was never sent is ignored.
    package mutating func result(
        job number: UInt64, _ message: MeshMessage, failure: String, from peer: PeerID, now: MonotonicTime
    ) -> [Action] {
        workers[peer]?.lastHeard = now
        if workers[peer]?.outstanding.remove(number) != nil { workers[peer]!.isLate = false }
        guard let index = jobs.firstIndex(where: { $0.number == number }),
            let attempt = jobs[index].job.attempts.first(where: { $0.worker == peer })
        else {
            lateResults += 1
            // The worker has room for another job nevertheless.
            return dispatch(now) + finish()
        }
        // A failure does not count as latency: it comes fast, and must not attract more jobs.
        if failure.isEmpty {
            workers[peer]?.recordResult(after: now - attempt.sent)
        } else {
            workers[peer]?.recordFailure()
            recordFailedTrial(of: peer, now)
        }
        guard jobs[index].job.outcome == nil else {
            lateResults += 1
            return dispatch(now) + finish()
        }
        if failure.isEmpty {
            jobs[index].job.outcome = .made(message)
        } else if canRetry(index) {
            markLate(index, now)
        } else if !isUnderWay(index) {
            drop(index, failure)
        }
        return dispatch(now) + finish()
    }

    /// Removes a worker whose connection is lost.
    package mutating func lost(_ peer: PeerID, now: MonotonicTime) -> [Action] {
        guard let worker = workers[peer] else { return [] }
        if !worker.outstanding.isEmpty { recordFailedTrial(of: peer, now) }
        workers[peer] = nil
        for index in jobs.indices where jobs[index].job.outcome == nil {
            let tried = jobs[index].job.attempts.map(\.worker)
            if tried.last == peer {
                markLate(index, now)
            } else if tried.contains(peer), !isUnderWay(index) {
                canRetry(index)
                    ? markLate(index, now) : drop(index, "no encoder is left that could return it")
            }
        }
        return dispatch(now) + finish()
    }

    /// Removes silent workers and resends late jobs.
    package mutating func tick(now: MonotonicTime) -> [Action] {
        recordCall(now)
        trials = trials.filter { now - $0.value.next < limits.longestTrialPause }
        var actions: [Action] = []
        for (peer, worker) in workers where now - worker.lastHeard > limits.silenceTimeout {
            actions += lost(peer, now: now)
        }
        for index in jobs.indices {
            guard jobs[index].job.outcome == nil, let last = jobs[index].job.attempts.last,
                isLate(last, now)
            else { continue }
            if now - last.sent > limits.jobTimeout, workers[last.worker] != nil {
                drop(index, "no encoder returned it in time")
            } else {
                actions += resend(index, now)
            }
        }
        return actions + finish()
    }

    /// Drops all pictures.
    package mutating func abandonAll(_ reason: String) -> [Action] {
        for index in jobs.indices where jobs[index].job.outcome == nil { drop(index, reason) }
        return finish()
    }

    // MARK: Congestion

    private var waiting: Int { jobs.lazy.filter { $0.job.isWaiting }.count }

    /// Cuts a queue that does not drain although there are workers, because it only adds delay. A queue that drains, as
    /// after a time without workers, is kept however long that takes.
    private mutating func cutCongestedQueue(_ now: MonotonicTime) {
        recordCall(now)
        let count = waiting
        guard !workers.isEmpty, count > 1 else {
            congestion = nil
            return
        }
        guard let congestion, count >= congestion.least || count <= limits.congestedPictures else {
            congestion = (now, count)
            return
        }
        let timeout = acceptsLatePictures ? limits.jobTimeout : limits.congestionTimeout
        guard now - congestion.since > timeout, count > limits.congestedPictures else { return }
        while waiting > limits.congestedPictures { dropOldest { $0.isWaiting } }
        self.congestion = (congestion.since, limits.congestedPictures)
    }

    /// Forgets congestion after a suspension of the camera, which is no fault of the workers.
    private mutating func recordCall(_ now: MonotonicTime) {
        if let lastCall, now - lastCall > limits.suspension { congestion = nil }
        lastCall = now
    }

    // MARK: Late jobs

    private func isLate(_ attempt: Attempt, _ now: MonotonicTime) -> Bool {
        now - attempt.sent >= resendDelay(of: attempt.worker)
    }

    private func resendDelay(of worker: PeerID) -> Duration {
        let usual = workers[worker]?.latency ?? .zero
        return max(limits.resendDelay, min(usual * 2, limits.jobTimeout))
    }

    /// Marks a job as late, because its last worker will not return it, so that the next worker gets it immediately.
    private mutating func markLate(_ index: Int, _ now: MonotonicTime) {
        guard let last = jobs[index].job.attempts.last else { return }
        let sent = now + (.zero - resendDelay(of: last.worker))
        jobs[index].job.attempts[jobs[index].job.attempts.count - 1] = Attempt(worker: last.worker, sent: sent)
    }

    /// Returns whether a worker that has the job may still return it.
    private func isUnderWay(_ index: Int) -> Bool {
        jobs[index].job.attempts.contains { workers[$0.worker]?.outstanding.contains(jobs[index].number) == true }
    }

    /// Returns whether another worker may try the job.
    private func canRetry(_ index: Int) -> Bool {
        let tried = jobs[index].job.attempts.map(\.worker)
        return tried.count < limits.attempts && workers.keys.contains { !tried.contains($0) }
    }

    private mutating func resend(_ index: Int, _ now: MonotonicTime) -> [Action] {
        let tried = jobs[index].job.attempts.map(\.worker)
        if tried.count >= limits.attempts {
            drop(index, "\(tried.count) encoders did not return it")
            return []
        }
        guard let peer = bestWorker(except: tried, now) else { return [] }
        resent += 1
        if let last = tried.last, workers[last]?.outstanding.contains(jobs[index].number) == true {
            workers[last]!.isLate = true
            recordFailedTrial(of: last, now)
        }
        return [send(index, to: peer, now)]
    }

    // MARK: Distribution

    /// Sends waiting and late jobs, oldest first, because later pictures wait for the oldest.
    private mutating func dispatch(_ now: MonotonicTime) -> [Action] {
        var actions: [Action] = []
        for index in jobs.indices where jobs[index].job.outcome == nil {
            let attempts = jobs[index].job.attempts
            if attempts.isEmpty {
                guard let peer = bestWorker(except: [], now) else { break }
                actions.append(send(index, to: peer, now))
            } else if isLate(attempts.last!, now) {
                actions += resend(index, now)
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

    private func hasRoom(for key: PublicKey, isDedicated: Bool) -> Bool {
        let alike = workers.values.filter { $0.isDedicated == isDedicated }
        guard !isDedicated else { return alike.count < limits.dedicatedWorkers }
        return alike.count < limits.workers && alike.count { $0.key == key } < limits.workersPerKey
    }

    // MARK: Trust

    /// Returns whether an unproven worker may get a picture although others are proven: one worker per key, one
    /// picture, and only after a pause if a trial failed. Thus workers that never return a result delay few pictures,
    /// however many connect.
    private func mayTry(_ worker: Worker, _ now: MonotonicTime) -> Bool {
        guard worker.outstanding.isEmpty, trials[worker.key].map({ $0.next <= now }) ?? true else { return false }
        return !workers.values.contains { !$0.isProven && $0.key == worker.key && !$0.outstanding.isEmpty }
    }

    /// Records that an unproven worker has not returned its picture.
    private mutating func recordFailedTrial(of peer: PeerID, _ now: MonotonicTime) {
        guard let worker = workers[peer], !worker.isProven, workers.values.contains(where: \.isProven) else { return }
        let pause = min(max(limits.trialPause, (trials[worker.key]?.pause ?? .zero) * 2), limits.longestTrialPause)
        trials[worker.key] = Trial(pause: pause, next: now + pause)
    }

    /// Returns the worker with credit that will probably finish first, preferably a dedicated one.
    ///
    /// A picture that was tried before goes to a proven worker if one remains, because it gets only few attempts.
    private func bestWorker(except tried: [PeerID], _ now: MonotonicTime) -> PeerID? {
        let untried = workers.lazy.filter { !tried.contains($0.key) }
        let isProvenWanted = untried.contains { $0.value.isProven && !$0.value.isLate }
        return
            untried
            .filter { entry in
                guard entry.value.credit > 0 else { return false }
                return entry.value.isProven || !isProvenWanted || (tried.isEmpty && mayTry(entry.value, now))
            }
            .min { left, right in
                let leftWait = left.value.latency * (left.value.outstanding.count + 1)
                let rightWait = right.value.latency * (right.value.outstanding.count + 1)
                if left.value.isFailing != right.value.isFailing { return right.value.isFailing }
                if left.value.isDedicated != right.value.isDedicated { return left.value.isDedicated }
                if leftWait != rightWait { return leftWait < rightWait }
                return left.key.number < right.key.number
            }?.key
    }

    // MARK: Outcomes

    private mutating func dropOldest(where matches: (Job) -> Bool) {
        guard let oldest = jobs.firstIndex(where: { matches($0.job) }) else { return }
        drop(oldest, "no encoder took it in time")
    }

    private mutating func drop(_ index: Int, _ reason: String) {
        dropped += 1
        jobs[index].job.outcome = .dropped(reason: reason)
    }

    /// Removes the pictures at the head of the queue that have an outcome, and returns them.
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
