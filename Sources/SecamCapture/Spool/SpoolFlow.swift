import SecamBase
import SecamMesh
import SecamWire

/// The camera's end of the one flow of spooled frames. An archive that was away gets the frames that it missed, in
/// order, and slower than they were captured, so that live frames go first.
///
/// A state machine without I/O: time is an argument, the actions are returned.
struct SpoolFlow {
    enum Action {
        /// Continue after the last acknowledged frame. Frames requested earlier carry another number.
        case rewind(number: UInt64)
        case read
        case acknowledge(SpoolStore.FrameID)
        case send(Frame, ArraySlice<UInt8>, to: PeerID)
        case close(CloseFlow, to: PeerID)
    }

    private struct Consumer {
        let peer: PeerID
        let flow: UInt32
        var credit: UInt32
        var lastHeard: MonotonicTime
    }

    /// Factor by which the time between two frames is stretched.
    private static let slowdown = (numerator: 5, denominator: 4)
    /// Maximum time between two frames, however far apart they were captured.
    private static let longestWait: Duration = .seconds(1)
    /// Credit and silence have the limits of all flows.
    private static let limits = FlowServer.Limits()
    /// Interval of reads while the spool has no frame to read.
    private static let retryInterval: Duration = .seconds(1)
    /// Minimum time between two rewinds. Each decrypts part of a file again, so a consumer that reopens its flow waits.
    private static let rewindInterval: Duration = .seconds(1)

    private var consumer: Consumer?
    /// The number of the last rewind.
    private var rewind: UInt64 = 0
    /// A flow was opened, and no frame has been requested since.
    private var isRewindDue = false
    private var nextRewind: MonotonicTime?
    /// A frame is requested; there is never more than one request.
    private var isReading = false
    /// A frame that was read and is not yet due, or lacks credit.
    private var frame: SpooledFrame?
    /// Capture time of the last frame, UTC microseconds.
    private var lastTime: Int64?
    /// When the next frame may be sent or requested.
    private(set) var due = MonotonicTime.now

    /// `tick` must be called at `due`.
    var isWaiting: Bool {
        guard let consumer, !isReading else { return false }
        return isRewindDue || frame == nil || consumer.credit > 0
    }

    func has(_ peer: PeerID, _ flow: UInt32) -> Bool { consumer?.peer == peer && consumer?.flow == flow }

    func knows(_ peer: PeerID) -> Bool { consumer?.peer == peer }

    mutating func open(_ message: OpenFlow, from peer: PeerID, now: MonotonicTime) -> [Action] {
        let before = consumer
        consumer = Consumer(
            peer: peer, flow: message.flow, credit: min(message.credit, SpoolFlow.limits.credit), lastHeard: now)
        rewind += 1
        isRewindDue = true
        (frame, lastTime, due) = (nil, nil, max(now, nextRewind ?? now))
        let ended = before.flatMap { $0.peer != peer || $0.flow != message.flow ? closing($0, .done) : nil }
        return (ended.map { [$0] } ?? []) + tick(now: now)
    }

    mutating func credit(_ frames: UInt32, now: MonotonicTime) -> [Action] {
        guard let credit = consumer?.credit else { return [] }
        consumer!.lastHeard = now
        consumer!.credit = min(credit + frames, SpoolFlow.limits.credit)
        return tick(now: now)
    }

    mutating func acknowledge(_ message: Acknowledge, now: MonotonicTime) -> [Action] {
        consumer?.lastHeard = now
        let id = SpoolStore.FrameID(incarnation: message.incarnation, sequence: message.sequence)
        // Only another read shows whether this was the last frame.
        if !isReading, frame == nil { due = now }
        return [.acknowledge(id)] + tick(now: now)
    }

    mutating func close() { consumer = nil }

    /// Ends the flow of a lost connection.
    mutating func lost(_ peer: PeerID) {
        if knows(peer) { consumer = nil }
    }

    mutating func closeAll(_ reason: CloseReason) -> [Action] {
        defer { consumer = nil }
        return consumer.map { [closing($0, reason)] } ?? []
    }

    /// Handles the answer to a read.
    mutating func handleRead(_ frame: SpooledFrame?, rewind: UInt64, isEmpty: Bool, now: MonotonicTime) -> [Action] {
        isReading = false
        guard rewind == self.rewind, let consumer else { return tick(now: now) }
        guard let frame else {
            guard !isEmpty else {
                self.consumer = nil
                return [closing(consumer, .done)]
            }
            due = now + SpoolFlow.retryInterval
            return []
        }
        self.frame = frame
        due = max(now, due + wait(before: frame))
        lastTime = frame.header.timestamp
        return tick(now: now)
    }

    private func wait(before frame: SpooledFrame) -> Duration {
        guard let lastTime else { return .zero }
        let distance = Duration.microseconds(max(0, frame.header.timestamp.subtractingSaturated(lastTime)))
        guard distance < SpoolFlow.longestWait else { return SpoolFlow.longestWait }
        return distance * SpoolFlow.slowdown.numerator / SpoolFlow.slowdown.denominator
    }

    /// Sends the frame that is due, or requests the next one.
    mutating func tick(now: MonotonicTime) -> [Action] {
        guard let consumer else { return [] }
        guard now - consumer.lastHeard <= SpoolFlow.limits.silenceTimeout else {
            self.consumer = nil
            return []
        }
        guard !isReading, now >= due else { return [] }
        guard !isRewindDue else {
            isRewindDue = false
            isReading = true
            nextRewind = now + SpoolFlow.rewindInterval
            return [.rewind(number: rewind), .read]
        }
        guard let frame else {
            isReading = true
            return [.read]
        }
        guard consumer.credit > 0 else { return [] }
        self.frame = nil
        self.consumer!.credit -= 1
        isReading = true
        due = now
        return [.send(frame.header(flow: consumer.flow), frame.payload, to: consumer.peer), .read]
    }

    private func closing(_ consumer: Consumer, _ reason: CloseReason) -> Action {
        .close(CloseFlow(flow: consumer.flow, reason: reason), to: consumer.peer)
    }
}
