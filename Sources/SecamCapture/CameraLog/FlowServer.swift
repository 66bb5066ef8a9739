package import SecamBase
package import SecamMesh
package import SecamWire

/// The camera's end of all flows: who gets which frame of the ring, and when.
///
/// A state machine without I/O: time is an argument, what is to be sent is returned.
package struct FlowServer: Sendable {
    package struct Limits: Sendable {
        /// Flows of one connection.
        package var flowsPerPeer = 16
        /// Flows of all connections with one key: its gateway, or the instances that share it.
        package var flowsPerKey = 32
        /// Flows of all keys of one role, so that no role takes what another one needs.
        package var flowsPerRole = 128
        /// Cursors that are remembered of the groups of one key, and of all.
        package var cursorsPerKey = 16
        package var cursors = 128
        /// Bytes that one key's flows may be sent of what was in the ring before they were opened: at once, and in a
        /// second. Opened again and again, they would be sent the whole ring each time.
        package var backlog = 128 << 20
        package var backlogPerSecond = 32 << 20
        /// Frames that a flow may have outstanding, whatever it grants.
        package var credit: UInt32 = 256
        /// Microseconds of silence after which a consumer's flows are closed.
        package var silence: Int64 = 3_000_000

        package init() {}
    }

    package enum Action: Sendable {
        case frame(Frame, ArraySlice<UInt8>, to: PeerID)
        case event(Event, to: PeerID)
        case gap(Gap, to: PeerID)
        case close(CloseFlow, to: PeerID)
    }

    /// Who opens a flow: a connection, and what its key says of it.
    package struct Consumer: Sendable {
        package let peer: PeerID
        package let key: PublicKey
        package let role: Role

        package init(peer: PeerID, key: PublicKey, role: Role) {
            self.peer = peer
            self.key = key
            self.role = role
        }
    }

    private struct Key: Hashable {
        let peer: PeerID
        let flow: UInt32
    }

    /// A group is one of a key, so that no other key moves its cursor.
    private struct Cursor: Hashable {
        let key: PublicKey
        let group: String
        let content: FlowContent
    }

    private struct Position {
        /// The last number that was acknowledged.
        var sequence: UInt64
        var heard: MonotonicTime
        let role: Role
    }

    private struct Backlog {
        var bytes: Int
        var refilled: MonotonicTime
    }

    private struct Flow {
        let consumer: Consumer
        /// Grows with each flow that is opened.
        let order: UInt64
        /// What is up to this number was there before the flow.
        let newestAtOpening: UInt64
        let content: FlowContent
        let policy: FlowPolicy
        let interval: Int64
        let group: String
        var credit: UInt32
        /// The first sequence number that it has not been given yet.
        var next: UInt64
        /// The last sequence number that it was given; 0 while there is none.
        var last: UInt64 = 0
        /// Whether what is missing before its first frame is a gap: it goes on where a flow before it ended.
        let isResumed: Bool
        /// Time of the last frame given, UTC microseconds.
        var lastTimestamp = Int64.min
        var heard: MonotonicTime
    }

    private let incarnation: UInt64
    private let limits: Limits
    private var flows: [Key: Flow] = [:]
    private var lastOrder: UInt64 = 0
    private var cursors: [Cursor: Position] = [:]
    private var backlogs: [PublicKey: Backlog] = [:]

    /// Microseconds for which frames are made for a group that is away, and another key may take it over: as long as the
    /// ring remembers, so that the group misses nothing that the ring could have kept.
    package var absence: Int64 = 30_000_000
    /// Of which what comes into the ring is old and soon followed by what is newer: flows of the latest wait for that.
    package var catchingUp: RenditionSet = []
    /// The number from which on the frames of `jpeg` that the ring has let go are kept elsewhere for an archive; `nil` when
    /// none are.
    package var spooledFrom: UInt64?

    package private(set) var framesSent: UInt64 = 0
    package private(set) var bytesSent: UInt64 = 0
    /// Frames that flows of the latest passed over for a newer one.
    package private(set) var framesSkipped: UInt64 = 0

    /// - Parameter incarnation: another one after each start of the camera.
    package init(incarnation: UInt64, limits: Limits = Limits()) {
        self.incarnation = incarnation
        self.limits = limits
    }

    package var count: Int { flows.count }

    package func knows(_ peer: PeerID) -> Bool { flows.keys.contains { $0.peer == peer } }

    /// What somebody needs at present, or a group that acknowledged frames and is away for a moment.
    package func demand(now: MonotonicTime) -> RenditionSet {
        let groups = cursors.filter { now.since($0.value.heard) <= absence }.keys.map(\.content)
        return (flows.values.map(\.content) + groups).compactMap(\.rendition)
            .reduce(into: []) { $0.insert(RenditionSet($1)) }
    }

    /// Whether somebody wants each frame, and none left out; or a group that does is away for a moment.
    package func wantsEveryFrame(now: MonotonicTime) -> Bool {
        flows.values.contains { $0.policy == .every && $0.content != .events }
            || cursors.contains { $0.key.content != .events && now.since($0.value.heard) <= absence }
    }

    /// Whether an archive is still owed a frame of `jpeg` with this number: none has acknowledged it, and none is there that
    /// wants no frames at present.
    package func isOwed(_ sequence: UInt64) -> Bool {
        let contents = flows.values.lazy.filter { $0.consumer.role == .archive }.map(\.content)
        guard contents.isEmpty || contents.contains(.jpeg) else { return false }
        return !cursors.contains {
            $0.key.content == .jpeg && $0.value.role == .archive && $0.value.sequence >= sequence
        }
    }

    /// The shortest interval, in microseconds, that anybody wants of a rendition; `nil` when nobody wants any.
    package func interval(_ rendition: Rendition) -> Int64? {
        flows.values.lazy.filter { $0.content.rendition == rendition }.map(\.interval).min()
    }

    /// Whose flows of luma maps are open, with their numbers.
    package var mapFlows: [(peer: PeerID, flow: UInt32)] {
        flows.lazy.filter { $0.value.content == .luma }.map { ($0.key.peer, $0.key.flow) }
    }

    package mutating func open(
        _ message: OpenFlow, from consumer: Consumer, _ ring: Ring, now: MonotonicTime
    ) -> [Action] {
        let key = Key(peer: consumer.peer, flow: message.flow)
        // Nothing of that is in the ring.
        guard message.content != .spooled else {
            return [.close(CloseFlow(flow: key.flow, reason: .done), to: key.peer)]
        }
        var actions: [Action] = []
        if flows[key] == nil {
            let ofPeer = flows.keys.count { $0.peer == consumer.peer }
            if flows.values.count(where: { $0.consumer.key == consumer.key }) >= limits.flowsPerKey,
                let other = expendable(of: consumer.key, for: ofPeer)
            {
                flows[other] = nil
                actions.append(refusal(other))
            }
            guard mayOpen(consumer, ofPeer) else { return actions + [refusal(key)] }
        }
        let start = start(of: message, consumer.key, ring, now)
        lastOrder += 1
        flows[key] = Flow(
            consumer: consumer, order: lastOrder, newestAtOpening: newest(of: message.content, ring),
            content: message.content, policy: message.content == .events ? .every : message.policy,
            interval: message.content == .events ? 0 : Int64(message.interval),
            group: message.group, credit: min(message.credit, limits.credit), next: start.next,
            isResumed: start.isResumed, heard: now)
        refill(consumer.key, now)
        return actions + pump(key, ring)
    }

    private func mayOpen(_ consumer: Consumer, _ ofPeer: Int) -> Bool {
        ofPeer < limits.flowsPerPeer
            && flows.values.count { $0.consumer.key == consumer.key } < limits.flowsPerKey
            && flows.values.count { $0.consumer.role == consumer.role } < limits.flowsPerRole
    }

    /// The newest flow of that connection with this key that has most flows, where those are at least two more than the
    /// given number: of many instances with one key, none takes all.
    private func expendable(of key: PublicKey, for count: Int) -> Key? {
        let ofKey = flows.filter { $0.value.consumer.key == key }
        let counts = ofKey.keys.reduce(into: [PeerID: Int]()) { $0[$1.peer, default: 0] += 1 }
        guard let most = counts.values.max(), most >= count + 2 else { return nil }
        return ofKey.filter { counts[$0.key.peer] == most }.max { $0.value.order < $1.value.order }?.key
    }

    private func refusal(_ key: Key) -> Action {
        let detail =
            "\(limits.flowsPerPeer) flows for one connection, \(limits.flowsPerKey) for one key, "
            + "\(limits.flowsPerRole) for one role"
        return .close(CloseFlow(flow: key.flow, reason: .tooMany, detail: detail), to: key.peer)
    }

    package mutating func credit(
        _ message: Credit, from peer: PeerID, _ ring: Ring, now: MonotonicTime
    ) -> [Action] {
        let key = Key(peer: peer, flow: message.flow)
        guard flows[key] != nil else { return [unknown(message.flow, peer)] }
        flows[key]!.heard = now
        refill(flows[key]!.consumer.key, now)
        flows[key]!.credit = min(flows[key]!.credit + message.frames, limits.credit)
        return pump(key, ring)
    }

    package mutating func acknowledge(_ message: Acknowledge, from peer: PeerID, now: MonotonicTime) -> [Action] {
        let key = Key(peer: peer, flow: message.flow)
        guard let flow = flows[key] else { return [unknown(message.flow, peer)] }
        flows[key]!.heard = now
        // An acknowledgement of another incarnation's frames, or of frames never sent, says nothing about ours.
        guard message.incarnation == incarnation, message.sequence <= flow.last, !flow.group.isEmpty else {
            return []
        }
        let cursor = Cursor(key: flow.consumer.key, group: flow.group, content: flow.content)
        let ofKey = cursors.keys.count { $0.key == cursor.key }
        guard cursors[cursor] != nil || (ofKey < limits.cursorsPerKey && cursors.count < limits.cursors) else {
            return []
        }
        cursors[cursor] = Position(
            sequence: max(cursors[cursor]?.sequence ?? 0, message.sequence), heard: now, role: flow.consumer.role)
        return []
    }

    package mutating func close(_ message: CloseFlow, from peer: PeerID) {
        let flow = flows.removeValue(forKey: Key(peer: peer, flow: message.flow))
        guard message.reason == .done, let flow, !flow.group.isEmpty else { return }
        // Who says that it is done does not come back for what it missed.
        cursors[Cursor(key: flow.consumer.key, group: flow.group, content: flow.content)] = nil
    }

    /// The connection is gone.
    package mutating func lost(_ peer: PeerID) {
        flows = flows.filter { $0.key.peer != peer }
    }

    /// Time has passed: flows whose consumer is silent are closed.
    package mutating func tick(now: MonotonicTime) {
        flows = flows.filter { now.since($0.value.heard) <= limits.silence }
        for key in Array(backlogs.keys) {
            refill(key, now)
            if backlogs[key]!.bytes == limits.backlog { backlogs[key] = nil }
        }
    }

    /// Ends all flows, as when the camera stops.
    package mutating func closeAll(_ reason: CloseReason) -> [Action] {
        defer { flows = [:] }
        return flows.keys.map { .close(CloseFlow(flow: $0.flow, reason: reason), to: $0.peer) }
    }

    /// An event was added to the ring.
    package mutating func pumpEvents(_ ring: Ring) -> [Action] {
        flows.filter { $0.value.content == .events }.keys.flatMap { pumpEvents($0, ring) }
    }

    /// The ring has grown: everybody with credit gets what is next.
    package mutating func pump(_ ring: Ring) -> [Action] {
        flows.keys.flatMap { pump($0, ring) }
    }

    // MARK: Inside

    private func unknown(_ flow: UInt32, _ peer: PeerID) -> Action {
        .close(CloseFlow(flow: flow, reason: .unknownFlow, detail: "no such flow; open it anew"), to: peer)
    }

    private func newest(of content: FlowContent, _ ring: Ring) -> UInt64 {
        (content.rendition.map { ring.newest($0)?.sequence } ?? ring.newestEvent?.sequence) ?? 0
    }

    /// Adds what time has passed for to what a key's flows may be sent of the past.
    private mutating func refill(_ key: PublicKey, _ now: MonotonicTime) {
        guard let backlog = backlogs[key] else { return }
        // More would fill it anyway.
        let elapsed = min(now.since(backlog.refilled), FlowServer.longestRefill)
        let more = elapsed * Int64(limits.backlogPerSecond) / 1_000_000
        backlogs[key] = Backlog(bytes: min(limits.backlog, backlog.bytes + Int(more)), refilled: now)
    }

    /// Whether a flow may be sent this; what was there before it counts against its key's bound.
    private mutating func mayBeSent(_ sequence: UInt64, bytes: Int, on flow: Flow) -> Bool {
        guard sequence <= flow.newestAtOpening else { return true }
        var backlog = backlogs[flow.consumer.key] ?? Backlog(bytes: limits.backlog, refilled: flow.heard)
        guard backlog.bytes > 0 else { return false }
        backlog.bytes -= bytes
        backlogs[flow.consumer.key] = backlog
        return true
    }

    /// The cursor of the key's own group. A group of that name of another key, which has recorded the camera until now, is
    /// taken over where there is none: then the one that is furthest back, so that no key makes another one skip.
    private func cursor(of message: OpenFlow, _ key: PublicKey, _ now: MonotonicTime) -> UInt64? {
        let own = cursors[Cursor(key: key, group: message.group, content: message.content)]
        if let own { return own.sequence }
        return cursors.filter {
            $0.key.group == message.group && $0.key.content == message.content
                && now.since($0.value.heard) <= absence
        }.values.map(\.sequence).min()
    }

    private func start(
        of message: OpenFlow, _ key: PublicKey, _ ring: Ring, _ now: MonotonicTime
    ) -> (next: UInt64, isResumed: Bool) {
        guard let rendition = message.content.rendition else { return startOfEvents(message, key, ring, now) }
        let live = (ring.newest(rendition)?.sequence ?? ring.lastEvicted(rendition)) + 1
        switch message.start {
        case .live:
            // Who wants the latest wants to see something at once, but not what was there before a pause.
            let isFresh = ring.newest(rendition).map { now.since($0.arrived) <= FlowServer.freshness } ?? false
            return (message.policy == .latest && isFresh ? live - 1 : live, false)
        case .sequence(let theirs, let sequence):
            guard theirs == incarnation else { return (ring.oldest(rendition)?.sequence ?? live, false) }
            return (max(1, sequence), true)
        case .time(let time):
            return (ring.first(rendition, at: time)?.sequence ?? live, false)
        case .acknowledged:
            return cursor(of: message, key, now).map { ($0 + 1, true) } ?? (live, false)
        }
    }

    private func startOfEvents(
        _ message: OpenFlow, _ key: PublicKey, _ ring: Ring, _ now: MonotonicTime
    ) -> (next: UInt64, isResumed: Bool) {
        let live = (ring.newestEvent?.sequence ?? 0) + 1
        switch message.start {
        case .live: return (live, false)
        case .sequence(let theirs, let sequence):
            guard theirs == incarnation else { return (ring.oldestEvent?.sequence ?? live, false) }
            return (max(1, sequence), true)
        case .time(let time): return (ring.firstEvent(at: time)?.sequence ?? live, false)
        case .acknowledged:
            return cursor(of: message, key, now).map { ($0 + 1, true) } ?? (ring.oldestEvent?.sequence ?? live, false)
        }
    }

    private mutating func pump(_ key: Key, _ ring: Ring) -> [Action] {
        guard let flow = flows[key] else { return [] }
        guard let rendition = flow.content.rendition else { return pumpEvents(key, ring) }
        return pumpFrames(key, rendition, ring)
    }

    private mutating func pumpEvents(_ key: Key, _ ring: Ring) -> [Action] {
        guard var flow = flows[key] else { return [] }
        var actions: [Action] = []
        while flow.credit > 0, let next = ring.firstEvent(from: flow.next),
            mayBeSent(next.sequence, bytes: FlowServer.eventBytes, on: flow)
        {
            actions += gap(
                before: next.sequence, at: next.event.last, flow, key, evicted: ring.lastEvictedEvent,
                since: flow.last > 0 ? flow.lastTimestamp : nil)
            flow.next = next.sequence + 1
            flow.last = next.sequence
            flow.lastTimestamp = next.event.last
            flow.credit -= 1
            let event = Event(flow: key.flow, incarnation: incarnation, sequence: next.sequence, event: next.event)
            actions.append(.event(event, to: key.peer))
        }
        flows[key] = flow
        return actions
    }

    /// What a flow of everything is told of numbers that it will not get.
    ///
    /// - Parameters:
    ///   - time: of what comes behind them, UTC microseconds.
    ///   - since: of what came before them; `nil` when nothing is known.
    private func gap(
        before sequence: UInt64, at time: Int64, _ flow: Flow, _ key: Key, evicted: UInt64, since: Int64?
    ) -> [Action] {
        let isContinued = flow.isResumed || flow.last > 0
        guard flow.policy == .every, flow.interval == 0, isContinued, sequence > flow.next,
            let missing = SequenceRange(flow.next, through: sequence - 1)
        else { return [] }
        let (until, since) = (WireLimits.times.clamping(time), since.map { WireLimits.times.clamping($0) })
        func told(_ missing: SequenceRange, _ reason: GapReason) -> Action {
            let gap = Gap(
                flow: key.flow, incarnation: incarnation, missing: missing, reason: reason,
                since: since ?? WireLimits.times.lowerBound, until: until)
            return .gap(gap, to: key.peer)
        }
        guard flow.next <= evicted else { return [told(missing, .dropped)] }
        guard let spooledFrom, flow.content == .jpeg, flow.consumer.role == .archive,
            let spooled = missing.suffix(after: max(1, spooledFrom) - 1)
        else { return [told(missing, .overflow)] }
        let lost = SequenceRange(missing.first, through: max(1, spooled.first) - 1)
        return (lost.map { [told($0, .overflow)] } ?? []) + [told(spooled, .spooled)]
    }

    private mutating func pumpFrames(_ key: Key, _ rendition: Rendition, _ ring: Ring) -> [Action] {
        guard var flow = flows[key] else { return [] }
        var actions: [Action] = []
        while flow.credit > 0, let frame = nextFrame(flow, rendition, ring),
            mayBeSent(frame.sequence, bytes: frame.bytes.count, on: flow)
        {
            actions += gap(
                before: frame.sequence, at: frame.timestamp, flow, key, evicted: ring.lastEvicted(rendition),
                since: flow.last > 0 ? flow.lastTimestamp : ring.time(rendition, before: flow.next))
            if flow.policy == .latest, flow.interval == 0, flow.last > 0 { framesSkipped += frame.sequence - flow.next }
            flow.next = frame.sequence + 1
            flow.last = frame.sequence
            flow.lastTimestamp = frame.timestamp
            flow.credit -= 1
            framesSent += 1
            bytesSent += UInt64(frame.bytes.count)
            actions.append(.frame(message(frame, flow: key.flow), frame.bytes, to: key.peer))
        }
        flows[key] = flow
        return actions
    }

    private func nextFrame(_ flow: Flow, _ rendition: Rendition, _ ring: Ring) -> RingFrame? {
        switch flow.policy {
        case .latest:
            guard !catchingUp.contains(RenditionSet(rendition)), let newest = ring.newest(rendition),
                newest.sequence >= flow.next
            else { return nil }
            return isDue(newest, flow) ? newest : nil
        case .every:
            return ring.first(rendition, from: flow.next) { isDue($0, flow) }
        }
    }

    private func isDue(_ frame: RingFrame, _ flow: Flow) -> Bool {
        guard flow.interval > 0, flow.lastTimestamp > .min else { return true }
        return FrameInterval.isDue(frame.timestamp, after: flow.lastTimestamp, every: flow.interval)
    }

    /// Microseconds for which a bound on the past is refilled at most.
    private static let longestRefill: Int64 = 60_000_000
    /// What an event counts for, about as much as it costs to send.
    private static let eventBytes = 1024
    /// A frame up to this many microseconds old is still live.
    private static let freshness: Int64 = 1_000_000

    private func message(_ frame: RingFrame, flow: UInt32) -> Frame {
        Frame(
            flow: flow, rendition: frame.rendition, format: frame.format, incarnation: incarnation,
            sequence: frame.sequence, timestamp: frame.timestamp, width: frame.width, height: frame.height)
    }
}
