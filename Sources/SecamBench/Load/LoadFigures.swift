import Synchronization

/// What the viewers of a load have received since the last look; it goes from process to process as one line of JSON.
struct LoadReport: Codable, Sendable {
    var viewers = 0
    /// Viewers whose connection ended, and why the first one's did.
    var lost = 0
    var reason: String?
    var frames = 0
    var bytes = 0
    /// Of the viewer that received the fewest.
    var fewestFrames = 0
    /// Of the first viewer: from the time of capture that the frame says to its last byte here, microseconds.
    var latencies: [Int64] = []
    /// Of the first viewer: the number in the picture, and when its last byte came, CLOCK_MONOTONIC nanoseconds.
    var stamps: [Stamp] = []

    struct Stamp: Codable, Sendable {
        let number: UInt32
        let received: Int64
    }
}

/// One viewer's figures: written on its event loop, taken by whoever looks.
final class LoadFigures: Sendable {
    struct State: Sendable {
        var isReady = false
        var end: String?
        var frames = 0
        var bytes = 0
        var latencies: [Int64] = []
        var stamps: [LoadReport.Stamp] = []
    }

    /// Entries of the first viewer that are kept between two looks.
    private static let limit = 20_000

    private let state = Mutex(State())
    private let changed: @Sendable () -> Void

    /// - Parameter changed: called when the viewer is ready or has ended.
    init(changed: @escaping @Sendable () -> Void) { self.changed = changed }

    /// - Parameters:
    ///   - latency: microseconds, `nil` when it is not asked for.
    func received(bytes: Int, latency: Int64?, stamp: LoadReport.Stamp?) {
        let isFirst = state.withLock { state in
            state.frames += 1
            state.bytes += bytes
            if let latency, state.latencies.count < LoadFigures.limit { state.latencies.append(latency) }
            if let stamp, state.stamps.count < LoadFigures.limit { state.stamps.append(stamp) }
            defer { state.isReady = true }
            return !state.isReady
        }
        if isFirst { changed() }
    }

    /// Only the first reason counts.
    func ended(_ reason: String) {
        let isNews = state.withLock { state in
            guard state.end == nil else { return false }
            state.end = reason
            return true
        }
        if isNews { changed() }
    }

    /// It has received a frame, or never will.
    var isSettled: Bool { state.withLock { $0.isReady || $0.end != nil } }

    /// What was received since the last call.
    func take() -> State {
        state.withLock { state in
            defer {
                state.frames = 0
                state.bytes = 0
                state.latencies = []
                state.stamps = []
            }
            return state
        }
    }
}
