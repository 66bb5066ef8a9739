import DequeModule
import NIOCore
import SecamBase
import SecamUsers
import SecamWire

/// The gateway's side of the protocol with one viewer, from the end of the TLS handshake.
///
///     hello ──HELLO──► login ──LOGIN──► verifying ──accepted──► watching
///                        ▲──────────denied─────┘
///
/// From each state BYE, a malformed message or a deadline leads to `closed`, which ignores everything.
///
/// A state machine without I/O: time is an argument, and the caller carries out the returned actions.
struct ViewerSession {
    enum State: Equatable {
        case hello
        case login
        case verifying
        case watching(User)
        case closed
    }

    enum Action: Equatable {
        case send([UInt8])
        /// Check the login, then call `finishLogin`.
        case authenticate(Login)
        case startFlow(FlowKey)
        case stopFlow(FlowKey)
        /// End the session that took LOGIN's password's place.
        case endLogin
        /// Call `showEvents` with the cached events of these cameras.
        case follow(Follow, Set<UInt32>)
        /// Forward the request, whose cameras the user may see. Pass each answer to `judge` before delivering it.
        case query(ArchiveRequest)
        /// Log and count a protocol violation. BYE and `close` follow.
        case rejected(WireError)
        /// Close once everything before is sent. `revoked` tells the audit log that the account changed.
        case close(ByeReason)
    }

    private(set) var state = State.hello
    private(set) var deadline: NIODeadline?
    /// The camera list that the viewer should get next; `nil` when the viewer's list is current.
    private(set) var pendingView: VisibleCameras?

    /// The viewer's own description of itself.
    private(set) var viewerSoftware = ""

    private let limits: ViewerLimits
    private let software: String
    private var slots = FrameSlots()
    private var events = EventSlots()
    /// Answers that wait for the events before them.
    private var answers: Deque<[UInt8]> = []
    /// The cameras of replays, by flow.
    private var replays: [UInt32: Name] = [:]
    /// The request number of the query without a complete answer.
    private var pendingQuery: UInt32?
    /// Set at the login.
    private var quota: UserQuota?
    private var view: VisibleCameras?
    private var loginCount = 0
    private var messageRate: TokenBucket
    /// The rate of queries, which cost more than other messages.
    private var queryRate: TokenBucket

    /// - Parameter isLoggedIn: whether a login preceded the connection. `finishLogin` must follow at once then.
    init(limits: ViewerLimits, software: String, isLoggedIn: Bool = false, at now: NIODeadline) {
        self.limits = limits
        self.software = software
        messageRate = TokenBucket(
            perSecond: limits.messagesPerSecond, burst: limits.messageBurst, at: MonotonicTime(now))
        queryRate = TokenBucket(perSecond: limits.queriesPerSecond, burst: limits.queryBurst, at: MonotonicTime(now))
        deadline = now + limits.helloTimeout
        if isLoggedIn { state = .verifying }
    }

    /// Maximum length of a message in the present state, bytes, envelope included.
    var messageLimit: Int { user == nil ? WireLimits.beforeLogin : WireLimits.viewerMessage }

    var user: User? {
        if case .watching(let user) = state { user } else { nil }
    }

    // MARK: - Messages

    /// - Parameter bytes: the whole message, envelope included.
    mutating func receive(_ envelope: Envelope, _ bytes: Span<UInt8>, at now: NIODeadline) -> [Action] {
        guard state != .closed else { return [] }
        guard messageRate.consume(at: MonotonicTime(now)) else {
            return close(.overload, "more than \(limits.messagesPerSecond) messages a second")
        }
        do throws(UserQuota.Refusal) {
            try quota?.countMessage(at: now)
            if [.watch, .unwatch].contains(envelope.type) { try quota?.countWatch(at: now) }
            if Self.queryTypes.contains(envelope.type) { try quota?.countQuery(at: now) }
        } catch {
            return close(.overload, "\(error)")
        }
        do throws(WireError) {
            if envelope.type == .bye {
                let bye = try Bye.decode(bytes, envelope)
                return (bye.reason == .revoked && user != nil ? [.endLogin] : []) + end(.done)
            }
            switch state {
            case .hello: return try receiveHello(envelope, bytes, at: now)
            case .login: return try receiveLogin(envelope, bytes)
            case .verifying: throw WireError.unknownType(envelope.type.rawValue)
            case .watching: return inOrder(try receiveRequest(envelope, bytes, at: now))
            case .closed: return []
            }
        } catch {
            return malformed(error)
        }
    }

