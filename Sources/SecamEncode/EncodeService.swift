import Logging
import SecamBase
import SecamJPEG
import SecamMesh
import SecamProcess
import SecamSharedMemory
import SecamWire

/// A worker for all cameras on the roster: it grants jobs, runs them on its threads, and returns the results. It has no
/// other state, so replicas can start and stop at any time.
actor EncodeService {
    private let loop: MeshLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// A camera's picture to encode.
    private struct Job: Sendable {
        let camera: CameraID
        let message: MeshMessage
        /// The camera's shared memory, which stays mapped until the job is done.
        let memory: MappedMemory?
    }

    private struct CameraID: Hashable, Sendable {
        let name: Name
        let incarnation: UInt64
    }

    private struct Camera {
        let socket: MeshSocket
        /// The camera has received a grant.
        var isReached = false
        /// Jobs of this camera without a result.
        var jobs = 0
        /// Its shared memory.
        var memory = CameraMemory()
    }

    private let logger: Logger
    private let member: MeshMember
    private let threads: Int
    /// The only camera that this worker serves; `nil` for all cameras.
    private let dedicatedCamera: String?
    /// The address of that camera; `nil` for its address on the roster.
    private let dedicatedCameraAddress: String?
    private let jobs = BlockingQueue<JobScheduler<Job>.Turn>()
    /// `nil` without a folder of sockets.
    private let visits: MemoryVisits?
    private var cameras: [CameraID: Camera] = [:]
    private var scheduler: JobScheduler<Job>
    private var timer: LoopTimer?
    private var lastGrant = MonotonicTime.now

    private var jobsDone: UInt64 = 0
    private var jobsFailed: UInt64 = 0
    private var messagesRejected: UInt64 = 0
    private var busyMicroseconds: UInt64 = 0

    /// Interval of connection attempts to new cameras.
    private static let connectInterval = Duration.milliseconds(50)
    /// Interval of the grants that tell a camera that the worker is alive.
    private static let grantInterval = Duration.seconds(1)
    /// Time for running jobs to finish when the service stops.
    private static let drainTimeout: Duration = .seconds(2)
    /// No new jobs are granted.
    private var isStopping = false
    /// Maximum number of one camera's jobs, whatever it was granted before other cameras connected.
    private static let jobsPerCamera = 8

    private init(member: MeshMember, threads: Int, camera: String?, share: String?, logger: Logger) {
        visits = share.map { MemoryVisits(folder: $0) }
        dedicatedCamera = DedicatedEncoders.camera(ofEncoder: member.name)
        dedicatedCameraAddress = camera
        loop = member.loop
        self.member = member
        self.threads = threads
        self.logger = logger
        scheduler = JobScheduler(threads: threads)
    }

    /// Starts a worker. Called on the loop's thread.
    ///
    /// - Parameters:
    ///   - camera: the address of a dedicated encoder's camera; `nil` for its address on the roster.
    ///   - share: the folder of the sockets for shared memory; `nil` for none.
    static func start(
        identity: Identity, name: Name, threads: Int, camera: String? = nil, share: String? = nil, loop: MeshLoop,
        logger: Logger
    ) throws -> EncodeService {
        let member = try MeshMember(identity, name: name, loop: loop, logger: logger)
        let service = EncodeService(
            member: member, threads: threads, camera: camera, share: share, logger: logger)
        try service.assumeIsolated { try $0.start() }
        return service
    }

    /// Finishes the running jobs, so that no camera waits for them, and leaves the mesh. Jobs that exceed the drain
    /// timeout are left to other workers.
    func stop() async {
        isStopping = true
        timer?.cancel()
        let none = MeshMessage(Grant(jobs: 0))
        for camera in cameras.values { camera.socket.send(none) }
        let end = MonotonicTime.now + EncodeService.drainTimeout
        // Jobs that a camera sent before it received the last grant are still in flight.
        repeat {
            try? await Task.sleep(for: .milliseconds(50))
        } while cameras.values.contains { $0.jobs > 0 } && MonotonicTime.now < end
        member.stop()
        for camera in cameras.values { loop.unwatch(camera.socket) }
        cameras = [:]
        jobs.close()
    }

    private func start() throws {
        member.onRoster = callback { $0.updateRoster(added: $1, removed: $2) }
        member.figures = callback { $0.figures() }
        timer = loop.makeTimer(callback { $0.sendDueGrants() })
        try member.start()
        sendDueGrants()
        for _ in 0..<threads { startThread() }
    }

    // MARK: Cameras

    private func updateRoster(added: [Roster.Member], removed: [Roster.Member]) {
        for old in removed where old.role == .capture {
            let identifier = CameraID(name: old.name, incarnation: old.incarnation)
            guard let camera = cameras.removeValue(forKey: identifier) else { continue }
            scheduler.remove(old.name, now: .now)
            loop.unwatch(camera.socket)
        }
        for new in added where new.role == .capture && !new.endpoint.isEmpty {
            guard let dedicatedCamera else {
                connect(new)
                continue
            }
            if new.name.text == dedicatedCamera { connect(new.reached(at: dedicatedCameraAddress)) }
        }
        sendDueGrants()
    }

    private func connect(_ camera: Roster.Member) {
        let identifier = CameraID(name: camera.name, incarnation: camera.incarnation)
        do throws(MeshError) {
            let socket = try member.connect(to: camera, messageLimit: WireLimits.meshMessage)
            cameras[identifier] = Camera(socket: socket)
            scheduler.add(camera.name)
            loop.watch(socket, onReadable: callback { $0.receive(identifier) })
        } catch {
            logger.error("camera unreachable", metadata: ["camera": "\(camera.name)", "reason": "\(error)"])
        }
    }

    /// Sends grants to new cameras as soon as they are reachable, and to all cameras once a second.
    private func sendDueGrants() {
        guard !isStopping else { return }
        let now = MonotonicTime.now
        let isDue = now - lastGrant >= EncodeService.grantInterval
        if isDue { lastGrant = now }
        for (identifier, camera) in cameras where isDue || !camera.isReached {
            sendGrant(to: identifier, camera, now)
        }
        let isComplete = cameras.values.allSatisfy(\.isReached)
        timer?.schedule(after: isComplete ? EncodeService.grantInterval : EncodeService.connectInterval)
    }

    private func sendGrant(to identifier: CameraID, _ camera: Camera, _ now: MonotonicTime) {
        // Few cameras may use all threads each; with many, the queue must stay short.
        let jobs = max(1, min(threads, EncodeService.jobsPerCamera / max(1, cameras.count)))
        let bound = scheduler.bound(of: identifier.name, now: now) ?? jobs
        let grant = Grant(jobs: UInt32(min(jobs, bound)), memory: camera.memory.mapped?.number ?? 0)
        cameras[identifier]?.isReached = camera.socket.send(grant) == .sent
        cameras[identifier]?.memory.tick(now: now)
    }

    private func receive(_ identifier: CameraID) {
        for _ in 0..<EncodeService.jobsPerCamera {
            guard let camera = cameras[identifier], let received = camera.socket.receive() else { return }
            let message = received.message
            let header = MessageHeader(message)
            if case .share(let share) = header {
                handle(share, from: identifier)
                continue
            }
            guard camera.jobs < EncodeService.jobsPerCamera else {
                reject("more jobs than granted", identifier)
                continue
            }
            cameras[identifier]!.jobs += 1
            let picture = header.picture(in: camera.memory, messageLength: message.count)
            let job = Job(camera: identifier, message: message, memory: picture.memory)
            scheduler.append(job, bytes: picture.byteCount, of: identifier.name)
            startJobs(.now)
        }
    }

    // MARK: Shared memory

    private func handle(_ share: Share, from identifier: CameraID) {
        guard let visits else { return }
        let mapped = cameras.values.count { $0.memory.isOccupied }
        guard cameras[identifier]?.memory.accept(share, othersMapped: mapped, now: .now) == true else { return }
        let loop = loop
        visits.start(share, of: identifier.name) { [self] outcome in
            loop.post { self.assumeIsolated { $0.handle(outcome, of: identifier) } }
        }
    }

    private func handle(_ outcome: Result<MappedMemory, SharingFailure>, of identifier: CameraID) {
        guard let change = cameras[identifier]?.memory.handle(outcome, now: .now) else { return }
        switch change {
        case .mapped: logger.info("shared memory mapped", metadata: ["camera": "\(identifier.name)"])
        case .elsewhere(let reason):
            logger.debug("shared memory not mapped", metadata: ["camera": "\(identifier.name)", "reason": "\(reason)"])
        case .failed(let reason):
            logger.warning(
                "shared memory not mapped", metadata: ["camera": "\(identifier.name)", "reason": "\(reason)"])
        case .unchanged: break
        }
        // At once, so that the camera's next picture takes the shorter way.
        if !isStopping, let camera = cameras[identifier] { sendGrant(to: identifier, camera, .now) }
    }

    private func startJobs(_ now: MonotonicTime) {
        while let turn = scheduler.next(now: now) { jobs.push(turn) }
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
                logger.critical("encoder thread failed", metadata: ["reason": "\(error)"])
                return
            }
            while case .element(let turn) = jobs.pop() {
                // Processor time, because on a busy machine all jobs take long.
                let start = ThreadTime.microseconds
                let answer = worker.answer(turn.job.message, memory: turn.job.memory)
                let cost = Duration.microseconds(ThreadTime.microseconds - start)
                loop.post { self.assumeIsolated { $0.deliver(answer, of: turn, cost: cost) } }
            }
        }
    }

    /// - Parameter cost: the processor time of the job.
    private func deliver(_ answer: PictureWorker.Answer, of turn: JobScheduler<Job>.Turn, cost: Duration) {
        let identifier = turn.job.camera
        let now = MonotonicTime.now
        cameras[identifier]?.jobs -= 1
        scheduler.finish(turn, cost: cost, now: now)
        startJobs(now)
        switch answer {
        case .result(let message, let isFailure, let microseconds):
            jobsDone += isFailure ? 0 : 1
            jobsFailed += isFailure ? 1 : 0
            busyMicroseconds += UInt64(microseconds)
            cameras[identifier]?.socket.send(message)
        case .unreadable(let reason):
            reject("\(reason)", identifier)
        }
    }

    private func reject(_ reason: String, _ camera: CameraID) {
        messagesRejected += 1
        logger.warning("message rejected", metadata: ["sender": "camera \(camera.name)", "reason": "\(reason)"])
    }

    private func figures() -> [Figure] {
        let process = ProcessFigures.current
        return [
            Figure(.jobsDone, jobsDone), Figure(.jobsFailed, jobsFailed),
            Figure(.encodeMicroseconds, busyMicroseconds),
            Figure(.camerasShared, UInt64(cameras.values.count { $0.memory.mapped != nil })),
            Figure(.messagesRefused, messagesRejected), Figure(.residentBytes, process.residentBytes),
            Figure(.cpuMicroseconds, process.cpuMicroseconds),
        ]
    }
}

extension Roster.Member {
    /// Returns the member with another address. Its key is checked there as well.
    fileprivate func reached(at address: String?) -> Roster.Member {
        guard let address else { return self }
        return Roster.Member(role: role, incarnation: incarnation, key: key, name: name, endpoint: address)
    }
}
