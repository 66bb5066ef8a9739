import SecamBase
import SecamMesh
import SecamWire

/// A camera's spool as its service uses it, on the mesh's loop.
final class CameraSpool {
    private let incarnation: UInt64
    private let spool: Spool
    private var flow = SpoolFlow()
    private let timer: LoopTimer
    /// Frames of this run that were handed to the spool.
    private var appended: UInt64 = 0
    private(set) var figures = SpoolFigures()
    /// The first sequence number of this run that is spooled; `nil` if none is.
    private(set) var oldest: UInt64?
    private let apply: (SpoolFlow.Action) -> Void

    /// - Parameters:
    ///   - spool: the spool whose events `handle` receives.
    ///   - timer: calls `tick`.
    ///   - apply: sends messages to the consumer.
    init(_ spool: Spool, incarnation: UInt64, timer: LoopTimer, apply: @escaping (SpoolFlow.Action) -> Void) {
        self.spool = spool
        self.incarnation = incarnation
        self.timer = timer
        self.apply = apply
    }

    func append(_ frame: RingFrame) {
        let header = Frame(
            flow: 0, rendition: frame.rendition, format: frame.format, incarnation: incarnation,
            sequence: frame.sequence, timestamp: frame.timestamp, width: frame.width, height: frame.height)
        guard spool.append(header, frame.bytes) else { return }
        appended += 1
        oldest = oldest ?? frame.sequence
    }

    func handle(_ event: SpoolEvent) {
        switch event {
        case .figures(let figures): self.figures = figures
        case .read(let frame, let rewind, let isEmpty, let appended):
            // Later frames may still be on their way to the disk.
            let isEmpty = isEmpty && appended == self.appended
            if isEmpty { oldest = nil }
            apply(flow.handleRead(frame, rewind: rewind, isEmpty: isEmpty, now: .now))
        }
    }

    func tick() { apply(flow.tick(now: .now)) }

    // MARK: Flow

    func knows(_ peer: PeerID) -> Bool { flow.knows(peer) }

    func open(_ message: OpenFlow, from peer: PeerID) { apply(flow.open(message, from: peer, now: .now)) }

    /// - Returns: whether the flow is the spool's.
    func credit(_ message: Credit, from peer: PeerID) -> Bool {
        guard flow.has(peer, message.flow) else { return false }
        apply(flow.credit(message.frames, now: .now))
        return true
    }

    /// - Returns: whether the flow is the spool's.
    func acknowledge(_ message: Acknowledge, from peer: PeerID) -> Bool {
        guard flow.has(peer, message.flow) else { return false }
        apply(flow.acknowledge(message, now: .now))
        return true
    }

    /// - Returns: whether the flow is the spool's.
    func close(_ message: CloseFlow, from peer: PeerID) -> Bool {
        guard flow.has(peer, message.flow) else { return false }
        flow.close()
        return true
    }

    /// Ends the flow of a lost connection.
    func lost(_ peer: PeerID) { flow.lost(peer) }

    // MARK: Stop

    /// Ends the flow. Queued frames are still written, see `waitUntilStopped`.
    func stop() {
        apply(flow.closeAll(.shutdown))
        timer.cancel()
        spool.stop()
    }

    /// Returns once all queued frames are on the disk.
    func waitUntilStopped() async { await spool.waitUntilStopped() }

    private func apply(_ actions: [SpoolFlow.Action]) {
        for action in actions {
            switch action {
            case .rewind(let number): spool.rewind(number: number)
            case .read: spool.read()
            case .acknowledge(let id): spool.acknowledge(id)
            case .send, .close: apply(action)
            }
        }
        guard flow.isWaiting else { return timer.pause() }
        timer.schedule(after: max(.zero, flow.due - .now))
    }
}
