import NIOCore
import SecamWire
import Synchronization

/// Takes each frame from the camera's side to every event loop that has a watcher of it: once to each loop, however
/// many viewers it serves.
///
/// It also knows what is wanted at all, and holds the last frame of each flow that is, for viewers that begin to watch.
final class FanOut: Sendable {
    private struct Flow {
        /// By event loop.
        var watchers: [Int]
        var total = 0
        var held: SharedFrame?
        var serial: UInt64 = 0
        var incarnation: UInt64 = 0
        var sequence: UInt64 = 0
        /// Grows whenever a watcher comes, so that an older decision to stop does not hold.
        var arrivals: UInt64 = 0
    }

    private struct State {
        var loops: [EventLoopMailbox] = []
        var flows: [FlowKey: Flow] = [:]
    }

    private let state = Mutex(State())
    private let hub: any CameraHub
    private let limits: ViewerLimits

    init(hub: any CameraHub, limits: ViewerLimits) {
        self.hub = hub
        self.limits = limits
    }

    func open(_ loops: [EventLoopMailbox]) {
        state.withLock { $0.loops = loops }
    }

    func close() {
        state.withLock { $0 = State() }
    }

    /// Any thread. A frame that nobody watches, or that is older than the last of its flow, goes nowhere.
    func publish(_ message: ByteBuffer, _ frame: Frame) {
        let key = FlowKey(camera: frame.flow, rendition: frame.rendition)
        let now = NIODeadline.now()
        let (shared, loops) = state.withLock { state -> (SharedFrame?, [EventLoopMailbox]) in
            guard var flow = state.flows[key] else { return (nil, []) }
            if flow.incarnation == frame.incarnation, frame.sequence <= flow.sequence { return (nil, []) }
            flow.incarnation = frame.incarnation
            flow.sequence = frame.sequence
            flow.serial += 1
            let shared = SharedFrame(key: key, serial: flow.serial, message: message, published: now)
            flow.held = shared
            state.flows[key] = flow
            return (shared, state.loops.indices.filter { flow.watchers[$0] > 0 }.map { state.loops[$0] })
        }
        guard let shared else { return }
        for loop in loops { loop.deliver(shared) }
    }

    /// - Returns: the flow's last frame, if it is still fresh.
    func watcherCame(_ key: FlowKey, on loop: Int) -> SharedFrame? {
        state.withLock { state in
            guard !state.loops.isEmpty else { return nil }
            var flow = state.flows[key] ?? Flow(watchers: Array(repeating: 0, count: state.loops.count))
            let isNew = flow.arrivals == 0
            flow.watchers[loop] += 1
            flow.total += 1
            flow.arrivals += 1
            state.flows[key] = flow
            if isNew { tellHub(key, wanted: true, state.loops) }
            guard let held = flow.held, held.published + limits.heldFrameAge > .now() else { return nil }
            return held
        }
    }

    func watcherWent(_ key: FlowKey, on loop: Int) {
        state.withLock { state in
            guard var flow = state.flows[key] else { return }
            flow.watchers[loop] -= 1
            flow.total -= 1
            state.flows[key] = flow
            guard flow.total == 0 else { return }
            let arrivals = flow.arrivals
            state.loops[0].schedule(in: limits.demandLinger) { self.stopIfUnwanted(key, arrivals) }
        }
    }

    private func stopIfUnwanted(_ key: FlowKey, _ arrivals: UInt64) {
        state.withLock { state in
            guard let flow = state.flows[key], flow.total == 0, flow.arrivals == arrivals else { return }
            state.flows[key] = nil
            tellHub(key, wanted: false, state.loops)
        }
    }

    /// In order, since always on the same loop and put there under the lock; and not under it, since the hub may call
    /// back.
    private func tellHub(_ key: FlowKey, wanted: Bool, _ loops: [EventLoopMailbox]) {
        let hub = hub
        loops[0].execute {
            hub.demandChanged(camera: key.camera, rendition: key.rendition, wanted: wanted)
        }
    }
}
