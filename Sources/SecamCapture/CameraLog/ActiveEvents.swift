package import SecamBase
package import SecamMesh
package import SecamWire

/// The active events of a camera: started, updated and ended by motion services, or ended when their flow is gone.
///
/// A state machine without I/O: time is an argument, the events to log are returned.
package struct ActiveEvents: Sendable {
    package struct Limits: Sendable {
        /// Active events per connection.
        package var activePerPeer = 4
        /// Active events per key: twice as many, because one service may hand a camera over to another one.
        package var activePerKey = 8
        /// Detections per connection and second.
        package var detectionsPerPeer = 32
        /// Detections per key and second.
        package var detectionsPerKey = 64
        /// Events that a key may start at once, and the time after which it may start another one. An archive stores one
        /// new event of a camera a second, so that keys share it.
        package var startBurst = 32
        package var startInterval: Duration = .seconds(2)
        /// Time without a motion service after which an `unwatched` event starts.
        package var unwatchedTimeout: Duration = .seconds(3)
        /// How far the times in a detection may be before the newest picture.
        package var longestEvent: Duration = .seconds(86_400)

        package init() {}
    }

    /// The reason why a detection is not logged.
    package enum Rejection: Error, Equatable, CustomStringConvertible {
        case noFlow
        case tooMany
        case tooOften
        case outOfOrder

        package var description: String {
            switch self {
            case .noFlow: "the sender has no such flow of luma maps"
            case .tooMany: "too many active events"
            case .tooOften: "too many detections a second"
            case .outOfOrder: "the event was not started, or was started twice"
            }
        }
    }

    private struct ActiveEvent: Sendable {
        let peer: PeerID
        let key: PublicKey
        let flow: UInt32
        /// The number by which the motion service refers to the event.
        let detectedID: UInt64
        var event: CameraEvent
    }

    private let limits: Limits
    private var active: [ActiveEvent] = []
    private var peerDetections: [PeerID: SecondCount] = [:]
    private var keyDetections: [PublicKey: SecondCount] = [:]
    /// The events that each key may start.
    private var starts: [PublicKey: TokenBucket] = [:]
    private var unwatched: CameraEvent?
    /// Since when motion detection is wanted and no motion service watches.
    private var missingSince: MonotonicTime?

    package init(limits: Limits = Limits()) { self.limits = limits }

    /// Handles a detection of a motion service.
    ///
    /// - Parameters:
    ///   - hasFlow: the sender has that flow of luma maps open.
    ///   - newest: capture time of the newest picture, UTC microseconds; no motion can be later.
    ///   - id: the number of an event that starts. The motion service's own number is not used in the log: consumers know
    ///     events by number alone, so one motion service could end or change the events of another.
    /// - Returns: the event to log.
    package mutating func handle(
        _ detection: Detection, from peer: PeerID, key: PublicKey, hasFlow: Bool, newest: Int64, id: UInt64,
        now: MonotonicTime
    ) throws(Rejection) -> CameraEvent {
        guard hasFlow else { throw .noFlow }
        let peerCount = peerDetections[peer, default: SecondCount(now)].add(now)
        let keyCount = keyDetections[key, default: SecondCount(now)].add(now)
        let index = active.firstIndex { $0.peer == peer && $0.detectedID == detection.event.id }
        let event = detection.event.numbered(index.map { active[$0].event.id } ?? id)
            .bounded(by: newest, longest: limits.longestEvent)
        // An end is always accepted, because it comes only once for each event.
        guard (peerCount <= limits.detectionsPerPeer && keyCount <= limits.detectionsPerKey) || event.state == .end
        else { throw .tooOften }
        switch (event.state, index) {
        case (.start, nil):
            guard active.count(where: { $0.peer == peer }) < limits.activePerPeer,
                active.count(where: { $0.key == key }) < limits.activePerKey
            else { throw .tooMany }
            let full = TokenBucket(every: limits.startInterval, burst: limits.startBurst, at: now)
            guard starts[key, default: full].consume(at: now) else { throw .tooOften }
            active.append(
                ActiveEvent(
                    peer: peer, key: key, flow: detection.flow, detectedID: detection.event.id, event: event))
        case (.update, let index?): active[index].event = event
        case (.end, let index?): active.remove(at: index)
        case (.start, .some), (.update, nil), (.end, nil): throw .outOfOrder
        }
        return event
    }

    /// Ends the events of flows that are no longer open.
    ///
    /// - Returns: the events to log.
    package mutating func endEvents(where isOver: (PeerID, UInt32) -> Bool) -> [CameraEvent] {
        let over = active.filter { isOver($0.peer, $0.flow) }
        guard !over.isEmpty else { return [] }
        active.removeAll { isOver($0.peer, $0.flow) }
        return over.map(\.event.ended)
    }

    /// Starts or ends the `unwatched` event. Called once a second.
    ///
    /// - Parameters:
    ///   - isWanted: the policy demands motion detection.
    ///   - isWatched: a motion service watches the camera.
    ///   - time: UTC microseconds.
    ///   - id: the number of an event that starts.
    /// - Returns: the event to log.
    package mutating func tick(
        isWanted: Bool, isWatched: Bool, now: MonotonicTime, time: Int64, id: UInt64
    ) -> CameraEvent? {
        peerDetections = peerDetections.filter { !$0.value.isOver(now) }
        keyDetections = keyDetections.filter { !$0.value.isOver(now) }
        for key in starts.keys where starts[key]!.isFull(at: now) { starts[key] = nil }
        guard isWanted, !isWatched else {
            missingSince = nil
            defer { unwatched = nil }
            return unwatched.map { ActiveEvents.unwatched($0.id, .end, from: $0.start, to: max($0.start, time)) }
        }
        let since = missingSince ?? now
        missingSince = since
        let missing = now - since
        guard unwatched == nil, missing >= limits.unwatchedTimeout else { return nil }
        let event = ActiveEvents.unwatched(id, .start, from: time - missing.microseconds, to: time)
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
    fileprivate func numbered(_ id: UInt64) -> CameraEvent {
        CameraEvent(
            kind: kind, state: state, id: id, start: start, last: last, peakTime: peakTime, peakSequence: peakSequence,
            peakBox: peakBox, boxes: boxes)
    }

    /// Returns the event with its times clamped to the longest event that can end with the newest picture.
    ///
    /// - Parameter newest: UTC microseconds.
    fileprivate func bounded(by newest: Int64, longest: Duration) -> CameraEvent {
        let newest = WireLimits.times.clamping(newest)
        let span = (newest - longest.microseconds)...newest
        guard !span.contains(start) || !span.contains(last) || !span.contains(peakTime) else { return self }
        let first = span.clamping(start)
        return CameraEvent(
            kind: kind, state: state, id: id, start: first, last: max(first, span.clamping(last)),
            peakTime: span.clamping(peakTime), peakSequence: peakSequence, peakBox: peakBox, boxes: boxes)
    }
}