    /// Records that the transport heard of the viewer without a message.
    mutating func heard(at now: NIODeadline) -> [Action] {
        guard user != nil else { return [] }
        guard messageRate.consume(at: MonotonicTime(now)) else {
            return close(.overload, "more than \(limits.messagesPerSecond) messages a second")
        }
        deadline = now + .seconds(Int64(limits.idleSeconds))
        return []
    }

    /// Makes answers wait for the events and answers before them, so that they arrive in the order of the requests.
    private mutating func inOrder(_ actions: [Action]) -> [Action] {
        guard !events.isEmpty || !answers.isEmpty else { return actions }
        var others: [Action] = []
        for action in actions {
            if case .send(let answer) = action { answers.append(answer) } else { others.append(action) }
        }
        guard answers.count <= limits.waitingAnswers else {
            return others + close(.overload, "more than \(limits.waitingAnswers) answers wait for events")
        }
        return others
    }

    /// Messages that cost a search.
    private static let queryTypes: [MessageType] = [.follow, .search, .protect, .replay]

    /// Counts a read against the user's quota. Called before its messages are received.
    mutating func countRead(of bytes: Int, at now: NIODeadline) -> [Action] {
        do throws(UserQuota.Refusal) {
            try quota?.countRead(of: bytes, at: now)
            return []
        } catch {
            return close(.overload, "\(error)")
        }
    }

    /// Closes the session after a malformed message, behind which the stream cannot be parsed.
    mutating func malformed(_ error: WireError) -> [Action] {
        guard state != .closed else { return [] }
        return [.rejected(error)] + close(.malformed, error.description)
    }

    private mutating func receiveHello(
        _ envelope: Envelope, _ bytes: Span<UInt8>, at now: NIODeadline
    ) throws(WireError) -> [Action] {
        viewerSoftware = try Hello.decode(bytes, envelope).software
        state = .login
        deadline = now + limits.loginTimeout
        return [.send(Hello(idle: limits.idleSeconds, software: software).encoded())]
    }

    private mutating func receiveLogin(
        _ envelope: Envelope, _ bytes: Span<UInt8>
    ) throws(WireError) -> [Action] {
        let login = try Login.decode(bytes, envelope)
        state = .verifying
        deadline = nil
        loginCount += 1
        return [.authenticate(login)]
    }

    private mutating func receiveRequest(
        _ envelope: Envelope, _ bytes: Span<UInt8>, at now: NIODeadline
    ) throws(WireError) -> [Action] {
        deadline = now + .seconds(Int64(limits.idleSeconds))
        if Self.queryTypes.contains(envelope.type), !queryRate.consume(at: MonotonicTime(now)) {
            return close(.overload, "more than \(limits.queriesPerSecond) queries a second")
        }
        switch envelope.type {
        case .credit:
            let credit = try Credit.decode(bytes, envelope)
            guard credit.flow & Replay.flowBit == 0 else {
                return replays[credit.flow] == nil ? [] : [.query(.credit(flow: credit.flow, frames: credit.frames))]
            }
            slots.add(credit: credit.frames, to: credit.flow)
            return []
        case .watch: return startWatch(try Watch.decode(bytes, envelope), at: now)
        case .search: return query(try Search.decode(bytes, envelope))
        case .protect: return query(try Protect.decode(bytes, envelope))
        case .replay: return startReplay(try Replay.decode(bytes, envelope))
        case .closeFlow:
            return endReplay(try CloseFlow.decode(bytes, envelope).flow)
        case .follow: return follow(try Follow.decode(bytes, envelope))
        case .unwatch: return stopWatch(of: try Unwatch.decode(bytes, envelope).camera)
        case .ping: return [.send(Pong(token: try Ping.decode(bytes, envelope).token).encoded())]
        case .pong:
            _ = try Pong.decode(bytes, envelope)
            return []
        case .error:
            _ = try ErrorMessage.decode(bytes, envelope)
            return []
        case .hello:
            _ = try Hello.decode(bytes, envelope)
            return [Self.error(.unexpected, "HELLO was already received")]
        case .login:
            _ = try Login.decode(bytes, envelope)
            return [Self.error(.unexpected, "already logged in; use a new connection for another user")]
        default: throw .unknownType(envelope.type.rawValue)
        }
    }

