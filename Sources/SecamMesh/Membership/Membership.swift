package import SecamBase
package import SecamWire

/// A service's side of the registry: joins, beats, joins again, and keeps the roster while the registry is away.
///
/// A state machine without I/O: time is an argument, what is to be done is returned.
package struct Membership: Sendable {
    package enum Action: Sendable {
        case send(any WireMessage)
        /// Members that are new or started anew, and members that are gone.
        case roster(added: [Roster.Member], removed: [Roster.Member])
        case policy(Policy)
        case assignment(Assignment)
        case recording(Recording)
        case call(Call)
        case joined
        /// The registry has been silent for this many milliseconds; what is known stays in force.
        case lostRegistry(milliseconds: Int64)
        case refused(RefusalReason, String)
    }

    /// Microseconds.
    private static let beatInterval: Int64 = 1_000_000
    private static let silence: Int64 = 3_000_000
    /// A name can be taken for a moment by the one who had it before: such a refusal is news when it lasts.
    private static let patience = 8

    private enum State {
        case joining(nextTry: MonotonicTime?)
        case joined(heard: MonotonicTime, lastBeat: MonotonicTime)
    }

    private let join: Join
    private var state = State.joining(nextTry: nil)
    private var camera: CameraReport?
    private var refusals = 0
    /// The newest roster seen: of which registry, and its number there.
    private var lastRoster: (registry: UInt64, generation: UInt64)?
    private var joiningSince: MonotonicTime?
    /// Whether it was said that the registry is silent.
    private var isLossKnown = false
    /// Members as last told, without this service itself.
    package private(set) var members: [Roster.Member] = []

    package init(_ join: Join) { self.join = join }

    package var isJoined: Bool {
        if case .joined = state { true } else { false }
    }

    /// Time has passed: a beat or another try to join.
    ///
    /// - Parameters:
    ///   - failing: cameras that this archive is to record and cannot.
    ///   - causes: why figures tell of problems.
    package mutating func tick(
        figures: [Figure], failing: [Name] = [], causes: [Cause] = [], now: MonotonicTime
    ) -> [Action] {
        switch state {
        case .joining(let nextTry):
            let unanswered = now.since(joiningSince ?? now)
            if joiningSince == nil { joiningSince = now }
            var actions: [Action] = []
            if unanswered > Membership.silence, !isLossKnown {
                isLossKnown = true
                actions.append(.lostRegistry(milliseconds: unanswered / 1000))
            }
            guard nextTry.map({ $0 <= now }) ?? true else { return actions }
            return actions + [sendJoin(now)]
        case .joined(let heard, let lastBeat):
            guard now.since(heard) <= Membership.silence else {
                isLossKnown = true
                return [.lostRegistry(milliseconds: now.since(heard) / 1000), sendJoin(now)]
            }
            guard now.since(lastBeat) >= Membership.beatInterval else { return [] }
            state = .joined(heard: heard, lastBeat: now)
            return [.send(Beat(incarnation: join.incarnation, figures: figures, failing: failing, causes: causes))]
        }
    }

    /// What was to be sent could not be: there is no connection yet, so a try to join does not count.
    package mutating func noteUnreachable() {
        if case .joining = state { state = .joining(nextTry: nil) }
    }

    /// The camera's state has changed; told at once and after every join.
    package mutating func report(_ report: CameraReport) -> [Action] {
        camera = report
        return isJoined ? [.send(report)] : []
    }

    package mutating func receive(_ bytes: Span<UInt8>, now: MonotonicTime) throws(WireError) -> [Action] {
        let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
        switch envelope.type {
        case .roster:
            let roster = try Roster.decode(bytes, envelope)
            return hear(now) + update(roster)
        case .beat:
            _ = try Beat.decode(bytes, envelope)
            guard isJoined else { return [] }
            return hear(now)
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
            return refuse(refusal, now)
        default:
            throw .unknownType(envelope.type.rawValue)
        }
    }

    private mutating func hear(_ now: MonotonicTime) -> [Action] {
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

    private mutating func refuse(_ refusal: Refused, _ now: MonotonicTime) -> [Action] {
        if refusal.reason == .notJoined {
            // The registry has started anew and does not know us any more.
            return isJoined ? [sendJoin(now)] : []
        }
        refusals += 1
        let isPassing = refusal.reason == .nameTaken
        state = .joining(nextTry: now.advanced(byMicroseconds: Membership.beatInterval / (isPassing ? 4 : 1)))
        // Said once, not with every try.
        return refusals == (isPassing ? Membership.patience : 1) ? [.refused(refusal.reason, refusal.detail)] : []
    }

    private mutating func sendJoin(_ now: MonotonicTime) -> Action {
        state = .joining(nextTry: now.advanced(byMicroseconds: Membership.beatInterval))
        return .send(join)
    }

    private mutating func update(_ roster: Roster) -> [Action] {
        let registry = roster.members.first { $0.role == .gateway }?.incarnation ?? 0
        // Overtaken by a newer one on its way; an equal one only says so again.
        if let lastRoster, lastRoster.registry == registry, roster.generation < lastRoster.generation { return [] }
        lastRoster = (registry, roster.generation)
        let told = roster.members.filter { $0.role != join.role || $0.name != join.name }
        var added: [Roster.Member] = []
        for member in told where !members.contains(member) { added.append(member) }
        let replaced = { (old: Roster.Member) in added.contains { $0.role == old.role && $0.name == old.name } }
        // A registry that has just started does not know yet who has not come back.
        let removed = members.filter { !told.contains($0) && (!roster.settling || replaced($0)) }
        guard !added.isEmpty || !removed.isEmpty else { return [] }
        members.removeAll { removed.contains($0) }
        members += added
        return [.roster(added: added, removed: removed)]
    }
}
