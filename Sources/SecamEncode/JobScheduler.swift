import SecamBase
import SecamWire

/// The jobs that wait for a thread, and which of them is next: cameras share the threads' time, not the number of jobs, so
/// that one whose pictures take long waits for itself.
///
/// - The camera that has used the least processor time is next. One that had nothing to do starts where the others are.
/// - While other cameras are there, the running jobs of one whose jobs take long are bounded, so that it leaves threads to
///   the others: together they are to take no more than `shortJob` for each thread.
/// - Of a camera that has shown nothing yet, and of a picture that is much larger than its earlier ones, one job runs at a
///   time until it is known what it costs.
///
/// What is known goes by the camera's name, so that joining again does not make it forgotten.
///
/// A state machine without I/O: time is an argument.
struct JobScheduler<Job: Sendable> {
    private struct Waiting {
        let job: Job
        let bytes: Int
    }

    private struct Camera {
        var isPresent = true
        var waiting: [Waiting] = []
        var running = 0
        /// Microseconds of processor time that it used, with what its running jobs are expected to use.
        var used: Int64 = 0
        /// Microseconds that its last job took, by which the next one is charged at first.
        var expected: Int64 = 0
        /// Microseconds of its longest job, while that is remembered.
        var longest: Int64 = 0
        var longestUntil = MonotonicTime(microseconds: 0)
        /// Bytes of the largest job that is done.
        var largest = 0
        /// Grows with each turn: of two that have used the same, the one that waits longer is next.
        var turn: UInt64 = 0
    }

    /// A job that was handed out; `finish` ends it.
    struct Turn: Sendable {
        let job: Job
        let camera: Name
        fileprivate let bytes: Int
        fileprivate let charged: Int64
    }

    /// Microseconds of a job that any number of threads may be busy with.
    static var shortJob: Int64 { 100_000 }
    /// A long job is remembered for so many times its length: a camera cannot hold up others for a greater share of time
    /// by making its pictures cheap in between.
    private static var memory: Int64 { 64 }
    private static var longestMemory: Int64 { 600_000_000 }
    /// Times the bytes of its largest picture, up to which one of a camera is expected to cost no more.
    private static var growth: Int { 2 }
    /// Cameras that are gone of which something is remembered.
    private static var remembered: Int { 4096 }

    private let threads: Int
    private var cameras: [Name: Camera] = [:]
    private var present = 0
    /// Cameras with jobs that wait.
    private var ready: [Name] = []
    private var running = 0
    private var lastTurn: UInt64 = 0
    /// What the camera had used that was last in turn.
    private var level: Int64 = 0

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

    /// Its jobs that wait are dropped.
    mutating func remove(_ name: Name, now: MonotonicTime) {
        guard cameras[name]?.isPresent == true else { return }
        cameras[name]!.isPresent = false
        cameras[name]!.waiting = []
        present -= 1
        ready.removeAll { $0 == name }
        let gone = cameras.filter { !$0.value.isPresent && $0.value.running == 0 }
        for (name, camera) in gone where camera.longestUntil < now { cameras[name] = nil }
        guard gone.count > Self.remembered else { return }
        if let first = gone.min(by: { $0.value.longestUntil < $1.value.longestUntil }) { cameras[first.key] = nil }
    }

    /// Jobs of this camera that may run at once; `nil` for any number.
    func bound(of name: Name, now: MonotonicTime) -> Int? {
        guard present > 1, let camera = cameras[name] else { return nil }
        let cost = camera.longestUntil < now ? camera.expected : max(camera.longest, camera.expected)
        return cost > Self.shortJob ? max(1, Int(Int64(threads) * Self.shortJob / cost)) : nil
    }

    // MARK: Jobs

    mutating func append(_ job: Job, bytes: Int, of name: Name) {
        guard let camera = cameras[name], camera.isPresent else { return }
        if camera.waiting.isEmpty {
            ready.append(name)
            // Time in which it wanted nothing is not made up for.
            if camera.running == 0 { cameras[name]!.used = max(camera.used, level) }
        }
        cameras[name]!.waiting.append(Waiting(job: job, bytes: bytes))
    }

    /// The job that is to be handed out next, if any. One more is out than there are threads, so that none of them has to
    /// wait for it.
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
        // The first one is waiting, as the camera is ready.
        guard camera.waiting[0].bytes <= camera.largest * Self.growth else { return false }
        return bound(of: name, now: now).map { camera.running < $0 } ?? true
    }

    /// - Parameter microseconds: of processor time that the job took.
    mutating func finish(_ turn: Turn, microseconds: Int64, now: MonotonicTime) {
        running -= 1
        guard var camera = cameras[turn.camera] else { return }
        camera.running -= 1
        camera.used += microseconds - turn.charged
        camera.expected = microseconds
        camera.largest = max(camera.largest, turn.bytes)
        if microseconds >= camera.longest || camera.longestUntil < now {
            camera.longest = microseconds
            camera.longestUntil = now.advanced(
                byMicroseconds: min(microseconds * Self.memory, Self.longestMemory))
        }
        cameras[turn.camera] = camera
    }
}