    private mutating func startWatch(_ watch: Watch, at now: NIODeadline) -> [Action] {
        guard let view, view.numbers.contains(watch.camera) else {
            return [Self.error(.noSuchCamera, "there is no camera \(watch.camera)")]
        }
        guard watch.rendition != .luma else {
            return [Self.error(.noSuchRendition, "the gateway has jpeg and sub, not \(watch.rendition)")]
        }
        let key = FlowKey(camera: watch.camera, rendition: watch.rendition)
        let former = slots.rendition(of: watch.camera).map { FlowKey(camera: watch.camera, rendition: $0) }
        guard former != nil || slots.count < limits.watches else {
            return [Self.error(.tooMany, "at most \(limits.watches) cameras can be watched at once")]
        }
        slots.watch(key, credit: watch.credit, interval: .microseconds(Int64(watch.interval)), at: now)
        // The flow starts again even when it was watched before, so that the new watch begins with the held frame.
        return (former.map { [.stopFlow($0)] } ?? []) + [.startFlow(key)]
    }

    /// Reports that the camera of a watch does not provide its rendition. The watch continues, because the camera may
    /// provide it later.
    mutating func refuse(_ key: FlowKey, _ detail: String) -> [Action] {
        guard user != nil, slots.rendition(of: key.camera) == key.rendition else { return [] }
        return inOrder([Self.error(.noSuchRendition, detail)])
    }

    private mutating func stopWatch(of camera: UInt32) -> [Action] {
        guard let rendition = slots.rendition(of: camera) else { return [] }
        slots.unwatch(camera)
        return [.stopFlow(FlowKey(camera: camera, rendition: rendition))]
    }

    private func follow(_ follow: Follow) -> [Action] {
        let wanted = Set(follow.cameras.map(\.camera))
        let visible = view?.numbers ?? []
        return [.follow(follow, wanted.isEmpty ? visible : visible.intersection(wanted))]
    }

    private static func error(_ code: ErrorCode, _ detail: String) -> Action {
        .send(ErrorMessage(code: code, detail: detail).encoded())
    }

    // MARK: - Login and rights

    /// - Parameters:
    ///   - view: the cameras that the accepted user may see.
    ///   - quota: the quota that the accepted user's connections share.
    ///   - detail: why a correct login was denied, for users.
    ///   - time: the wall clock, UTC microseconds.
    mutating func finishLogin(
        _ outcome: LoginOutcome, view: VisibleCameras?, quota: UserQuota? = nil, detail: String? = nil, time: Int64,
        at now: NIODeadline
    ) -> [Action] {
        guard state == .verifying else { return [] }
        switch outcome {
        case .accepted(let user, _, let token):
            state = .watching(user)
            deadline = now + .seconds(Int64(limits.idleSeconds))
            self.view = view
            self.quota = quota
            pendingView = view
            return [.send(Welcome(role: user.role, time: time, token: token ?? []).encoded())]
        case .denied(let reason, let wait):
            let denied = Action.send(
                Denied(reason: reason, wait: wait, detail: detail ?? reason.detail(wait)).encoded())
            guard loginCount < limits.loginsPerConnection else {
                return [denied] + close(.overload, "at most \(limits.loginsPerConnection) logins on one connection")
            }
            state = .login
            deadline = now + limits.loginTimeout
            return [denied]
        }
    }

