import NIOCore
import SecamUsers
import SecamWire

/// One viewer's side of the protocol after the TLS handshake, without I/O: messages and times go in, actions come out.
///
///     hello ──HELLO──► login ──LOGIN──► verifying ──accepted──► watching
///                        ▲──────────denied─────┘
///
/// From each state BYE, a broken message or a deadline lead to `closed`, in which everything is ignored.
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
        /// Call `showEvents` with what is remembered of these cameras' events.
        case follow(Follow, Set<UInt32>)
        /// Of cameras that the user may see; `judge` says of each answer whether it may be handed out.
        case look(ArchiveRequest)
        /// The viewer broke the protocol, for the log and the counters; BYE and `close` follow.
        case refused(WireError)
        /// Close once everything before is sent. `revoked` tells the audit log that the account changed.
        case close(ByeReason)
    }

    private(set) var state = State.hello
    private(set) var deadline: NIODeadline?
    /// The CAMERAS message that the viewer should get next; nil when what it knows is right.
    private(set) var pendingView: VisibleCameras?

    private let limits: ViewerLimits
    private let software: String
    private var slots = FrameSlots()
    private var events = EventSlots()
    /// Answers to pings, which wait for the events before them.
    private var pongs: [UInt64] = []
    /// The cameras of replays, by flow.
    private var replays: [UInt32: Name] = [:]
    /// The question that has no complete answer yet.
    private var question: UInt32?
    /// From the login on.
    private var share: UserQuota?
    private var view: VisibleCameras?
    private var loginCount = 0
    private var bucket: TokenBucket
    /// For questions about the past, which cost more than other messages.
    private var questions: TokenBucket

    init(limits: ViewerLimits, software: String, at now: NIODeadline) {
        self.limits = limits
        self.software = software
        bucket = TokenBucket(perSecond: limits.messagesPerSecond, burst: limits.messageBurst, at: now)
        questions = TokenBucket(perSecond: limits.questionsPerSecond, burst: limits.questionBurst, at: now)
        deadline = now + limits.helloTimeout
    }

    /// The longest message that is accepted now, in bytes with the envelope.
    var messageLimit: Int { user == nil ? WireLimits.beforeLogin : WireLimits.viewerMessage }

    var user: User? {
        if case .watching(let user) = state { user } else { nil }
    }

    // MARK: - Messages

    /// - Parameter bytes: the whole message, whose envelope was read before.
    mutating func receive(_ envelope: Envelope, _ bytes: Span<UInt8>, at now: NIODeadline) -> [Action] {
        guard state != .closed else { return [] }
        guard bucket.take(at: now) else {
            return close(.overload, "more than \(limits.messagesPerSecond) messages a second")
        }
        do throws(UserQuota.Refusal) {
            try share?.takeMessage(at: now)
            if [.watch, .unwatch].contains(envelope.type) { try share?.takeWatch(at: now) }
            if Self.questionTypes.contains(envelope.type) { try share?.takeQuestion(at: now) }
        } catch {
            return close(.overload, "\(error)")
        }
        do throws(WireError) {
            if envelope.type == .bye {
                _ = try Bye.decode(bytes, envelope)
                return end(.done)
            }
            switch state {
            case .hello: return try receiveHello(envelope, bytes, at: now)
            case .login: return try receiveLogin(envelope, bytes)
            case .verifying: throw WireError.unknownType(envelope.type.rawValue)
            case .watching: return try receiveRequest(envelope, bytes, at: now)
            case .closed: return []
            }
        } catch {
            return malformed(error)
        }
    }

    /// Messages that cost a search.
    private static let questionTypes: [MessageType] = [.follow, .search, .protect, .replay]

    /// - Parameter bytes: what came in one read, before its messages are received.
    mutating func countRead(of bytes: Int, at now: NIODeadline) -> [Action] {
        do throws(UserQuota.Refusal) {
            try share?.takeRead(of: bytes, at: now)
            return []
        } catch {
            return close(.overload, "\(error)")
        }
    }

    /// What follows in the stream cannot be read.
    mutating func malformed(_ error: WireError) -> [Action] {
        guard state != .closed else { return [] }
        return [.refused(error)] + close(.malformed, error.description)
    }

    private mutating func receiveHello(
        _ envelope: Envelope, _ bytes: Span<UInt8>, at now: NIODeadline
    ) throws(WireError) -> [Action] {
        _ = try Hello.decode(bytes, envelope)
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
        if Self.questionTypes.contains(envelope.type), !questions.take(at: now) {
            return close(.overload, "more than \(limits.questionsPerSecond) questions a second")
        }
        switch envelope.type {
        case .credit:
            let credit = try Credit.decode(bytes, envelope)
            guard credit.flow & Replay.flowBit == 0 else {
                return replays[credit.flow] == nil ? [] : [.look(.credit(flow: credit.flow, frames: credit.frames))]
            }
            slots.add(credit: credit.frames, to: credit.flow)
            return []
        case .watch: return start(try Watch.decode(bytes, envelope), at: now)
        case .search: return look(try Search.decode(bytes, envelope))
        case .protect: return look(try Protect.decode(bytes, envelope))
        case .replay: return look(try Replay.decode(bytes, envelope))
        case .closeFlow:
            let close = try CloseFlow.decode(bytes, envelope)
            return removeReplay(close.flow) ? [.look(.close(flow: close.flow))] : []
        case .follow: return follow(try Follow.decode(bytes, envelope))
        case .unwatch: return stop(try Unwatch.decode(bytes, envelope).camera)
        case .ping: return answer(try Ping.decode(bytes, envelope))
        case .pong:
            _ = try Pong.decode(bytes, envelope)
            return []
        case .error:
            _ = try ErrorMessage.decode(bytes, envelope)
            return []
        case .hello:
            _ = try Hello.decode(bytes, envelope)
            return [Self.error(.unexpected, "HELLO was said before")]
        case .login:
            _ = try Login.decode(bytes, envelope)
            return [Self.error(.unexpected, "you are logged in; connect again to be somebody else")]
        default: throw .unknownType(envelope.type.rawValue)
        }
    }

    private mutating func start(_ watch: Watch, at now: NIODeadline) -> [Action] {
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
        // Also when it was watched before: the new watch may begin with the frame that the old one had.
        return (former.map { [.stopFlow($0)] } ?? []) + [.startFlow(key)]
    }

    private mutating func stop(_ camera: UInt32) -> [Action] {
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
    ///   - view: of the accepted user.
    ///   - share: what the accepted user's connections have together.
    ///   - detail: why a right login was denied, for people.
    ///   - time: UTC microseconds.
    mutating func finishLogin(
        _ outcome: LoginOutcome, view: VisibleCameras?, share: UserQuota? = nil, detail: String? = nil, time: Int64,
        at now: NIODeadline
    ) -> [Action] {
        guard state == .verifying else { return [] }
        switch outcome {
        case .accepted(let user, _, let token):
            state = .watching(user)
            deadline = now + .seconds(Int64(limits.idleSeconds))
            self.view = view
            self.share = share
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

    /// The account as it is now, nil when it is gone. Other rights hold at once; other credentials end the session.
    mutating func accountChanged(to current: User?) -> [Action] {
        guard let user else { return [] }
        guard let current, !current.disabled, current.credentialRevision == user.credentialRevision else {
            return close(.revoked, "the account was changed or removed")
        }
        state = .watching(current)
        return []
    }

    /// The cameras that exist for this user now. What he may not see any more stops at once.
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
    ///   - history: what is remembered, oldest first.
    ///   - serial: up to which that is all.
    mutating func showEvents(_ follow: Follow, history: [SharedEvent], serial: UInt64) {
        guard user != nil else { return }
        events.follow(follow, history: history, serial: serial)
    }

    mutating func offer(_ event: SharedEvent) { events.offer(event) }

    /// The next event to send, if the user may see its camera now, or the answer to a ping that came behind it.
    mutating func nextEvent() -> ByteBuffer? {
        while let event = events.take() {
            if let view, view.numbers.contains(event.id.camera) { return event.message }
        }
        return pongs.isEmpty ? nil : ByteBuffer(bytes: Pong(token: pongs.removeFirst()).encoded())
    }

    private mutating func answer(_ ping: Ping) -> [Action] {
        if events.isEmpty, pongs.isEmpty { return [.send(Pong(token: ping.token).encoded())] }
        pongs.append(ping.token)
        return pongs.count > limits.pongs ? close(.overload, "more than \(limits.pongs) unanswered pings") : []
    }

    // MARK: - The past

    private var rights: CameraRights? { user?.effectiveRights }

    private mutating func look(_ search: Search) -> [Action] {
        guard let rights else { return [] }
        guard question == nil else { return [Self.error(.tooMany, "one question at a time")] }
        // Each once, however often it is named.
        let names = Set(search.cameras.map(\.name)).sorted()
        let visible: [Name]
        switch rights {
        case .all: visible = names
        case .only(let cameras):
            let known = names.isEmpty ? cameras.sorted() : names.filter { cameras.contains($0) }
            visible = Array(known.prefix(WireLimits.members))
            // Nobody is to be asked for all, and of what is hidden nothing is said.
            guard !visible.isEmpty else {
                return [.send(Found(request: search.request, last: true, volume: 0).encoded())]
            }
        }
        guard openQuestion(search.request) else { return tooManyQuestions }
        return [
            .look(
                .search(
                    Search(
                        request: search.request, kinds: search.kinds, from: search.from, to: search.to,
                        cameras: visible.map { Search.Camera(name: $0) }, limit: search.limit)))
        ]
    }

    private mutating func openQuestion(_ request: UInt32) -> Bool {
        guard share?.openQuestion() ?? true else { return false }
        question = request
        return true
    }

    private mutating func closeQuestion() {
        guard question != nil else { return }
        question = nil
        share?.closeQuestion()
    }

    private var tooManyQuestions: [Action] {
        [Self.error(.tooMany, "at most \(limits.userQuestions) questions of one user at once")]
    }

    private mutating func look(_ protect: Protect) -> [Action] {
        guard user?.role == .admin else { return [Self.error(.forbidden, "only an admin may protect recordings")] }
        guard question == nil else { return [Self.error(.tooMany, "one question at a time")] }
        guard openQuestion(protect.request) else { return tooManyQuestions }
        return [.look(.protect(protect))]
    }

    private mutating func look(_ replay: Replay) -> [Action] {
        guard replay.flow & Replay.flowBit != 0 else {
            return [Self.error(.unexpected, "a replay's flow has its highest bit set")]
        }
        guard rights?.contains(replay.camera) ?? false else {
            return [.send(CloseFlow(flow: replay.flow, reason: .done).encoded())]
        }
        if replays[replay.flow] == nil {
            let refusal: String? =
                if replays.count >= limits.replays {
                    "at most \(limits.replays) replays at once"
                } else if share?.openReplay() == false {
                    "at most \(limits.userReplays) replays of one user at once"
                } else { nil }
            if let refusal {
                return [.send(CloseFlow(flow: replay.flow, reason: .tooMany, detail: refusal).encoded())]
            }
        }
        replays[replay.flow] = replay.camera
        return [.look(.replay(replay))]
    }

    /// - Returns: whether there was one.
    private mutating func removeReplay(_ flow: UInt32) -> Bool {
        guard replays.removeValue(forKey: flow) != nil else { return false }
        share?.closeReplays()
        return true
    }

    enum Verdict: Equatable {
        case handOut
        /// Nobody waits for it any more.
        case drop
        /// The right to see it was taken: the replay is over.
        case end
    }

    /// Whether an answer may be handed out: it was asked for, and the user still has the right.
    mutating func judge(_ answer: ArchiveAnswer) -> Verdict {
        guard let rights else { return .drop }
        switch answer {
        case .found(let found):
            guard question == found.request else { return .drop }
            if found.last { closeQuestion() }
            let isVisible =
                found.recordings.allSatisfy { rights.contains($0.camera) }
                && found.events.allSatisfy { rights.contains($0.camera) }
                && found.gaps.allSatisfy { rights.contains($0.camera) }
            return isVisible ? .handOut : .drop
        case .close(let close): return removeReplay(close.flow) ? .handOut : .drop
        case .frame(_, let flow):
            guard let camera = replays[flow] else { return .drop }
            guard rights.contains(camera) else {
                _ = removeReplay(flow)
                return .end
            }
            return .handOut
        }
    }

    // MARK: - Frames

    mutating func offer(_ frame: SharedFrame) -> FrameSlots.Offer {
        slots.offer(frame)
    }

    /// The next frame to send. The user's rights are checked here too, at the last possible moment.
    mutating func nextFrame(at now: NIODeadline) -> SharedFrame? {
        while let frame = slots.take(at: now) {
            if let view, view.numbers.contains(frame.key.camera) { return frame }
        }
        return nil
    }

    /// When a frame that waits for its interval can be sent.
    var nextFrameDue: NIODeadline? { slots.nextDue }

    // MARK: - The end

    /// To be called at `deadline`, or later.
    mutating func deadlineReached(at now: NIODeadline) -> [Action] {
        guard let deadline, now >= deadline else { return [] }
        switch state {
        case .hello: return close(.idle, "no HELLO")
        case .login: return close(.idle, "no LOGIN")
        case .watching: return close(.idle, "no message for \(limits.idleSeconds) s")
        case .verifying, .closed: return []
        }
    }

    /// Says BYE and closes.
    mutating func close(_ reason: ByeReason, _ detail: String) -> [Action] {
        guard state != .closed else { return [] }
        return [.send(Bye(reason: reason, detail: detail).encoded())] + end(reason)
    }

    /// The connection is gone, or the viewer said BYE.
    mutating func end(_ reason: ByeReason) -> [Action] {
        guard state != .closed else { return [] }
        let flows = slots.keys.map(Action.stopFlow)
        slots = FrameSlots()
        events = EventSlots()
        pongs = []
        share?.closeReplays(replays.count)
        replays = [:]
        closeQuestion()
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
        case .credentials: "user or password are not right"
        case .locked: "too many wrong tries; wait \(wait) s"
        case .busy: "too many logins at once; try again in \(wait) s"
        }
    }
}
