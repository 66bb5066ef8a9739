import SecamBase
import SecamMesh
package import SecamRegistry
package import SecamWire

/// The same policies for all cameras.
package struct TestPolicies: CameraPolicies {
    /// Whether motion detection is on.
    package var isWatched: Bool
    package var sensitivity: UInt8
    /// The recording mode of cameras; `nil` without recording.
    package var mode: RecordingMode?

    package var goneCameraKeep: UInt32 = 0

    /// By default the host `h`, where tests place services that do not run.
    package var advertisedHosts: [String]

    package init(
        isWatched: Bool = false, sensitivity: UInt8 = 50, mode: RecordingMode? = nil, advertisedHosts: [String] = ["h"]
    ) {
        self.advertisedHosts = advertisedHosts
        self.isWatched = isWatched
        self.sensitivity = sensitivity
        self.mode = mode
    }

    package func policy(for camera: Name) -> Policy {
        Policy(
            quality: 90, watched: isWatched, subWidth: 64, ringSeconds: 30, kept: [], ringBytes: 16 << 20,
            camera: camera)
    }

    package func motion(for camera: Name) -> Assignment.Camera? {
        guard isWatched else { return nil }
        return Assignment.Camera(
            sensitivity: sensitivity, mapsPerSecond: 10, smallestObject: 0, camera: camera, zones: [])
    }

    package func recording(of camera: Name) -> Recording.Camera? {
        mode.map {
            Recording.Camera(
                mode: $0, preRoll: 1, postRoll: 1, keep: 0, keepBytes: 0, thinAfter: 0, thinRate: 1000, camera: camera)
        }
    }
}

/// The gateway's registry on its own: it listens, admits members and sends beats.
package actor TestRegistry {
    private let loop: MeshLoop
    nonisolated package var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private let admission: ZAPHandler
    private let socket: MeshSocket
    private var registry: Registry
    private var timer: LoopTimer?
    private let started = WallClock.now

    /// The events of the registry as text, in order: `joined capture porch`, `left …`, `refused …`.
    package private(set) var notes: [String] = []
    package let endpoint: String

    private init(_ folder: DataFolder, endpoint: String, policies: any CameraPolicies, loop: MeshLoop) throws {
        self.loop = loop
        let keys = try folder.gatewayKeys()
        let own = Roster.Member(
            role: .gateway, incarnation: .random(in: 1...UInt64.max), key: keys.publicKey.bytes,
            name: try Name("gateway"), endpoint: "")
        var limits = Registry.Limits()
        // A slow machine must lose no member: its messages would be refused and counted.
        limits.silenceTimeout = .seconds(3600)
        registry = Registry(gateway: own, keyList: try folder.keyList(), limits: limits, now: .now, policies: policies)
        let admitted = try folder.keyList()
        admission = try ZAPHandler(
            MeshContext(), isAdmitted: { admitted.contains($0) }, onRefusal: { _, _ in })
        socket = try MeshSocket.listen(admission: admission, endpoint: endpoint, keys: keys)
        self.endpoint = socket.endpoint
    }

    /// Starts a registry on a loop of its own, with the keys that the folder admits at this time.
    package static func start(
        _ folder: DataFolder, endpoint: String = "tcp://127.0.0.1:*",
        policies: any CameraPolicies = TestPolicies()
    ) async throws -> TestRegistry {
        try await MeshLoop.start("test-registry") { loop in
            let made = try TestRegistry(folder, endpoint: endpoint, policies: policies, loop: loop)
            made.assumeIsolated { $0.startListening() }
            return made
        }
    }

    package func stop() {
        timer?.cancel()
        loop.unwatch(socket)
        loop.unwatch(admission)
        loop.stop()
    }

    package var cameras: [Registry.Camera] { registry.cameras }

    /// Returns one figure of a member's last beat; `nil` while it has not joined.
    package func figure(_ metric: Metric, of name: String) -> UInt64? {
        let status = registry.status(figures: [], time: WallClock.now, joined: started, process: 1, now: .now)
        return status.members.first { $0.name.text == name }?[metric]
    }

    package func has(_ name: String) -> Bool { registry.roster(now: .now).members.contains { $0.name.text == name } }

    private func startListening() {
        loop.watch(admission)
        let socket = socket
        loop.watch(socket) { [weak self] in self?.assumeIsolated { $0.receive() } }
        let timer = loop.makeTimer { [weak self] in self?.assumeIsolated { $0.apply($0.registry.tick(now: .now)) } }
        timer.schedule(every: .milliseconds(100))
        self.timer = timer
    }

    private func receive() {
        while let received = socket.receive() {
            guard let peer = received.peer, let key = received.key else { continue }
            do throws(WireError) {
                apply(
                    try received.message.withBytes { (bytes) throws(WireError) in
                        try registry.receive(
                            bytes, from: peer, key: key, address: received.address, time: WallClock.now, now: .now)
                    })
            } catch {
                notes.append("unreadable \(error)")
            }
        }
    }

    private func apply(_ actions: [Registry.Action]) {
        var lost: [PeerID] = []
        for action in actions {
            switch action {
            case .send(let message, let peer):
                if socket.send(MeshMessage(message), to: peer) == .unreachable { lost.append(peer) }
            case .changed: break
            case .joined(let member): notes.append("joined \(member.role) \(member.name)")
            case .left(let member, let reason): notes.append("left \(member.role) \(member.name): \(reason)")
            case .rejected(_, let reason): notes.append("refused \(reason)")
            }
        }
        for peer in lost { apply(registry.lost(peer, now: .now)) }
    }
}