    /// Applies a change of the account. New rights apply at once; new credentials end the session.
    ///
    /// - Parameter current: the present account; `nil` when it was removed.
    mutating func accountChanged(to current: User?) -> [Action] {
        guard let user else { return [] }
        guard let current, !current.disabled, current.credentialRevision == user.credentialRevision else {
            return close(.revoked, "the account was changed or removed")
        }
        state = .watching(current)
        return []
    }

    /// Replaces the cameras that the user may see. Watches of other cameras stop at once.
    mutating func show(_ view: VisibleCameras) -> [Action] {
        guard user != nil, view !== self.view else { return [] }
        self.view = view
        pendingView = view
        var actions: [Action] = []
        for key in slots.keys where !view.numbers.contains(key.camera) {
            slots.unwatch(key.camera)
            actions.append(.stopFlow(key))
        }
        return actions
    }

    mutating func takePendingView() -> VisibleCameras? {
        defer { pendingView = nil }
        return pendingView
    }

    // MARK: - Events

    /// - Parameters:
    ///   - history: cached events, oldest first.
    ///   - serial: the serial of the last message that the history includes.
    mutating func showEvents(_ follow: Follow, history: [SharedEvent], serial: UInt64) {
        guard user != nil else { return }
        events.follow(follow, history: history, serial: serial)
    }

    mutating func offer(_ event: SharedEvent) { events.offer(event) }

    /// Returns the next event whose camera the user may see, or the answer that waits behind the events.
    mutating func nextEvent() -> ByteBuffer? {
        while let event = events.popNext() {
            if let view, view.numbers.contains(event.id.camera) { return event.message }
        }
        return answers.popFirst().map { ByteBuffer(bytes: $0) }
    }

    // MARK: - Archives

    private var rights: CameraRights? { user?.effectiveRights }

    private mutating func query(_ search: Search) -> [Action] {
        guard let rights else { return [] }
        guard pendingQuery == nil else { return Self.secondQuery }
        guard let visible = search.restricted(to: rights) else {
            return [.send(Found(request: search.request, last: true, volume: 0).encoded())]
        }
        guard openQuery(search.request) else { return tooManyQueries }
        return [.query(.search(visible))]
    }

    private mutating func openQuery(_ request: UInt32) -> Bool {
        guard quota?.openQuery() ?? true else { return false }
        pendingQuery = request
        return true
    }

    private mutating func closeQuery() {
        guard pendingQuery != nil else { return }
        pendingQuery = nil
        quota?.closeQuery()
    }

    private static var secondQuery: [Action] { [error(.tooMany, "at most one query of a connection at once")] }

    private var tooManyQueries: [Action] {
        [Self.error(.tooMany, "at most \(limits.userQueries) queries of one user at once")]
    }

    private mutating func query(_ protect: Protect) -> [Action] {
        guard user?.role == .admin else { return [Self.error(.forbidden, "only an admin may protect recordings")] }
        guard pendingQuery == nil else { return Self.secondQuery }
        guard openQuery(protect.request) else { return tooManyQueries }
        return [.query(.protect(protect))]
    }

    private mutating func startReplay(_ replay: Replay) -> [Action] {
        guard replay.flow & Replay.flowBit != 0 else {
            return [Self.error(.unexpected, "flow \(replay.flow) of a replay lacks the highest bit")]
        }
        guard rights?.contains(replay.camera) ?? false else {
            // An earlier replay with this number is replaced all the same.
            return endReplay(replay.flow) + [.send(CloseFlow(flow: replay.flow, reason: .done).encoded())]
        }
        if replays[replay.flow] == nil {
            let refusal: String? =
                if replays.count >= limits.replays {
                    "at most \(limits.replays) replays at once"
                } else if quota?.openReplay() == false {
                    "at most \(limits.userReplays) replays of one user at once"
                } else { nil }
            if let refusal {
                return [.send(CloseFlow(flow: replay.flow, reason: .tooMany, detail: refusal).encoded())]
            }
        }
        replays[replay.flow] = replay.camera
        return [.query(.replay(replay))]
    }

