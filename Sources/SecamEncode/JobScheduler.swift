import SecamBase
import SecamWire

/// A scheduler that shares the threads' time between cameras, so that a camera with slow jobs delays only itself.
///
/// - The camera that has used the least processor time is next. An idle camera resumes at the level of the others.
/// - While several cameras are present, the concurrent jobs of a camera with long jobs are bounded, so that threads
///   remain for the others: the sum of their costs is at most `shortJob` times the number of threads.
/// - A new camera runs one job at a time until its cost is known, and so does a picture that is much larger than the
///   camera's earlier ones.
///
/// Costs are remembered by the camera's name, so that they survive a rejoin.
///
/// A state machine without I/O: time is an argument.
struct JobScheduler<Job: Sendable> {
    private struct WaitingJob {
        let job: Job
        let bytes: Int
    }

    private struct Camera {
        var isPresent = true
        var waiting: [WaitingJob] = []
        var running = 0
        /// Processor time used, including the expected cost of running jobs.
        var used: Duration = .zero
        /// Cost of the last job, which is the first charge for the next one.
        var expected: Duration = .zero
        /// Cost of the longest job that is remembered.
        var longest: Duration = .zero
        var longestUntil = MonotonicTime(microseconds: 0)
        /// Size of the largest finished job, bytes.
        var largest = 0
        /// The camera's last turn. Of two cameras with equal use, the one with the earlier turn is next.
        var turn: UInt64 = 0
    }

    /// A running job; `finish` ends it.
    struct Turn: Sendable {
        let job: Job
        let camera: Name
        fileprivate let bytes: Int
        fileprivate let charged: Duration
    }

    /// Cost up to which a camera's jobs may occupy all threads.
    static var shortJob: Duration { .milliseconds(100) }
    /// A long job is remembered for this many times its cost, so that a camera cannot take a larger share by cheap
    /// pictures in between.
    private static var memoryFactor: Int { 64 }
    private static var longestMemory: Duration { .seconds(600) }
    /// A picture costs more than expected only beyond this many times the size of the camera's largest one.
    private static var growth: Int { 2 }
    /// Maximum number of absent cameras whose costs are remembered.
    private static var absentCameraLimit: Int { 4096 }

    private let threads: Int
    private var cameras: [Name: Camera] = [:]
    private var present = 0
    /// Cameras with waiting jobs.
    private var ready: [Name] = []
    private var running = 0
    private var lastTurn: UInt64 = 0
    /// Processor time used by the camera of the last turn.
    private var level: Duration = .zero

    init(threads: Int) {
        precondition(threads > 0, "JobScheduler: threads out of range")
        self.threads = threads
    }

    // MARK: Cameras

    mutating func add(_ name: Name) {
        guard cameras[name]?.isPresent != true else { return }
        cameras[name, default: Camera()].isPresent = true
        present += 1
    }

    /// Removes a camera and drops its waiting jobs.
    mutating func remove(_ name: Name, now: MonotonicTime) {
        guard cameras[name]?.isPresent == true else { return }
        cameras[name]!.isPresent = false
        cameras[name]!.waiting = []
        present -= 1
        ready.removeAll { $0 == name }
        let gone = cameras.filter { !$0.value.isPresent && $0.value.running == 0 }
        for (name, camera) in gone where camera.longestUntil < now { cameras[name] = nil }
        guard gone.count > Self.absentCameraLimit else { return }
        if let first = gone.min(by: { $0.value.longestUntil < $1.value.longestUntil }) { cameras[first.key] = nil }
    }

    /// Returns the maximum number of the camera's concurrent jobs; `nil` for no limit.
    func bound(of name: Name, now: MonotonicTime) -> Int? {
        guard present > 1, let camera = cameras[name] else { return nil }
        let cost = camera.longestUntil < now ? camera.expected : max(camera.longest, camera.expected)
        guard cost > Self.shortJob else { return nil }
        return max(1, Int(Int64(threads) * Self.shortJob.microseconds / cost.microseconds))
    }

    // MARK: Jobs

    mutating func append(_ job: Job, bytes: Int, of name: Name) {
        guard let camera = cameras[name], camera.isPresent else { return }
        if camera.waiting.isEmpty {
            ready.append(name)
            // An idle camera gets no credit for the time that it did not use.
            if camera.running == 0 { cameras[name]!.used = max(camera.used, level) }
        }
        cameras[name]!.waiting.append(WaitingJob(job: job, bytes: bytes))
    }

    /// Starts the next job, if any may run. One job more than there are threads may run, so that no thread waits for
    /// it.
    mutating func next(now: MonotonicTime) -> Turn? {
        guard running <= threads else { return nil }
        var best: (index: Int, camera: Camera)?
        for (index, name) in ready.enumerated() {
            let camera = cameras[name]!
            if let best, (best.camera.used, best.camera.turn) <= (camera.used, camera.turn) { continue }
            if mayRun(camera, name, now) { best = (index, camera) }
        }
        guard let best else { return nil }
        let name = ready[best.index]
        let first = cameras[name]!.waiting.removeFirst()
        if cameras[name]!.waiting.isEmpty { ready.remove(at: best.index) }
        level = max(level, best.camera.used)
        lastTurn += 1
        cameras[name]!.turn = lastTurn
        cameras[name]!.running += 1
        cameras[name]!.used += best.camera.expected
        running += 1
        return Turn(job: first.job, camera: name, bytes: first.bytes, charged: best.camera.expected)
    }

    private func mayRun(_ camera: Camera, _ name: Name, _ now: MonotonicTime) -> Bool {
        guard camera.running > 0, present > 1 else { return true }
        // A ready camera has at least one waiting job.
        guard camera.waiting[0].bytes <= camera.largest * Self.growth else { return false }
        return bound(of: name, now: now).map { camera.running < $0 } ?? true
    }

    /// Ends a running job.
    ///
    /// - Parameter cost: the processor time of the job.
    mutating func finish(_ turn: Turn, cost: Duration, now: MonotonicTime) {
        running -= 1
        guard var camera = cameras[turn.camera] else { return }
        camera.running -= 1
        camera.used += cost - turn.charged
        camera.expected = cost
        camera.largest = max(camera.largest, turn.bytes)
        if cost >= camera.longest || camera.longestUntil < now {
            camera.longest = cost
            camera.longestUntil = now + min(cost * Self.memoryFactor, Self.longestMemory)
        }
        cameras[turn.camera] = camera
    }
}
