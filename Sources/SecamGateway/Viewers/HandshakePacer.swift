import NIOCore
import SecamBase

/// A schedule of TLS handshakes on one event loop.
///
/// After each step the loop pauses handshakes for a multiple of the step's duration. In between it sends frames to
/// viewers, however many peers connect.
struct HandshakeScheduler<Step> {
    /// The pause as a multiple of a step's duration. Handshakes take at most a quarter of the loop's time.
    static var pauseFactor: Int64 { 3 }

    private var waiting = FairQueue<String, Step>()
    private var nextStart = NIODeadline.uptimeNanoseconds(0)

    /// When the next step may run; `nil` when none waits.
    var due: NIODeadline? { waiting.isEmpty ? nil : nextStart }

    mutating func add(_ step: Step, network: String, standing: PeerStanding) {
        // The limit on connections without a login bounds the queue.
        _ = waiting.append(step, key: network, lane: standing == .stranger ? .ordinary : .preferred)
    }

    mutating func next(at now: NIODeadline) -> Step? {
        now >= nextStart ? waiting.popFirst() : nil
    }

    mutating func recordStep(from start: NIODeadline, to end: NIODeadline) {
        nextStart = end + .nanoseconds((end - start).nanoseconds * Self.pauseFactor)
    }
}

/// Runs the handshakes of one event loop by its schedule. Used on this loop only.
final class HandshakePacer {
    private let eventLoop: any EventLoop
    private var schedule = HandshakeScheduler<() -> Void>()
    private var isScheduled = false

    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Runs one step of a handshake: at once, or after the pause that follows another step.
    func run(network: String, standing: PeerStanding, _ step: @escaping () -> Void) {
        schedule.add(step, network: network, standing: standing)
        runNext()
    }

    private func runNext() {
        let start = NIODeadline.now()
        if !isScheduled, let step = schedule.next(at: start) {
            step()
            schedule.recordStep(from: start, to: .now())
        }
        guard !isScheduled, let due = schedule.due else { return }
        isScheduled = true
        eventLoop.assumeIsolated().scheduleTask(deadline: due) {
            self.isScheduled = false
            self.runNext()
        }
    }
}
