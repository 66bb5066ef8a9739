package import SecamBase
package import SecamMesh
package import SecamWire

/// The camera's end of all flows: decides which consumer gets which frame of the ring, and when.
///
/// A state machine without I/O: time is an argument, the messages to send are returned.
package struct FlowServer: Sendable {
    package struct Limits: Sendable {
        /// Flows per connection.
        package var flowsPerPeer = 16
        /// Flows per key, over all connections: one gateway, or the instances that share the key.
        package var flowsPerKey = 32
        /// Flows per role, so that no role exhausts the flows of another one.
        package var flowsPerRole = 128
        /// Group cursors per key.
        package var cursorsPerKey = 16
        /// Group cursors of all keys.
        package var cursors = 128
        /// Bytes from before the opening of its flows that one key may receive at once. Without this bound, a flow that
        /// is opened again and again would receive the whole ring each time.
        package var backlog = 128 << 20
        /// Bytes per second by which a key's backlog allowance is refilled.
        package var backlogPerSecond = 32 << 20
        /// Maximum credit of a flow, whatever its consumer grants.
        package var credit: UInt32 = 256
        /// Time without a message after which a consumer's flows are closed.
        package var silenceTimeout: Duration = .seconds(3)

        package init() {}
    }

    package enum Action: Sendable {
        case frame(Frame, ArraySlice<UInt8>, to: PeerID)
        case event(Event, to: PeerID)
        case gap(Gap, to: PeerID)
        case close(CloseFlow, to: PeerID)
    }

    /// The connection that opens a flow, with its key and role.
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

    /// A group belongs to a key, so that no other key moves its cursor.
    private struct Cursor: Hashable {
        let key: PublicKey
        let group: String
        let content: FlowContent
    }

    private struct Position {
        /// The last acknowledged number.
        var sequence: UInt64
        var lastHeard: MonotonicTime
        let role: Role
    }

    /// What remains of a key's backlog allowance.
    private struct Backlog {
        var bytes: Int
        var lastRefill: MonotonicTime
    }

    private struct Flow {
        let consumer: Consumer
        /// Grows with each opened flow.
        let order: UInt64
        /// The newest number when the flow was opened; numbers up to here are backlog.
        let newestAtOpening: UInt64
        let content: FlowContent
        let policy: FlowPolicy
        let interval: Duration
        let group: String
        var credit: UInt32
        /// The next sequence number to send.
        var next: UInt64
        /// The last sequence number sent; 0 before the first.
        var last: UInt64 = 0
        /// The flow continues an earlier one, so numbers that are missing before its first frame are a gap.
        let isResumed: Bool
        /// Capture time of the last frame sent, UTC microseconds.
        var lastTimestamp = Int64.min
        var lastHeard: MonotonicTime
    }

    private let incarnation: UInt64
    private let limits: Limits
    private var flows: [Key: Flow] = [:]
    private var lastOrder: UInt64 = 0
    private var cursors: [Cursor: Position] = [:]
    private var backlogs: [PublicKey: Backlog] = [:]

    /// Time for which an absent group still causes frames to be made, and another key may take the group over. Equals
    /// the ring's duration, so that the group misses nothing that the ring can hold.
    package var absenceTimeout: Duration = .seconds(30)
    /// Renditions still draining a backlog; `latest` flows skip them.
    package var catchingUp: RenditionSet = []
    /// The first evicted `jpeg` frame that is spooled for an archive; `nil` if none is.
    package var spooledFrom: UInt64?

    package private(set) var framesSent: UInt64 = 0
    package private(set) var bytesSent: UInt64 = 0
    /// Frames that `latest` flows skipped for a newer one.
    package private(set) var framesSkipped: UInt64 = 0

    /// - Parameter incarnation: differs after each start of the camera.
    package init(incarnation: UInt64, limits: Limits = Limits()) {
        self.incarnation = incarnation
        self.limits = limits
    }

    package var count: Int { flows.count }

    package func knows(_ peer: PeerID) -> Bool { flows.keys.contains { $0.peer == peer } }

    /// Returns the renditions of all open flows, and of groups that are away for a moment.
    package func demand(now: MonotonicTime) -> RenditionSet {
        let groups = cursors.filter { isRecent($0.value, now) }.keys.map(\.content)
        return (flows.values.map(\.content) + groups).compactMap(\.rendition)
            .reduce(into: []) { $0.insert(RenditionSet($1)) }
    }

    /// Returns whether a flow, or a group that is away for a moment, wants every frame.
    package func wantsEveryFrame(now: MonotonicTime) -> Bool {
        flows.values.contains { $0.policy == .every && $0.content != .events }
            || cursors.contains { $0.key.content != .events && isRecent($0.value, now) }
    }

    private func isRecent(_ position: Position, _ now: MonotonicTime) -> Bool {
        now - position.lastHeard <= absenceTimeout
    }

    /// Returns whether an archive still needs the `jpeg` frame with this number: none has acknowledged it, and the
    /// connected archives, if any, want frames.
    package func isOwed(_ sequence: UInt64) -> Bool {
        let contents = flows.values.lazy.filter { $0.consumer.role == .archive }.map(\.content)
        guard contents.isEmpty || contents.contains(.jpeg) else { return false }
        return !cursors.contains {
            $0.key.content == .jpeg && $0.value.role == .archive && $0.value.sequence >= sequence
        }
    }

    /// Returns the shortest interval of the flows of a rendition; `nil` if there is no flow.
    package func interval(_ rendition: Rendition) -> Duration? {
        flows.values.lazy.filter { $0.content.rendition == rendition }.map(\.interval).min()
    }

    /// The open flows of luma maps.
    package var mapFlows: [(peer: PeerID, flow: UInt32)] {
        flows.lazy.filter { $0.value.content == .luma }.map { ($0.key.peer, $0.key.flow) }
    }

    package mutating func open(
        _ message: OpenFlow, from consumer: Consumer, _ ring: Ring, now: MonotonicTime
    ) -> [Action] {
        let key = Key(peer: consumer.peer, flow: message.flow)
        // The ring holds no spooled frames.
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
            interval: message.content == .events ? .zero : .microseconds(Int64(message.interval)),
            group: message.group, credit: min(message.credit, limits.credit), next: start.next,
            isResumed: start.isResumed, lastHeard: now)
        refill(consumer.key, now)
        return actions + pump(key, ring)
    }

    private func mayOpen(_ consumer: Consumer, _ ofPeer: Int) -> Bool {
        ofPeer < limits.flowsPerPeer
            && flows.values.count { $0.consumer.key == consumer.key } < limits.flowsPerKey
            && flows.values.count { $0.consumer.role == consumer.role } < limits.flowsPerRole
    }

    /// Returns the newest flow of the key's connection with the most flows, if it has at least two more than `count`.
    /// Thus no instance takes all flows of a key that several share.
    private func expendable(of key: PublicKey, for count: Int) -> Key? {
        let ofKey = flows.filter { $0.value.consumer.key == key }
        let counts = ofKey.keys.reduce(into: [PeerID: Int]()) { $0[$1.peer, default: 0] += 1 }
        guard let most = counts.values.max(), most >= count + 2 else { return nil }
        return ofKey.filter { counts[$0.key.peer] == most }.max { $0.value.order < $1.value.order }?.key
    }

    private func refusal(_ key: Key) -> Action {
        let detail =
            "at most \(limits.flowsPerPeer) flows per connection, \(limits.flowsPerKey) per key, "
            + "\(limits.flowsPerRole) per role"
        return .close(CloseFlow(flow: key.flow, reason: .tooMany, detail: detail), to: key.peer)
    }

    package mutating func credit(
        _ message: Credit, from peer: PeerID, _ ring: Ring, now: MonotonicTime
    ) -> [Action] {
        let key = Key(peer: peer, flow: message.flow)
        guard flows[key] != nil else { return [unknown(message.flow, peer)] }
        flows[key]!.lastHeard = now
        refill(flows[key]!.consumer.key, now)
        flows[key]!.credit = min(flows[key]!.credit + message.frames, limits.credit)
        return pump(key, ring)
    }

    package mutating func acknowledge(_ message: Acknowledge, from peer: PeerID, now: MonotonicTime) -> [Action] {
        let key = Key(peer: peer, flow: message.flow)
        guard let flow = flows[key] else { return [unknown(message.flow, peer)] }
        flows[key]!.lastHeard = now
        // Acknowledgements of another incarnation's frames, or of frames never sent, are ignored.
        guard message.incarnation == incarnation, message.sequence <= flow.last, !flow.group.isEmpty else {
            return []
        }
        let cursor = Cursor(key: flow.consumer.key, group: flow.group, content: flow.content)
        let ofKey = cursors.keys.count { $0.key == cursor.key }
        guard cursors[cursor] != nil || (ofKey < limits.cursorsPerKey && cursors.count < limits.cursors) else {
            return []
        }
        cursors[cursor] = Position(
            sequence: max(cursors[cursor]?.sequence ?? 0, message.sequence), lastHeard: now, role: flow.consumer.role)
        return []
    }

    package mutating func close(_ message: CloseFlow, from peer: PeerID) {
        let flow = flows.removeValue(forKey: Key(peer: peer, flow: message.flow))
        guard message.reason == .done, let flow, !flow.group.isEmpty else { return }
        // A consumer that is done does not come back for frames that it missed.
        cursors[Cursor(key: flow.consumer.key, group: flow.group, content: flow.content)] = nil
    }

    /// Removes the flows of a lost connection.
    package mutating func lost(_ peer: PeerID) {
        flows = flows.filter { $0.key.peer != peer }
    }

    /// Closes the flows of silent consumers. Called once a second.
    package mutating func tick(now: MonotonicTime) {
        flows = flows.filter { now - $0.value.lastHeard <= limits.silenceTimeout }
        for key in Array(backlogs.keys) {
            refill(key, now)
            if backlogs[key]!.bytes == limits.backlog { backlogs[key] = nil }
        }
    }

    /// Closes all flows.
    package mutating func closeAll(_ reason: CloseReason) -> [Action] {
        defer { flows = [:] }
        return flows.keys.map { .close(CloseFlow(flow: $0.flow, reason: reason), to: $0.peer) }
    }

    /// Sends the events that were appended to the ring to all flows with credit.
    package mutating func pumpEvents(_ ring: Ring) -> [Action] {
        flows.filter { $0.value.content == .events }.keys.flatMap { pumpEvents($0, ring) }
    }

    /// Sends the entries that were appended to the ring to all flows with credit.
    package mutating func pump(_ ring: Ring) -> [Action] {
        flows.keys.flatMap { pump($0, ring) }
    }

    private func unknown(_ flow: UInt32, _ peer: PeerID) -> Action {
        .close(CloseFlow(flow: flow, reason: .unknownFlow, detail: "no such flow; open it again"), to: peer)
    }

    // MARK: Backlog

    private func newest(of content: FlowContent, _ ring: Ring) -> UInt64 {
        (content.rendition.map { ring.newest($0)?.sequence } ?? ring.newestEvent?.sequence) ?? 0
    }

    /// Refills a key's backlog allowance for the time since the last refill.
    private mutating func refill(_ key: PublicKey, _ now: MonotonicTime) {
        guard let backlog = backlogs[key] else { return }
        let elapsed = min(now - backlog.lastRefill, FlowServer.longestRefill)
        let more = elapsed.microseconds * Int64(limits.backlogPerSecond) / 1_000_000
        backlogs[key] = Backlog(bytes: min(limits.backlog, backlog.bytes + Int(more)), lastRefill: now)
    }

    /// Returns whether a flow may receive this entry, and charges backlog to its key's allowance.
    private mutating func maySend(_ sequence: UInt64, bytes: Int, on flow: Flow) -> Bool {
        guard sequence <= flow.newestAtOpening else { return true }
        var backlog = backlogs[flow.consumer.key] ?? Backlog(bytes: limits.backlog, lastRefill: flow.lastHeard)
        guard backlog.bytes > 0 else { return false }
        backlog.bytes -= bytes
        backlogs[flow.consumer.key] = backlog
        return true
    }

    // MARK: Start

    /// Returns the cursor of the key's own group. Without one, returns the earliest cursor that another key recently moved
    /// for a group of this name: the earliest, so that no key makes another one skip frames.
    private func cursor(of message: OpenFlow, _ key: PublicKey, _ now: MonotonicTime) -> UInt64? {
        let own = cursors[Cursor(key: key, group: message.group, content: message.content)]
        if let own { return own.sequence }
        return cursors.filter {
            $0.key.group == message.group && $0.key.content == message.content && isRecent($0.value, now)
        }.values.map(\.sequence).min()
    }

    private func start(
        of message: OpenFlow, _ key: PublicKey, _ ring: Ring, _ now: MonotonicTime
    ) -> (next: UInt64, isResumed: Bool) {
        guard let rendition = message.content.rendition else { return startOfEvents(message, key, ring, now) }
        let live = (ring.newest(rendition)?.sequence ?? ring.lastEvicted(rendition)) + 1
        switch message.start {
        case .live:
            // A `latest` flow starts with the newest frame, unless that is from before a pause.
            let isFresh = ring.newest(rendition).map { now - $0.arrived <= FlowServer.freshness } ?? false
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

    // MARK: Pump

    private mutating func pump(_ key: Key, _ ring: Ring) -> [Action] {
        guard let flow = flows[key] else { return [] }
        guard let rendition = flow.content.rendition else { return pumpEvents(key, ring) }
        return pumpFrames(key, rendition, ring)
    }

    private mutating func pumpEvents(_ key: Key, _ ring: Ring) -> [Action] {
        guard var flow = flows[key] else { return [] }
        var actions: [Action] = []
        while flow.credit > 0, let next = ring.firstEvent(from: flow.next),
            maySend(next.sequence, bytes: FlowServer.eventBytes, on: flow)
        {
            actions += gap(
                before: next.sequence, at: next.event.last, flow, key, evicted: ring.lastEvictedEvent,
                since: flow.last > 0 ? flow.lastTimestamp : nil, missing: { [$0] })
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

    /// Returns the gap messages for the numbers that an `every` flow will not get.
    ///
    /// - Parameters:
    ///   - time: capture time of the entry after the gap, UTC microseconds.
    ///   - since: capture time of the entry before the gap, UTC microseconds; `nil` if unknown.
    ///   - missing: returns the parts of a range that the flow should have got.
    private func gap(
        before sequence: UInt64, at time: Int64, _ flow: Flow, _ key: Key, evicted: UInt64, since: Int64?,
        missing: (SequenceRange) -> [SequenceRange]
    ) -> [Action] {
        let isContinued = flow.isResumed || flow.last > 0
        guard flow.policy == .every, flow.interval == .zero, isContinued, sequence > flow.next,
            let numbers = SequenceRange(flow.next, through: sequence - 1)
        else { return [] }
        let (until, since) = (WireLimits.times.clamping(time), since.map { WireLimits.times.clamping($0) })
        func message(_ missing: SequenceRange, _ reason: GapReason) -> Action {
            let gap = Gap(
                flow: key.flow, incarnation: incarnation, missing: missing, reason: reason,
                since: since ?? WireLimits.times.lowerBound, until: until)
            return .gap(gap, to: key.peer)
        }
        return missing(numbers).flatMap { missing in
            guard missing.first <= evicted else { return [message(missing, .dropped)] }
            guard let spooledFrom, flow.content == .jpeg, flow.consumer.role == .archive,
                let spooled = missing.suffix(after: max(1, spooledFrom) - 1)
            else { return [message(missing, .overflow)] }
            let lost = SequenceRange(missing.first, through: max(1, spooled.first) - 1)
            return (lost.map { [message($0, .overflow)] } ?? []) + [message(spooled, .spooled)]
        }
    }

    private mutating func pumpFrames(_ key: Key, _ rendition: Rendition, _ ring: Ring) -> [Action] {
        guard var flow = flows[key] else { return [] }
        var actions: [Action] = []
        while flow.credit > 0, let frame = nextFrame(flow, rendition, ring),
            maySend(frame.sequence, bytes: frame.bytes.count, on: flow)
        {
            actions += gap(
                before: frame.sequence, at: frame.timestamp, flow, key, evicted: ring.lastEvicted(rendition),
                since: flow.last > 0 ? flow.lastTimestamp : ring.time(rendition, before: flow.next),
                missing: { ring.demanded(rendition, in: $0) })
            if flow.policy == .latest, flow.interval == .zero, flow.last > 0 {
                framesSkipped += frame.sequence - flow.next
            }
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
        guard flow.interval > .zero, flow.lastTimestamp > .min else { return true }
        return FrameInterval.isDue(frame.timestamp, after: flow.lastTimestamp, every: flow.interval.microseconds)
    }

    /// Maximum time that one refill counts for, which keeps the product from overflowing.
    private static let longestRefill: Duration = .seconds(60)
    /// The charge for an event, about what sending it costs.
    private static let eventBytes = 1024
    /// Age up to which a frame counts as live.
    private static let freshness: Duration = .seconds(1)

    private func message(_ frame: RingFrame, flow: UInt32) -> Frame {
        Frame(
            flow: flow, rendition: frame.rendition, format: frame.format, incarnation: incarnation,
            sequence: frame.sequence, timestamp: frame.timestamp, width: frame.width, height: frame.height)
    }
}
