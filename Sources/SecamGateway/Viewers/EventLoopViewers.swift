import NIOCore
import SecamTLS
import SecamUsers
import SecamWire

/// The accounts as they were at one moment.
struct Accounts: Sendable {
    let users: [Name: User]
    let counter: Int64
}

/// The viewers of one event loop. Only used on it.
final class EventLoopViewers {
    private let index: Int
    private let fanOut: FanOut
    private let board: EventCache
    private var viewers: [ObjectIdentifier: ViewerHandler] = [:]
    private var watchers: [FlowKey: [ObjectIdentifier: ViewerHandler]] = [:]
    private var cameras: [Cameras.Camera] = []
    /// For the rights of the users who are logged in.
    private var views: [CameraRights: VisibleCameras] = [:]
    private var accounts: Accounts?
    let scratch = TLSScratch()
    let pacer: HandshakePacer
    /// How other threads come here.
    weak var gate: EventLoopMailbox?

    init(index: Int, fanOut: FanOut, board: EventCache, pacer: HandshakePacer) {
        self.index = index
        self.pacer = pacer
        self.fanOut = fanOut
        self.board = board
    }

    // MARK: - Connections

    func add(_ viewer: ViewerHandler) {
        viewers[ObjectIdentifier(viewer)] = viewer
    }

    func remove(_ viewer: ViewerHandler) {
        viewers[ObjectIdentifier(viewer)] = nil
    }

    /// Says BYE to everybody.
    func closeAll(_ reason: ByeReason, _ detail: String) {
        for viewer in viewers.values { viewer.close(reason, detail) }
    }

    // MARK: - Frames

    func deliver(_ frames: [FlowKey: SharedFrame]) {
        for (key, frame) in frames {
            guard let watching = watchers[key] else { continue }
            for viewer in watching.values { viewer.offer(frame) }
        }
    }

    /// - Returns: a frame to begin with.
    func startFlow(_ key: FlowKey, _ viewer: ViewerHandler) -> SharedFrame? {
        watchers[key, default: [:]][ObjectIdentifier(viewer)] = viewer
        return fanOut.watcherCame(key, on: index)
    }

    func stopFlow(_ key: FlowKey, _ viewer: ViewerHandler) {
        guard watchers[key]?.removeValue(forKey: ObjectIdentifier(viewer)) != nil else { return }
        if watchers[key]?.isEmpty == true { watchers[key] = nil }
        fanOut.watcherWent(key, on: index)
    }

    // MARK: - Events

    func events(since time: Int64, of cameras: Set<UInt32>) -> (events: [SharedEvent], serial: UInt64) {
        board.events(since: time, of: cameras)
    }

    func deliver(_ event: SharedEvent) {
        for viewer in viewers.values { viewer.offer(event) }
    }

    // MARK: - Cameras and accounts

    func view(for user: User) -> VisibleCameras {
        let rights = user.effectiveRights
        if let view = views[rights] { return view }
        let view = VisibleCameras(of: cameras, for: rights)
        views[rights] = view
        return view
    }

    /// Tells everybody for whom something changed.
    func update(cameras: [Cameras.Camera]) {
        self.cameras = cameras
        let inUse = Set(viewers.values.compactMap(\.user?.effectiveRights))
        var fresh: [CameraRights: VisibleCameras] = [:]
        for rights in inUse {
            let view = VisibleCameras(of: cameras, for: rights)
            // The same object stands for the same content, so that each viewer sees at once that nothing changed.
            fresh[rights] = views[rights].flatMap { $0.cameras == view.cameras ? $0 : nil } ?? view
        }
        views = fresh
        for viewer in viewers.values { viewer.showCameras() }
    }

    func update(accounts: Accounts) {
        if let known = self.accounts, known.counter >= accounts.counter { return }
        self.accounts = accounts
        for viewer in viewers.values {
            guard let name = viewer.user?.name else { continue }
            viewer.accountChanged(to: accounts.users[name])
        }
    }

    /// Whether the accounts changed after a login had read them; then the user as he is now.
    func changed(_ user: User, since counter: Int64) -> User?? {
        guard let accounts, accounts.counter > counter else { return nil }
        return .some(accounts.users[user.name])
    }
}

@available(*, unavailable)
extension EventLoopViewers: Sendable {}
