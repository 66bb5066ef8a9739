import Logging
import SecamBase
import SecamJPEG
import SecamMesh
import SecamProcess
import SecamWire

/// A worker for every camera on the roster: says how many jobs it takes, does them on its threads, gives back the
/// results. It keeps nothing else, so that any number of them can come and go.
actor EncodeService {
    private let loop: MeshLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// A camera's picture that waits for a thread.
    private struct Job: Sendable {
        let camera: CameraID
        let message: MeshMessage
    }

    private struct CameraID: Hashable, Sendable {
        let name: Name
        let incarnation: UInt64
    }

    private struct Camera {
        let socket: MeshSocket
        /// It has been told how many jobs we take.
        var isReached = false
        /// Jobs of it that are not answered.
        var jobs = 0
    }

    private let logger: Logger
    private let member: MeshMember
    private let threads: Int
    /// The only camera that this worker is for; `nil` when it works for all.
    private let own: String?
    /// Where that one is reached, when it is not where the roster says.
    private let camera: String?
    private let jobs = BlockingQueue<JobScheduler<Job>.Turn>()
    private var cameras: [CameraID: Camera] = [:]
    /// The jobs that wait.
    private var turns: JobScheduler<Job>
    private var timer: LoopTimer?
    private var lastGrant = MonotonicTime.now

    private var done: UInt64 = 0
    private var failed: UInt64 = 0
    private var refused: UInt64 = 0
    private var busyMicroseconds: UInt64 = 0

    /// Microseconds between two tries to reach a camera that is new, and between two signs of life.
    private static let tryInterval: Int64 = 50_000
    private static let grantInterval: Int64 = 1_000_000
    /// Microseconds for which work that was taken is finished at the end.
    private static let drainTime: Int64 = 2_000_000
    /// Nothing new is taken any more.
    private var isStopping = false
    /// Jobs that one camera may have here, whatever it was granted before others came.
    private static let mostJobs = 8

    private init(member: MeshMember, threads: Int, camera: String?, logger: Logger) {
        own = DedicatedEncoders.camera(ofEncoder: member.name)
        self.camera = camera
        loop = member.loop
        self.member = member
        self.threads = threads
        self.logger = logger
        turns = JobScheduler(threads: threads)
    }

    /// Starts a worker. Called on the loop's thread.
    ///
    /// - Parameter camera: where the one camera is reached that it works for.
    static func start(
        identity: Identity, name: Name, threads: Int, camera: String? = nil, loop: MeshLoop, logger: Logger
    ) throws -> EncodeService {
        let member = try MeshMember(identity, name: name, loop: loop, logger: logger)
        let service = EncodeService(member: member, threads: threads, camera: camera, logger: logger)
        try service.assumeIsolated { try $0.begin() }
        return service
    }

    /// Leaves when the jobs that it has are done, so that no camera has to wait for them in vain. Those that take too
    /// long are left to the other workers.
    func stop() async {
        isStopping = true
        timer?.cancel()
        let none = MeshMessage(Grant(jobs: 0))
        for camera in cameras.values { camera.socket.send(none) }
        let end = MonotonicTime.now.advanced(byMicroseconds: EncodeService.drainTime)
        // Those that a camera had sent before it heard of the end are on their way for a moment.
        repeat {
            try? await Task.sleep(for: .milliseconds(50))
        } while cameras.values.contains { $0.jobs > 0 } && MonotonicTime.now < end
        member.stop()
        for camera in cameras.values { loop.unwatch(camera.socket) }
        cameras = [:]
        jobs.close()
    }

    private func begin() throws {
        member.onRoster = { [unowned self] added, removed in
            assumeIsolated { $0.adopt(added: added, removed: removed) }
        }
        member.figures = { [unowned self] in assumeIsolated { $0.figures() } }
        let timer = loop.makeTimer { [unowned self] in assumeIsolated { $0.grantWhereDue() } }
        self.timer = timer
        try member.start()
        grantWhereDue()
        for _ in 0..<threads { startThread() }
    }

    // MARK: Cameras

    private func adopt(added: [Roster.Member], removed: [Roster.Member]) {
        for old in removed where old.role == .capture {
            let identifier = CameraID(name: old.name, incarnation: old.incarnation)
            guard let camera = cameras.removeValue(forKey: identifier) else { continue }
            turns.remove(old.name, now: .now)
            loop.unwatch(camera.socket)
        }
        for new in added where new.role == .capture && !new.endpoint.isEmpty {
            guard let own else {
                connect(new)
                continue
            }
            if new.name.text == own { connect(new.reached(at: camera)) }
        }
        grantWhereDue()
    }

    private func connect(_ camera: Roster.Member) {
        let identifier = CameraID(name: camera.name, incarnation: camera.incarnation)
        do throws(MeshError) {
            let socket = try member.connect(to: camera)
            cameras[identifier] = Camera(socket: socket)
            turns.add(camera.name)
            loop.watch(socket) { [unowned self] in assumeIsolated { $0.receive(identifier) } }
        } catch {
            logger.error("camera unreachable", metadata: ["camera": "\(camera.name)", "reason": "\(error)"])
        }
    }

    /// Tells cameras how many jobs we take: new ones as soon as they can be reached, all once a second.
    private func grantWhereDue() {
        guard !isStopping else { return }
        let now = MonotonicTime.now
        let isDue = now.since(lastGrant) >= EncodeService.grantInterval
        if isDue { lastGrant = now }
        // With few cameras each may use all threads; with many, what waits here must stay small.
        let jobs = max(1, min(threads, EncodeService.mostJobs / max(1, cameras.count)))
        for (identifier, camera) in cameras where isDue || !camera.isReached {
            let bound = turns.bound(of: identifier.name, now: now) ?? jobs
            let grant = MeshMessage(Grant(jobs: UInt32(min(jobs, bound))))
            cameras[identifier]!.isReached = camera.socket.send(grant) == .sent
        }
        let isComplete = cameras.values.allSatisfy(\.isReached)
        timer?.schedule(
            afterMicroseconds: isComplete ? EncodeService.grantInterval : EncodeService.tryInterval)
    }

    private func receive(_ identifier: CameraID) {
        for _ in 0..<EncodeService.mostJobs {
            guard let camera = cameras[identifier], let received = camera.socket.receive() else { return }
            guard camera.jobs < EncodeService.mostJobs else {
                refuse("more jobs than were granted", identifier)
                continue
            }
            cameras[identifier]!.jobs += 1
            let message = received.message
            turns.append(Job(camera: identifier, message: message), bytes: message.count, of: identifier.name)
            handOut(.now)
        }
    }

    private func handOut(_ now: MonotonicTime) {
        while let turn = turns.next(now: now) { jobs.push(turn) }
    }

    // MARK: Threads

    private func startThread() {
        let jobs = jobs
        let logger = logger
        DedicatedThread.start { [self] in
            let worker: PictureWorker
            do throws(JPEGError) {
                worker = try PictureWorker()
            } catch {
                logger.critical("an encoding thread cannot start", metadata: ["reason": "\(error)"])
                return
            }
            while case .element(let turn) = jobs.pop() {
                // Processor time: on a machine that is busy with other things, all jobs take long.
                let start = ThreadTime.microseconds
                let answer = worker.answer(turn.job.message)
                let cost = ThreadTime.microseconds - start
                loop.post { self.assumeIsolated { $0.deliver(answer, of: turn, cost: cost) } }
            }
        }
    }

    /// - Parameter cost: microseconds of processor time.
    private func deliver(_ answer: PictureWorker.Answer, of turn: JobScheduler<Job>.Turn, cost: Int64) {
        let identifier = turn.job.camera
        let now = MonotonicTime.now
        cameras[identifier]?.jobs -= 1
        turns.finish(turn, microseconds: cost, now: now)
        handOut(now)
        switch answer {
        case .result(let message, let isFailure, let microseconds):
            done += isFailure ? 0 : 1
            failed += isFailure ? 1 : 0
            busyMicroseconds += UInt64(microseconds)
            // A camera that is gone meanwhile has no use for it.
            cameras[identifier]?.socket.send(message)
        case .unreadable(let reason):
            refuse("\(reason)", identifier)
        }
    }

    private func refuse(_ reason: String, _ camera: CameraID) {
        refused += 1
        logger.warning("message rejected", metadata: ["sender": "camera \(camera.name)", "reason": "\(reason)"])
    }

    private func figures() -> [Figure] {
        let process = ProcessFigures.current
        return [
            Figure(.jobsDone, done), Figure(.jobsFailed, failed), Figure(.encodeMicroseconds, busyMicroseconds),
            Figure(.messagesRefused, refused), Figure(.residentBytes, process.residentBytes),
            Figure(.cpuMicroseconds, process.cpuMicroseconds),
        ]
    }
}

extension Roster.Member {
    /// The same at another address; its key is checked there as well.
    fileprivate func reached(at address: String?) -> Roster.Member {
        guard let address else { return self }
        return Roster.Member(role: role, incarnation: incarnation, key: key, name: name, endpoint: address)
    }
}
