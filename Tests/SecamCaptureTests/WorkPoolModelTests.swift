import SecamBase
import SecamCapture
import SecamMesh
import SecamTestSupport
import Testing

/// A model test with workers that die, hang, are late and fail at random.
@Suite struct WorkPoolModelTests {
    @Test(arguments: Array(1...12) as [UInt64])
    func `every picture is finished once and in order, whatever the workers do`(seed: UInt64) {
        var world = World(seed: seed)
        for _ in 0..<6000 {
            world.step()
            guard world.problems.isEmpty else { break }
        }
        world.calmDown()
        #expect(world.problems == [])
        #expect(world.finished == world.submitted, "some pictures were never finished")
        #expect(world.made * 2 > world.submitted, "most pictures are made")
    }
}

private struct World {
    private struct SimulatedWorker {
        let window: UInt32
        /// Jobs without an answer, with the time of the answer; `nil` for never.
        var jobs: [(job: UInt64, due: MonotonicTime?)] = []
        var nextGrant: MonotonicTime
        var isDead = false
    }

    private var random: SeededGenerator
    private var pool = WorkPool<UInt64>()
    private var now = at(0)
    private var workers: [PeerID: SimulatedWorker] = [:]
    private var nextPeer: UInt64 = 1
    private var nextPicture = at(0)
    private var isCalm = false

    private(set) var submitted: UInt64 = 0
    private(set) var finished: UInt64 = 0
    private(set) var made: UInt64 = 0
    private(set) var problems: [String] = []

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        for _ in 0..<Int.random(in: 1...5, using: &random) { startWorker() }
    }

    /// Advances time by five milliseconds.
    mutating func step() {
        now = now + .milliseconds(5)
        if now >= nextPicture {
            nextPicture = now + .milliseconds(33)
            submitted += 1
            let size = random.chance(percent: 1) ? 40 << 20 : 1 << 20
            apply(pool.submit(submitted, job: submitted, bytes: size, now: now))
        }
        if random.chance(percent: 12) { apply(pool.tick(now: now)) }
        disturb()
        for peer in workers.keys.sorted(by: { $0.description < $1.description }) { work(peer) }
    }

    /// Stops new pictures and disturbances, and waits for all pictures to finish.
    mutating func calmDown() {
        isCalm = true
        nextPicture = at(.max / 2000)
        startWorker()
        for _ in 0..<4000 where pool.isBusy { step() }
    }

    private mutating func startWorker() {
        let window = UInt32.random(in: 1...4, using: &random)
        workers[PeerID(number: nextPeer)] = SimulatedWorker(window: window, nextGrant: now)
        nextPeer += 1
    }

    private mutating func disturb() {
        guard !isCalm else { return }
        if workers.count < 6, random.chance(percent: 1) { startWorker() }
        guard random.chance(percent: 1), random.chance(percent: 50) else { return }
        // One worker dies. The camera notices at once, at the next send, or by its silence.
        guard let victim = workers.keys.sorted(by: { $0.description < $1.description }).randomElement(using: &random)
        else { return }
        if random.chance(percent: 50) {
            workers[victim] = nil
            apply(pool.lost(victim, now: now))
        } else {
            workers[victim]!.isDead = true
        }
    }

    private mutating func work(_ peer: PeerID) {
        guard let worker = workers[peer], !worker.isDead else { return }
        if now >= worker.nextGrant {
            workers[peer]!.nextGrant = now + .seconds(1)
            apply(pool.grant(worker.window, from: peer, now: now))
        }
        for (job, due) in worker.jobs {
            guard let due, due <= now else { continue }
            guard let index = workers[peer]?.jobs.firstIndex(where: { $0.job == job }) else { return }
            workers[peer]!.jobs.remove(at: index)
            let failure = !isCalm && random.chance(percent: 3) ? "failed" : ""
            apply(pool.result(job: job, World.result(job), failure: failure, from: peer, now: now))
            if !isCalm, random.chance(percent: 2) {
                apply(pool.result(job: job, World.result(job), failure: "", from: peer, now: now))
            }
        }
    }

    private mutating func apply(_ actions: [WorkPool<UInt64>.Action]) {
        var unreachable: [PeerID] = []
        for action in actions {
            switch action {
            case .send(let job, let picture, let peer):
                if job != picture { problems.append("job \(job) holds picture \(picture)") }
                guard let worker = workers[peer], !worker.isDead || random.chance(percent: 50) else {
                    unreachable.append(peer)
                    workers[peer] = nil
                    continue
                }
                workers[peer]!.jobs.append((job, dueTime()))
                if worker.jobs.count >= Int(worker.window) { problems.append("\(peer) got more than it granted") }
                if worker.jobs.contains(where: { $0.job == job }) { problems.append("\(peer) got job \(job) twice") }
            case .finished(let picture, let outcome):
                finished += 1
                if picture != finished { problems.append("picture \(picture) came as number \(finished)") }
                guard case .made(let message) = outcome else { continue }
                made += 1
                if message.bytes != World.result(picture).bytes { problems.append("wrong result for \(picture)") }
            }
        }
        for peer in unreachable { apply(pool.lost(peer, now: now)) }
    }

    /// Returns the time of an answer: usually soon, sometimes late, rarely never.
    private mutating func dueTime() -> MonotonicTime? {
        guard isCalm || !random.chance(percent: 1) || random.chance(percent: 80) else { return nil }
        let isLate = !isCalm && random.chance(percent: 4)
        let delay: Int64 =
            isLate ? .random(in: 150_000...900_000, using: &random) : .random(in: 5000...60_000, using: &random)
        return now + .microseconds(delay)
    }

    private static func result(_ job: UInt64) -> MeshMessage {
        MeshMessage((0..<8).map { UInt8(truncatingIfNeeded: job >> (8 * $0)) })
    }
}