    private mutating func endReplay(_ flow: UInt32) -> [Action] {
        removeReplay(flow) ? [.query(.close(flow: flow))] : []
    }

    /// - Returns: whether the replay was open.
    private mutating func removeReplay(_ flow: UInt32) -> Bool {
        guard replays.removeValue(forKey: flow) != nil else { return false }
        quota?.closeReplays()
        return true
    }

    enum Verdict: Equatable {
        case deliver
        /// The viewer does not expect the answer.
        case drop
        /// The user lost the right to see the camera, which ends the replay.
        case endReplay
    }

    /// Decides whether an answer is delivered: the viewer must expect it, and the user must still have the right to it.
    mutating func judge(_ answer: ArchiveAnswer) -> Verdict {
        guard let rights else { return .drop }
        switch answer {
        case .found(let found):
            guard pendingQuery == found.request else { return .drop }
            if found.last { closeQuery() }
            let isVisible =
                found.recordings.allSatisfy { rights.contains($0.camera) }
                && found.events.allSatisfy { rights.contains($0.camera) }
                && found.gaps.allSatisfy { rights.contains($0.camera) }
            return isVisible ? .deliver : .drop
        case .close(let close): return removeReplay(close.flow) ? .deliver : .drop
        case .frame(_, let flow):
            guard let camera = replays[flow] else { return .drop }
            guard rights.contains(camera) else {
                _ = removeReplay(flow)
                return .endReplay
            }
            return .deliver
        }
    }

    // MARK: - Frames

    mutating func offer(_ frame: SharedFrame) -> FrameSlots.Offer {
        slots.offer(frame)
    }

    /// Returns the next frame to send. Checks the user's rights once more, at the last possible moment.
    mutating func nextFrame(at now: NIODeadline) -> SharedFrame? {
        while let frame = slots.popNext(at: now) {
            if let view, view.numbers.contains(frame.key.camera) { return frame }
        }
        return nil
    }

    /// When the next frame can be sent that waits for nothing but its interval.
    var nextFrameDue: NIODeadline? { slots.nextDue }

    // MARK: - Closing

    /// Closes the session if its deadline has passed. Called at `deadline` or later.
    mutating func deadlineReached(at now: NIODeadline) -> [Action] {
        guard let deadline, now >= deadline else { return [] }
        switch state {
        case .hello: return close(.idle, "no HELLO")
        case .login: return close(.idle, "no LOGIN")
        case .watching: return close(.idle, "no message for \(limits.idleSeconds) s")
        case .verifying, .closed: return []
        }
    }

    /// Sends BYE and closes.
    mutating func close(_ reason: ByeReason, _ detail: String) -> [Action] {
        guard state != .closed else { return [] }
        return [.send(Bye(reason: reason, detail: detail).encoded())] + end(reason)
    }

    /// Ends the session without BYE: the connection is gone, or the viewer sent BYE.
    mutating func end(_ reason: ByeReason) -> [Action] {
        guard state != .closed else { return [] }
        let flows = slots.keys.map(Action.stopFlow)
        slots = FrameSlots()
        events = EventSlots()
        answers = []
        quota?.closeReplays(replays.count)
        replays = [:]
        closeQuery()
        state = .closed
        deadline = nil
        view = nil
        pendingView = nil
        return flows + [.close(reason)]
    }
}

extension DenialReason {
    fileprivate func detail(_ wait: UInt32) -> String {
        switch self {
        case .credentials: "wrong user or password"
        case .locked: "too many failed attempts; try again in \(wait) s"
        case .busy: "too many logins at once; try again in \(wait) s"
        case .secondFactor: "the code of the second factor is missing, wrong or used"
        case .enrolment: "set up a second factor first"
        }
    }
}
