import NIOCore
import SecamTLS
import SecamUsers
import SecamWire

/// A snapshot of the accounts.
struct Accounts: Sendable {
    let users: [Name: User]
    /// The accounts' change counter at that moment.
    let counter: Int64
}

/// A receiver of the frames that it has asked for.
protocol FrameReceiver: AnyObject {
    func offer(_ frame: SharedFrame)
    /// The camera does not provide the flow.
    func refuse(_ key: FlowKey, _ detail: String)
}

/// The viewers of one event loop. Used on this loop only.
final class EventLoopViewers {
    private let index: Int
    private let fanOut: FanOut
    private let eventCache: EventCache
    private var viewers: [ObjectIdentifier: ViewerHandler] = [:]
    /// Connections that are not viewers, or not yet.
    private var others: [ObjectIdentifier: any GatewayConnection] = [:]
    private var watchers: [FlowKey: [ObjectIdentifier: any FrameReceiver]] = [:]
    private var cameras: [Cameras.Camera] = []
    /// By the rights of the users who are logged in.
    private var views: [CameraRights: VisibleCameras] = [:]
    private var accounts: Accounts?
    let scratch = TLSScratch()
    let pacer: HandshakePacer
    /// The way from other threads to this loop.
    weak var mailbox: EventLoopMailbox?

    init(index: Int, fanOut: FanOut, eventCache: EventCache, pacer: HandshakePacer) {
        self.index = index
        self.pacer = pacer
        self.fanOut = fanOut
        self.eventCache = eventCache
    }

    // MARK: - Connections

    func add(_ viewer: ViewerHandler) {
        viewers[ObjectIdentifier(viewer)] = viewer
    }

    func remove(_ viewer: ViewerHandler) {
        viewers[ObjectIdentifier(viewer)] = nil
    }

    func add(_ connection: any GatewayConnection) { others[ObjectIdentifier(connection)] = connection }

    func remove(_ connection: any GatewayConnection) { others[ObjectIdentifier(connection)] = nil }

    /// Sends BYE to all viewers and closes all connections.
    func closeAll(_ reason: ByeReason, _ detail: String) {
        for viewer in viewers.values { viewer.close(reason, detail) }
        for connection in others.values { connection.close(reason, detail) }
    }

    /// Closes the connections whose session is over.
    func endSession(_ id: String) {
        for viewer in viewers.values where viewer.sessionID == id { viewer.close(.revoked, "the session is over") }
        for connection in others.values { connection.accessChanged() }
    }

    // MARK: - Frames

    func deliver(_ frames: [FlowKey: SharedFrame]) {
        for (key, frame) in frames {
            guard let watching = watchers[key] else { continue }
            for viewer in watching.values { viewer.offer(frame) }
        }
    }

    func refuse(_ key: FlowKey, _ detail: String) {
        for viewer in (watchers[key] ?? [:]).values { viewer.refuse(key, detail) }
    }

    /// Adds a watcher, and gives it the flow's last frame if it is fresh, or the reason why there is none.
    func startFlow(_ key: FlowKey, _ viewer: any FrameReceiver) {
        watchers[key, default: [:]][ObjectIdentifier(viewer)] = viewer
        switch fanOut.addWatcher(key, on: index) {
        case .frame(let frame): viewer.offer(frame)
        case .refused(let detail): viewer.refuse(key, detail)
        case nil: break
        }
    }

    func stopFlow(_ key: FlowKey, _ viewer: any FrameReceiver) {
        guard watchers[key]?.removeValue(forKey: ObjectIdentifier(viewer)) != nil else { return }
        if watchers[key]?.isEmpty == true { watchers[key] = nil }
        fanOut.removeWatcher(key, on: index)
    }

    // MARK: - Events

    func events(since time: Int64, of cameras: Set<UInt32>) -> (events: [SharedEvent], serial: UInt64) {
        eventCache.events(since: time, of: cameras)
    }

    func deliver(_ event: SharedEvent) {
        for viewer in viewers.values { viewer.offer(event) }
        for connection in others.values { connection.offer(event) }
    }

    // MARK: - Cameras and accounts

    func view(for user: User) -> VisibleCameras {
        let rights = user.effectiveRights
        if let view = views[rights] { return view }
        let view = VisibleCameras(of: cameras, for: rights)
        views[rights] = view
        return view
    }

    /// Replaces the cameras, and sends them to each viewer for whom something changed.
    func update(cameras: [Cameras.Camera]) {
        self.cameras = cameras
        let inUse = Set(viewers.values.compactMap(\.user?.effectiveRights))
        var fresh: [CameraRights: VisibleCameras] = [:]
        for rights in inUse {
            let view = VisibleCameras(of: cameras, for: rights)
            // Equal content keeps its object, so that viewers detect an unchanged list by identity.
            fresh[rights] = views[rights].flatMap { $0.cameras == view.cameras ? $0 : nil } ?? view
        }
        views = fresh
        for viewer in viewers.values { viewer.showCameras() }
        for connection in others.values { connection.accessChanged() }
    }

    func update(accounts: Accounts) {
        if let known = self.accounts, known.counter >= accounts.counter { return }
        self.accounts = accounts
        for viewer in viewers.values {
            guard let name = viewer.user?.name else { continue }
            viewer.accountChanged(to: accounts.users[name])
        }
        for connection in others.values { connection.accessChanged() }
    }

    /// A change of a user's account after a login had read it.
    enum AccountChange {
        case unchanged
        case removed
        case changed(User)
    }

    func change(of user: User, since counter: Int64) -> AccountChange {
        guard let accounts, accounts.counter > counter else { return .unchanged }
        return accounts.users[user.name].map(AccountChange.changed) ?? .removed
    }
}

@available(*, unavailable)
extension EventLoopViewers: Sendable {}
