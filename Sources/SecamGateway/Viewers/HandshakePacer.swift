import NIOCore
import SecamBase

/// Turns of TLS handshakes on one event loop. After each step the loop rests from handshakes for a multiple of the time
/// that the step took: frames for viewers who are logged in go out in between, however many peers knock.
struct HandshakeScheduler<Step> {
    /// Time without handshakes for each time that a handshake takes. At most a quarter of the loop's time goes to them.
    static var restPerWork: Int64 { 3 }

    private var waiting = FairQueue<String, Step>()
    private var nextStart = NIODeadline.uptimeNanoseconds(0)

    /// When the next step may run; nil when none waits.
    var due: NIODeadline? { waiting.isEmpty ? nil : nextStart }

    mutating func add(_ step: Step, network: String, standing: PeerStanding) {
        // Bounded by the connections that may be open without a login.
        _ = waiting.append(step, key: network, lane: standing == .stranger ? .ordinary : .preferred)
    }

    mutating func next(at now: NIODeadline) -> Step? {
        now >= nextStart ? waiting.popFirst() : nil
    }

    mutating func finished(start: NIODeadline, end: NIODeadline) {
        nextStart = end + .nanoseconds((end - start).nanoseconds * Self.restPerWork)
    }
}

/// Runs the handshakes of one event loop by their turns. Only used on that loop.
final class HandshakePacer {
    private let eventLoop: any EventLoop
    private var turns = HandshakeScheduler<() -> Void>()
    private var isScheduled = false

    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Runs one step of a handshake, at once where no other has just run.
    func run(network: String, standing: PeerStanding, _ step: @escaping () -> Void) {
        turns.add(step, network: network, standing: standing)
        runNext()
    }

    private func runNext() {
        let start = NIODeadline.now()
        if !isScheduled, let step = turns.next(at: start) {
            step()
            turns.finished(start: start, end: .now())
        }
        guard !isScheduled, let due = turns.due else { return }
        isScheduled = true
        eventLoop.assumeIsolated().scheduleTask(deadline: due) {
            self.isScheduled = false
            self.runNext()
        }
    }
}
