import Logging
import SecamBase
import SecamMesh
import SecamProcess
import SecamWire

/// Watches the cameras that the registry gives it. It keeps nothing that would be missed: another one goes on where
/// this one ends.
actor MotionService {
    private let loop: MeshLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private let logger: Logger
    private let member: MeshMember
    private var duties: [Name: Assignment.Camera] = [:]
    private var cameras = ReachableCameras()
    private var watches: [Name: CameraWatch] = [:]
    private var timer: LoopTimer?
    private var refused: UInt64 = 0
    /// What watches that have ended had counted.
    private var past = (maps: UInt64(0), events: UInt64(0), microseconds: UInt64(0))

    /// Microseconds between two tries to reach a camera that is new, and between two signs of life.
    private static let tryInterval: Int64 = 50_000
    private static let lifeInterval: Int64 = 1_000_000

    private init(member: MeshMember, logger: Logger) {
        loop = member.loop
        self.member = member
        self.logger = logger
    }

    /// Starts the service. Called on the loop's thread.
    static func start(identity: Identity, name: Name, loop: MeshLoop, logger: Logger) throws -> MotionService {
        let service = MotionService(
            member: try MeshMember(identity, name: name, loop: loop, logger: logger), logger: logger)
        try service.assumeIsolated { try $0.begin() }
        return service
    }

    /// Ends the events that go on, and leaves.
    func stop() {
        timer?.cancel()
        for camera in Array(watches.keys) { leave(camera) }
        member.stop()
    }

    private func begin() throws {
        member.onRoster = { [unowned self] added, removed in
            assumeIsolated { $0.adopt(added: added, removed: removed) }
        }
        member.onAssignment = { [unowned self] assignment in assumeIsolated { $0.adopt(assignment) } }
        member.figures = { [unowned self] in assumeIsolated { $0.figures() } }
        timer = loop.makeTimer { [unowned self] in assumeIsolated { $0.refresh() } }
        try member.start()
    }

    // MARK: Who is watched

    private func adopt(added: [Roster.Member], removed: [Roster.Member]) {
        for camera in cameras.adopt(added: added, removed: removed) { leave(camera) }
        watchWhatIsOurs()
    }

    private func adopt(_ assignment: Assignment) {
        duties = Dictionary(assignment.cameras.map { ($0.camera, $0) }) { first, _ in first }
        for camera in Array(watches.keys) where duties[camera] == nil { leave(camera) }
        for (camera, watch) in watches { duties[camera].map { watch.change(to: $0) } }
        watchWhatIsOurs()
    }

    private func watchWhatIsOurs() {
        for (name, duty) in duties where watches[name] == nil {
            if let camera = cameras[name] { watch(camera, duty) }
        }
        refresh()
    }

    private func watch(_ camera: Roster.Member, _ duty: Assignment.Camera) {
        do throws(MeshError) {
            let watch = CameraWatch(try member.connect(to: camera), duty: duty)
            watches[camera.name] = watch
            loop.watch(watch.socket) { [unowned self] in assumeIsolated { $0.receive(camera.name) } }
        } catch {
            logger.error("camera unreachable", metadata: ["camera": "\(camera.name)", "reason": "\(error)"])
        }
    }

    private func leave(_ camera: Name) {
        guard let watch = watches.removeValue(forKey: camera) else { return }
        watch.close()
        loop.unwatch(watch.socket)
        past.maps += watch.maps
        past.events += watch.events
        past.microseconds += watch.microseconds
    }

    /// Once a second for the flows that are open; soon again while one is not.
    private func refresh() {
        var isComplete = true
        for watch in watches.values {
            if !watch.refresh() { isComplete = false }
            watch.endIfSilent(now: .now)
        }
        guard !watches.isEmpty else { return timer?.pause() ?? () }
        timer?.schedule(afterMicroseconds: isComplete ? MotionService.lifeInterval : MotionService.tryInterval)
    }

    // MARK: What comes

    private func receive(_ camera: Name) {
        guard let watch = watches[camera] else { return }
        do throws(WireError) {
            try watch.receive { close in
                refused += 1
                logger.warning(
                    "flow refused",
                    metadata: ["camera": "\(camera)", "reason": "\(close.reason)", "detail": "\(close.detail)"])
            }
        } catch {
            refuse("\(error)", camera)
        }
    }

    private func refuse(_ reason: String, _ camera: Name) {
        refused += 1
        logger.warning("message rejected", metadata: ["sender": "camera \(camera)", "reason": "\(reason)"])
    }

    private func figures() -> [Figure] {
        let process = ProcessFigures.current
        let counts = watches.values.reduce(past) { sum, watch in
            (sum.maps + watch.maps, sum.events + watch.events, sum.microseconds + watch.microseconds)
        }
        return [
            Figure(.camerasAssigned, UInt64(duties.count)), Figure(.framesReceived, counts.maps),
            Figure(.eventsTold, counts.events), Figure(.detectMicroseconds, counts.microseconds),
            Figure(.messagesRefused, refused), Figure(.residentBytes, process.residentBytes),
            Figure(.cpuMicroseconds, process.cpuMicroseconds),
        ]
    }
}
