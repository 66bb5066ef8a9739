package import SecamBase
package import SecamMesh
package import SecamWire

/// Which events of a camera are going on: takes what motion services tell, and ends what they leave behind.
///
/// A state machine without I/O: time is an argument, what is to be written into the log is returned.
package struct ActiveEvents: Sendable {
    package struct Limits: Sendable {
        /// Events of one connection that have not ended, and of all connections with one key: one service hands a camera
        /// over to another one.
        package var going = 4
        package var goingOfKey = 8
        /// What one connection, and all connections with one key, may tell in a second.
        package var tellings = 32
        package var tellingsOfKey = 64
        /// Microseconds without a motion service after which that is an event itself.
        package var unwatched: Int64 = 3_000_000
        /// Microseconds by which times that motion services tell may be before the newest picture.
        package var longestEvent: Int64 = 86_400_000_000

        package init() {}
    }

    /// What motion services tell of has a place in the log, or it has not.
    package enum Refusal: Error, Equatable {
        /// The flow is not the sender's, or not one of luma maps.
        case noFlow
        case tooMany
        case tooOften
        /// It was not begun, or begun twice.
        case outOfOrder
    }

    private struct Going: Sendable {
        let peer: PeerID
        let key: PublicKey
        let flow: UInt32
        var event: CameraEvent
    }

    private let limits: Limits
    private var going: [Going] = []
    private var tellings: [PeerID: SecondCount] = [:]
    private var tellingsOfKey: [PublicKey: SecondCount] = [:]
    private var unwatched: CameraEvent?
    /// Since when motion is to be looked for and is not.
    private var missingSince: MonotonicTime?

    package init(limits: Limits = Limits()) { self.limits = limits }

    /// A motion service tells something.
    ///
    /// - Parameters:
    ///   - hasFlow: whether the sender has that flow of luma maps open.
    ///   - newest: when the newest picture was captured, UTC microseconds: nothing can have moved later.
    /// - Returns: what is to be written.
    package mutating func take(
        _ detection: Detection, from peer: PeerID, key: PublicKey, hasFlow: Bool, newest: Int64, now: MonotonicTime
    ) throws(Refusal) -> CameraEvent {
        guard hasFlow else { throw .noFlow }
        let count = tellings[peer, default: SecondCount(now)].add(now)
        let countOfKey = tellingsOfKey[key, default: SecondCount(now)].add(now)
        let event = detection.event.bounded(by: newest, back: limits.longestEvent)
        // An end is taken however often something was told: it can come once for each event only.
        guard (count <= limits.tellings && countOfKey <= limits.tellingsOfKey) || event.state == .end else {
            throw .tooOften
        }
        let index = going.firstIndex { $0.peer == peer && $0.event.id == event.id }
        switch (event.state, index) {
        case (.start, nil):
            guard going.count(where: { $0.peer == peer }) < limits.going,
                going.count(where: { $0.key == key }) < limits.goingOfKey
            else { throw .tooMany }
            going.append(Going(peer: peer, key: key, flow: detection.flow, event: event))
        case (.update, let index?): going[index].event = event
        case (.end, let index?): going.remove(at: index)
        case (.start, .some), (.update, nil), (.end, nil): throw .outOfOrder
        }
        return event
    }

    /// Ends the events of flows that are not open any more.
    package mutating func end(where isOver: (PeerID, UInt32) -> Bool) -> [CameraEvent] {
        let over = going.filter { isOver($0.peer, $0.flow) }
        guard !over.isEmpty else { return [] }
        going.removeAll { isOver($0.peer, $0.flow) }
        return over.map(\.event.ended)
    }

    /// Time has passed: that nobody looks for motion begins, goes on or ends.
    ///
    /// - Parameters:
    ///   - isWanted: motion is to be looked for.
    ///   - isWatched: a motion service does.
    ///   - time: UTC microseconds.
    ///   - id: of an event that may begin.
    package mutating func tick(
        isWanted: Bool, isWatched: Bool, now: MonotonicTime, time: Int64, id: UInt64
    ) -> CameraEvent? {
        tellings = tellings.filter { !$0.value.isOver(now) }
        tellingsOfKey = tellingsOfKey.filter { !$0.value.isOver(now) }
        guard isWanted, !isWatched else {
            missingSince = nil
            defer { unwatched = nil }
            return unwatched.map { ActiveEvents.unwatched($0.id, .end, from: $0.start, to: max($0.start, time)) }
        }
        let since = missingSince ?? now
        missingSince = since
        let missing = now.since(since)
        guard unwatched == nil, missing >= limits.unwatched else { return nil }
        let event = ActiveEvents.unwatched(id, .start, from: time - missing, to: time)
        unwatched = event
        return event
    }

    private static func unwatched(_ id: UInt64, _ state: EventState, from start: Int64, to last: Int64) -> CameraEvent {
        CameraEvent(
            kind: .unwatched, state: state, id: id, start: start, last: last, peakTime: start, peakSequence: 0,
            peakBox: .none, boxes: [])
    }
}

extension CameraEvent {
    /// The same with times that can be: no later than the newest picture, and not long before.
    ///
    /// - Parameters: microseconds.
    fileprivate func bounded(by newest: Int64, back: Int64) -> CameraEvent {
        let newest = WireLimits.times.clamping(newest)
        let span = (newest - back)...newest
        guard !span.contains(start) || !span.contains(last) || !span.contains(peakTime) else { return self }
        let first = span.clamping(start)
        return CameraEvent(
            kind: kind, state: state, id: id, start: first, last: max(first, span.clamping(last)),
            peakTime: span.clamping(peakTime), peakSequence: peakSequence, peakBox: peakBox, boxes: boxes)
    }
}
