import SecamBase
import SecamMesh
import SecamWire

/// A camera's spool as its service uses it, on the mesh's loop.
final class CameraSpool {
    private let incarnation: UInt64
    private let spool: Spool
    private var flow = SpoolFlow()
    private let timer: LoopTimer
    /// Frames of this run that are to be kept.
    private var appended: UInt64 = 0
    private(set) var figures = SpoolFigures()
    /// The first number of this run that is kept; `nil` when none is.
    private(set) var oldest: UInt64?
    private let perform: (SpoolFlow.Action) -> Void

    /// - Parameters:
    ///   - spool: whose news come to `take`.
    ///   - timer: calls `tick`.
    ///   - perform: sends what is to be sent.
    init(_ spool: Spool, incarnation: UInt64, timer: LoopTimer, perform: @escaping (SpoolFlow.Action) -> Void) {
        self.spool = spool
        self.incarnation = incarnation
        self.timer = timer
        self.perform = perform
    }

    func keep(_ frame: RingFrame) {
        let header = Frame(
            flow: 0, rendition: frame.rendition, format: frame.format, incarnation: incarnation,
            sequence: frame.sequence, timestamp: frame.timestamp, width: frame.width, height: frame.height)
        guard spool.append(header, frame.bytes) else { return }
        appended += 1
        oldest = oldest ?? frame.sequence
    }

    func take(_ news: SpoolNews) {
        switch news {
        case .figures(let figures): self.figures = figures
        case .read(let frame, let turn, let isEmpty, let appended):
            // More may be on its way to the disk.
            let isEmpty = isEmpty && appended == self.appended
            if isEmpty { oldest = nil }
            perform(flow.take(frame, turn: turn, isEmpty: isEmpty, now: .now))
        }
    }

    func tick() { perform(flow.tick(now: .now)) }

    // MARK: The flow

    func knows(_ peer: PeerID) -> Bool { flow.knows(peer) }

    func open(_ message: OpenFlow, from peer: PeerID) { perform(flow.open(message, from: peer, now: .now)) }

    /// - Returns: whether the flow is that of the spool.
    func credit(_ message: Credit, from peer: PeerID) -> Bool {
        guard flow.has(peer, message.flow) else { return false }
        perform(flow.credit(message.frames, now: .now))
        return true
    }

    /// - Returns: whether the flow is that of the spool.
    func acknowledge(_ message: Acknowledge, from peer: PeerID) -> Bool {
        guard flow.has(peer, message.flow) else { return false }
        perform(flow.acknowledge(message, now: .now))
        return true
    }

    /// - Returns: whether the flow is that of the spool.
    func close(_ message: CloseFlow, from peer: PeerID) -> Bool {
        guard flow.has(peer, message.flow) else { return false }
        flow.close()
        return true
    }

    /// The connection is gone.
    func lost(_ peer: PeerID) { flow.lost(peer) }

    /// Ends the flow; what waits is still written, see `waitUntilStopped`.
    func stop() {
        perform(flow.closeAll(.shutdown))
        timer.cancel()
        spool.stop()
    }

    /// What waits for the disk, and is told when it is there.
    var written: Spool { spool }

    private func perform(_ actions: [SpoolFlow.Action]) {
        for action in actions {
            switch action {
            case .rewind(let turn): spool.rewind(turn: turn)
            case .read: spool.read()
            case .acknowledge(let id): spool.acknowledge(id)
            case .send, .close: perform(action)
            }
        }
        guard flow.isWaiting else { return timer.pause() }
        timer.schedule(afterMicroseconds: max(0, flow.due.since(.now)))
    }
}
