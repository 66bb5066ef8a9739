import NIOCore
import SecamWire
import Synchronization

/// What a new watcher of a flow gets at once.
enum FlowBeginning {
    case frame(SharedFrame)
    /// The camera does not provide the flow.
    case refused(String)
}

/// Distributes the cameras' frames to the event loops of their watchers: once per loop, however many viewers it serves.
///
/// It also tracks demand, and holds the last frame of each watched flow for new watchers.
final class FanOut: Sendable {
    private struct Flow {
        /// Watchers by event loop.
        var watchers: [Int]
        var total = 0
        var held: SharedFrame?
        /// Why the camera does not provide the flow; `nil` if it does, or is not known to refuse it.
        var refusal: String?
        var serial: UInt64 = 0
        var incarnation: UInt64 = 0
        var sequence: UInt64 = 0
        /// Grows with each new watcher, so that an older decision to stop the flow lapses.
        var arrivals: UInt64 = 0

        func watchingLoops(_ loops: [EventLoopMailbox]) -> [EventLoopMailbox] {
            loops.indices.filter { watchers[$0] > 0 }.map { loops[$0] }
        }
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

    /// Hands a frame to its watchers. Frames without watchers, and frames older than the last, are dropped. Any thread.
    func publish(_ message: ByteBuffer, _ frame: Frame) {
        let key = FlowKey(camera: frame.flow, rendition: frame.rendition)
        let now = NIODeadline.now()
        let (shared, loops) = state.withLock { state -> (SharedFrame?, [EventLoopMailbox]) in
            guard var flow = state.flows[key] else { return (nil, []) }
            if flow.incarnation == frame.incarnation, frame.sequence <= flow.sequence { return (nil, []) }
            flow.incarnation = frame.incarnation
            flow.sequence = frame.sequence
            flow.serial += 1
            flow.refusal = nil
            let shared = SharedFrame(key: key, serial: flow.serial, message: message, published: now)
            flow.held = shared
            state.flows[key] = flow
            return (shared, flow.watchingLoops(state.loops))
        }
        guard let shared else { return }
        for loop in loops { loop.deliver(shared) }
    }

    /// Tells a flow's watchers that the camera does not provide it, once until a frame arrives. Any thread.
    func refuse(_ key: FlowKey, _ detail: String) {
        let loops = state.withLock { state -> [EventLoopMailbox] in
            guard state.flows[key]?.refusal == nil, let flow = state.flows[key] else { return [] }
            state.flows[key]!.refusal = detail
            return flow.watchingLoops(state.loops)
        }
        for loop in loops { loop.withViewers { $0.refuse(key, detail) } }
    }

    func forgetRefusals(of camera: UInt32) {
        state.withLock { state in
            for key in state.flows.keys where key.camera == camera { state.flows[key]!.refusal = nil }
        }
    }

    /// - Returns: the flow's last frame, if it is fresh, or why there is none.
    func addWatcher(_ key: FlowKey, on loop: Int) -> FlowBeginning? {
        state.withLock { state in
            guard !state.loops.isEmpty else { return nil }
            var flow = state.flows[key] ?? Flow(watchers: Array(repeating: 0, count: state.loops.count))
            let isNew = flow.arrivals == 0
            flow.watchers[loop] += 1
            flow.total += 1
            flow.arrivals += 1
            state.flows[key] = flow
            if isNew { reportDemand(key, wanted: true, state.loops) }
            if let refusal = flow.refusal { return .refused(refusal) }
            guard let held = flow.held, held.published + limits.heldFrameAge > .now() else { return nil }
            return .frame(held)
        }
    }

    func removeWatcher(_ key: FlowKey, on loop: Int) {
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
            reportDemand(key, wanted: false, state.loops)
        }
    }

    /// Reports demand to the hub. Reports stay in order, because one loop makes all of them and they are queued under the
    /// lock. The hub is called outside the lock, because it may call back.
    private func reportDemand(_ key: FlowKey, wanted: Bool, _ loops: [EventLoopMailbox]) {
        let hub = hub
        loops[0].execute {
            hub.demandChanged(camera: key.camera, rendition: key.rendition, wanted: wanted)
        }
    }
}
