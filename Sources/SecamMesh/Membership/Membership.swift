package import SecamBase
package import SecamWire

/// A service's membership in the registry: joins, sends beats, rejoins, and keeps the roster while the registry is
/// away.
///
/// A state machine without I/O: time is an argument, and methods return actions.
package struct Membership: Sendable {
    package enum Action: Sendable {
        case send(any WireMessage)
        /// Members that are new or restarted, and members that have left.
        case roster(added: [Roster.Member], removed: [Roster.Member])
        case policy(Policy)
        case assignment(Assignment)
        case recording(Recording)
        case call(Call)
        case joined
        /// The registry has been silent for this time. The roster and the assignments stay valid.
        case lostRegistry(silence: Duration)
        case refused(RefusalReason, String)
    }

    private static let beatInterval = Duration.seconds(1)
    private static let silenceTimeout = Duration.seconds(3)
    /// Delay of a join after the name was refused as taken.
    private static let nameRetryInterval = Duration.milliseconds(250)
    /// Refusals of a name as taken before one is reported: the previous holder may still have it for a moment.
    private static let nameRetryLimit = 8

    private enum State {
        case joining(nextTry: MonotonicTime?)
        case joined(heard: MonotonicTime, lastBeat: MonotonicTime)
    }

    private let join: Join
    private var state = State.joining(nextTry: nil)
    private var camera: CameraReport?
    private var refusals = 0
    /// The newest roster: its registry and its number there.
    private var lastRoster: (registry: UInt64, generation: UInt64)?
    private var joiningSince: MonotonicTime?
    /// Whether the registry's silence has been reported.
    private var isLossKnown = false
    /// The members of the roster without this service.
    package private(set) var members: [Roster.Member] = []

    package init(_ join: Join) { self.join = join }

    package var isJoined: Bool {
        if case .joined = state { true } else { false }
    }

    /// Sends a beat or a join when one is due.
    ///
    /// - Parameters:
    ///   - failing: cameras that this archive should record but cannot.
    ///   - causes: explanations of the problems in the figures.
    package mutating func tick(
        figures: [Figure], failing: [Name] = [], causes: [Cause] = [], now: MonotonicTime
    ) -> [Action] {
        switch state {
        case .joining(let nextTry):
            let unanswered = now - (joiningSince ?? now)
            if joiningSince == nil { joiningSince = now }
            var actions: [Action] = []
            if unanswered > Membership.silenceTimeout, !isLossKnown {
                isLossKnown = true
                actions.append(.lostRegistry(silence: unanswered))
            }
            guard nextTry.map({ $0 <= now }) ?? true else { return actions }
            return actions + [sendJoin(now)]
        case .joined(let heard, let lastBeat):
            guard now - heard <= Membership.silenceTimeout else {
                isLossKnown = true
                return [.lostRegistry(silence: now - heard), sendJoin(now)]
            }
            guard now - lastBeat >= Membership.beatInterval else { return [] }
            state = .joined(heard: heard, lastBeat: now)
            return [.send(Beat(incarnation: join.incarnation, figures: figures, failing: failing, causes: causes))]
        }
    }

    /// Records that a message could not be sent. A join without a connection does not count as an attempt.
    package mutating func recordUnreachable() {
        if case .joining = state { state = .joining(nextTry: nil) }
    }

    /// Sets the camera's state, which is sent at once and after every join.
    package mutating func report(_ report: CameraReport) -> [Action] {
        camera = report
        return isJoined ? [.send(report)] : []
    }

    package mutating func receive(_ bytes: Span<UInt8>, now: MonotonicTime) throws(WireError) -> [Action] {
        let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
        switch envelope.type {
        case .roster:
            let roster = try Roster.decode(bytes, envelope)
            return recordSignOfLife(now) + update(roster)
        case .beat:
            _ = try Beat.decode(bytes, envelope)
            guard isJoined else { return [] }
            return recordSignOfLife(now)
        case .policy:
            return [.policy(try Policy.decode(bytes, envelope))]
        case .assignment:
            return [.assignment(try Assignment.decode(bytes, envelope))]
        case .recording:
            return [.recording(try Recording.decode(bytes, envelope))]
        case .call:
            return [.call(try Call.decode(bytes, envelope))]
        case .refused:
            let refusal = try Refused.decode(bytes, envelope)
            return handleRefusal(refusal, now)
        default:
            throw .unknownType(envelope.type.rawValue)
        }
    }

    private mutating func recordSignOfLife(_ now: MonotonicTime) -> [Action] {
        switch state {
        case .joined(_, let lastBeat):
            state = .joined(heard: now, lastBeat: lastBeat)
            return []
        case .joining:
            state = .joined(heard: now, lastBeat: now)
            joiningSince = nil
            isLossKnown = false
            refusals = 0
            return [.joined] + (camera.map { [.send($0)] } ?? [])
        }
    }

    private mutating func handleRefusal(_ refusal: Refused, _ now: MonotonicTime) -> [Action] {
        if refusal.reason == .notJoined {
            // The registry has restarted and does not know this service any more.
            return isJoined ? [sendJoin(now)] : []
        }
        refusals += 1
        let isPassing = refusal.reason == .nameTaken
        state = .joining(nextTry: now + (isPassing ? Membership.nameRetryInterval : Membership.beatInterval))
        // Reported once, not with every attempt.
        return refusals == (isPassing ? Membership.nameRetryLimit : 1) ? [.refused(refusal.reason, refusal.detail)] : []
    }

    private mutating func sendJoin(_ now: MonotonicTime) -> Action {
        state = .joining(nextTry: now + Membership.beatInterval)
        return .send(join)
    }

    private mutating func update(_ roster: Roster) -> [Action] {
        let registry = roster.members.first { $0.role == .gateway }?.incarnation ?? 0
        // A newer roster has overtaken this one. An equal number only repeats the roster.
        if let lastRoster, lastRoster.registry == registry, roster.generation < lastRoster.generation { return [] }
        lastRoster = (registry, roster.generation)
        let others = roster.members.filter { $0.role != join.role || $0.name != join.name }
        var added: [Roster.Member] = []
        for member in others where !members.contains(member) { added.append(member) }
        let replaced = { (old: Roster.Member) in added.contains { $0.role == old.role && $0.name == old.name } }
        // A registry that has just started does not know yet which members will come back.
        let removed = members.filter { !others.contains($0) && (!roster.settling || replaced($0)) }
        guard !added.isEmpty || !removed.isEmpty else { return [] }
        members.removeAll { removed.contains($0) }
        members += added
        return [.roster(added: added, removed: removed)]
    }
}
