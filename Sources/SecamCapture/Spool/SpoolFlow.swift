import SecamBase
import SecamMesh
import SecamWire

/// The camera's end of the one flow of what is spooled: an archive that was away is given what it missed, in order, and
/// slower than it was captured, so that what is live goes first.
///
/// A state machine without I/O: time is an argument, what is to be done is returned.
struct SpoolFlow {
    enum Action {
        /// Begin anew behind what was acknowledged, and read; what was asked for before has another turn.
        case rewind(turn: UInt64)
        case read
        case acknowledge(SpoolStore.FrameID)
        case send(Frame, ArraySlice<UInt8>, to: PeerID)
        case close(CloseFlow, to: PeerID)
    }

    private struct Consumer {
        let peer: PeerID
        let flow: UInt32
        var credit: UInt32
        var heard: MonotonicTime
    }

    /// What a frame's distance to the next one is multiplied by.
    private static let slowness = (numerator: Int64(5), denominator: Int64(4))
    /// Microseconds between two frames at most, however far apart they were captured.
    private static let longestWait: Int64 = 1_000_000
    /// Credit and silence are bounded as those of all flows.
    private static let limits = FlowServer.Limits()
    /// Microseconds between two looks at a spool in which nothing was found to read.
    private static let pause: Int64 = 1_000_000
    /// Microseconds between two rewinds, each of which decrypts part of a file anew: whoever opens flow after flow waits.
    private static let rewindInterval: Int64 = 1_000_000

    private var consumer: Consumer?
    private var turn: UInt64 = 0
    /// A flow was opened, and nothing has been asked for since.
    private var isRewindDue = false
    private var nextRewind: MonotonicTime?
    /// No more than one frame is asked for at a time.
    private var isReading = false
    /// Read, and not yet due or without credit.
    private var frame: SpooledFrame?
    private var lastTime: Int64?
    /// When the next frame may be sent, or be looked for.
    private(set) var due = MonotonicTime.now

    /// Whether anything is to be done at `due`.
    var isWaiting: Bool {
        guard let consumer, !isReading else { return false }
        return isRewindDue || frame == nil || consumer.credit > 0
    }

    func has(_ peer: PeerID, _ flow: UInt32) -> Bool { consumer?.peer == peer && consumer?.flow == flow }

    func knows(_ peer: PeerID) -> Bool { consumer?.peer == peer }

    mutating func open(_ message: OpenFlow, from peer: PeerID, now: MonotonicTime) -> [Action] {
        let before = consumer
        consumer = Consumer(
            peer: peer, flow: message.flow, credit: min(message.credit, SpoolFlow.limits.credit), heard: now)
        turn += 1
        isRewindDue = true
        (frame, lastTime, due) = (nil, nil, max(now, nextRewind ?? now))
        let ended = before.flatMap { $0.peer != peer || $0.flow != message.flow ? closing($0, .done) : nil }
        return (ended.map { [$0] } ?? []) + tick(now: now)
    }

    mutating func credit(_ frames: UInt32, now: MonotonicTime) -> [Action] {
        guard let credit = consumer?.credit else { return [] }
        consumer!.heard = now
        consumer!.credit = min(credit + frames, SpoolFlow.limits.credit)
        return tick(now: now)
    }

    mutating func acknowledge(_ message: Acknowledge, now: MonotonicTime) -> [Action] {
        consumer?.heard = now
        let id = SpoolStore.FrameID(incarnation: message.incarnation, sequence: message.sequence)
        // Whether that was the last one is seen by looking again.
        if !isReading, frame == nil { due = now }
        return [.acknowledge(id)] + tick(now: now)
    }

    mutating func close() { consumer = nil }

    /// The connection is gone.
    mutating func lost(_ peer: PeerID) {
        if knows(peer) { consumer = nil }
    }

    mutating func closeAll(_ reason: CloseReason) -> [Action] {
        defer { consumer = nil }
        return consumer.map { [closing($0, reason)] } ?? []
    }

    /// What was asked for has been read.
    mutating func take(_ frame: SpooledFrame?, turn: UInt64, isEmpty: Bool, now: MonotonicTime) -> [Action] {
        isReading = false
        guard turn == self.turn, let consumer else { return tick(now: now) }
        guard let frame else {
            guard !isEmpty else {
                self.consumer = nil
                return [closing(consumer, .done)]
            }
            due = now.advanced(byMicroseconds: SpoolFlow.pause)
            return []
        }
        self.frame = frame
        due = max(now, due.advanced(byMicroseconds: wait(before: frame)))
        lastTime = frame.header.timestamp
        return tick(now: now)
    }

    private func wait(before frame: SpooledFrame) -> Int64 {
        guard let lastTime else { return 0 }
        let distance = max(0, frame.header.timestamp.subtractingSaturated(lastTime))
        guard distance < SpoolFlow.longestWait else { return SpoolFlow.longestWait }
        return distance * SpoolFlow.slowness.numerator / SpoolFlow.slowness.denominator
    }

    /// Time has passed.
    mutating func tick(now: MonotonicTime) -> [Action] {
        guard let consumer else { return [] }
        guard now.since(consumer.heard) <= SpoolFlow.limits.silence else {
            self.consumer = nil
            return []
        }
        guard !isReading, now >= due else { return [] }
        guard !isRewindDue else {
            isRewindDue = false
            isReading = true
            nextRewind = now.advanced(byMicroseconds: SpoolFlow.rewindInterval)
            return [.rewind(turn: turn), .read]
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
