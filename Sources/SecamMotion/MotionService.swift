import Logging
import SecamBase
import SecamMesh
import SecamProcess
import SecamWire

/// A service that watches the cameras that the registry assigns to it. It has no durable state: another replica can
/// take over its cameras at any time.
actor MotionService {
    private let loop: MeshLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private let logger: Logger
    private let member: MeshMember
    private var assignments: [Name: Assignment.Camera] = [:]
    private var cameras = ReachableCameras()
    private var watches: [Name: CameraWatch] = [:]
    private var timer: LoopTimer?
    private var messagesRejected: UInt64 = 0
    /// The counts of watches that have ended.
    private var past = (maps: UInt64(0), events: UInt64(0), microseconds: UInt64(0))

    /// Interval of connection attempts to new cameras.
    private static let connectInterval = Duration.milliseconds(50)
    /// Interval of the messages that keep flows open.
    private static let keepAliveInterval = Duration.seconds(1)

    private init(member: MeshMember, logger: Logger) {
        loop = member.loop
        self.member = member
        self.logger = logger
    }

    /// Starts the service. Called on the loop's thread.
    static func start(identity: Identity, name: Name, loop: MeshLoop, logger: Logger) throws -> MotionService {
        let service = MotionService(
            member: try MeshMember(identity, name: name, loop: loop, logger: logger), logger: logger)
        try service.assumeIsolated { try $0.start() }
        return service
    }

    /// Ends the active events and leaves the mesh.
    func stop() {
        timer?.cancel()
        for camera in Array(watches.keys) { endWatch(of: camera) }
        member.stop()
    }

    private func start() throws {
        member.onRoster = callback { $0.updateRoster(added: $1, removed: $2) }
        member.onAssignment = callback { $0.apply($1) }
        member.figures = callback { $0.figures() }
        timer = loop.makeTimer(callback { $0.refresh() })
        try member.start()
    }

    // MARK: Watches

    private func updateRoster(added: [Roster.Member], removed: [Roster.Member]) {
        for camera in cameras.adopt(added: added, removed: removed) { endWatch(of: camera) }
        startMissingWatches()
    }

    private func apply(_ assignment: Assignment) {
        assignments = Dictionary(assignment.cameras.map { ($0.camera, $0) }) { first, _ in first }
        for camera in Array(watches.keys) where assignments[camera] == nil { endWatch(of: camera) }
        for (camera, watch) in watches { assignments[camera].map { watch.apply($0) } }
        startMissingWatches()
    }

    private func startMissingWatches() {
        for (name, assignment) in assignments where watches[name] == nil {
            if let camera = cameras[name] { startWatch(of: camera, assignment) }
        }
        refresh()
    }

    private func startWatch(of camera: Roster.Member, _ assignment: Assignment.Camera) {
        do throws(MeshError) {
            let watch = CameraWatch(try member.connect(to: camera), assignment: assignment)
            watches[camera.name] = watch
            loop.watch(watch.socket, onReadable: callback { $0.receive(camera.name) })
        } catch {
            logger.error("camera unreachable", metadata: ["camera": "\(camera.name)", "reason": "\(error)"])
        }
    }

    private func endWatch(of camera: Name) {
        guard let watch = watches.removeValue(forKey: camera) else { return }
        watch.close()
        loop.unwatch(watch.socket)
        past.maps += watch.maps
        past.events += watch.events
        past.microseconds += watch.microseconds
    }

    /// Keeps flows open and opens missing ones. Runs once a second, and more often while a flow is missing.
    private func refresh() {
        var isComplete = true
        for watch in watches.values {
            if !watch.refreshFlow() { isComplete = false }
            watch.endEventIfSilent(now: .now)
        }
        guard !watches.isEmpty else { return timer?.pause() ?? () }
        timer?.schedule(after: isComplete ? MotionService.keepAliveInterval : MotionService.connectInterval)
    }

    // MARK: Messages

    private func receive(_ camera: Name) {
        guard let watch = watches[camera] else { return }
        let wasTooSmall = watch.isTooSmall
        do throws(WireError) {
            try watch.receive { close in
                messagesRejected += 1
                logger.warning(
                    "flow refused",
                    metadata: [
                        "camera": "\(camera)", "content": "\(FlowContent.luma)", "reason": "\(close.reason)",
                        "detail": "\(close.detail)",
                    ])
            } onViolation: { violation in
                reject("\(violation)", camera)
            }
        } catch {
            reject("\(error)", camera)
        }
        if watch.isTooSmall, !wasTooSmall {
            logger.info("picture too small for motion detection", metadata: ["camera": "\(camera)"])
        }
    }

    private func reject(_ reason: String, _ camera: Name) {
        messagesRejected += 1
        logger.warning("message rejected", metadata: ["sender": "camera \(camera)", "reason": "\(reason)"])
    }

    private func figures() -> [Figure] {
        let process = ProcessFigures.current
        let counts = watches.values.reduce(past) { sum, watch in
            (sum.maps + watch.maps, sum.events + watch.events, sum.microseconds + watch.microseconds)
        }
        return [
            Figure(.camerasAssigned, UInt64(assignments.count)), Figure(.framesReceived, counts.maps),
            Figure(.eventsTold, counts.events), Figure(.detectMicroseconds, counts.microseconds),
            Figure(.messagesRefused, messagesRejected), Figure(.residentBytes, process.residentBytes),
            Figure(.cpuMicroseconds, process.cpuMicroseconds),
        ]
    }
}
