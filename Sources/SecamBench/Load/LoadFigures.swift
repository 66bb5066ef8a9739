import Synchronization

/// The frames that all viewers have received since the last report. It is sent to the benchmark's process as one line of
/// JSON.
struct LoadReport: Codable, Sendable {
    var viewers = 0
    /// Viewers whose connection ended.
    var lost = 0
    /// Why the first of them ended.
    var reason: String?
    var frames = 0
    var bytes = 0
    /// Frames of the viewer that received the fewest.
    var fewestFrames = 0
    /// Latencies of the first viewer, from the frame's time of capture to its last byte, microseconds.
    var latencies: [Int64] = []
    /// Stamps in the pictures of the first viewer.
    var stamps: [Stamp] = []

    struct Stamp: Codable, Sendable {
        /// The number in the picture.
        let number: UInt32
        /// Time of reception of the picture's last byte, CLOCK_MONOTONIC nanoseconds.
        let received: Int64
    }
}

/// One viewer's counters, written on its event loop and read by any thread.
final class LoadFigures: Sendable {
    struct State: Sendable {
        var isReady = false
        var end: String?
        var frames = 0
        var bytes = 0
        var latencies: [Int64] = []
        var stamps: [LoadReport.Stamp] = []
    }

    /// Latencies and stamps between two reports.
    private static let limit = 20_000

    private let state = Mutex(State())
    private let changed: @Sendable () -> Void

    /// - Parameter changed: called when the viewer is ready or has ended.
    init(changed: @escaping @Sendable () -> Void) { self.changed = changed }

    /// - Parameter latency: microseconds; `nil` when it is not measured.
    func record(bytes: Int, latency: Int64?, stamp: LoadReport.Stamp?) {
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

    /// Records the end of the connection. Only the first reason counts.
    func recordEnd(_ reason: String) {
        let isNews = state.withLock { state in
            guard state.end == nil else { return false }
            state.end = reason
            return true
        }
        if isNews { changed() }
    }

    /// Whether the viewer has received a frame, or has ended.
    var isSettled: Bool { state.withLock { $0.isReady || $0.end != nil } }

    /// Returns the counters since the last call, and resets them.
    func drain() -> State {
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
