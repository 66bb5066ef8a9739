import Glibc
import Synchronization

/// Ends what a ``MediaReader`` waits for, from any thread.
package final class MediaCancellation: Sendable {
    private let flag = Atomic(false)

    package init() {}

    /// The reader's current and every later call throws ``MediaError/cancelled(source:)``, soon.
    package func cancel() {
        flag.store(true, ordering: .releasing)
    }

    var isCancelled: Bool {
        flag.load(ordering: .acquiring)
    }
}

/// What libav asks again and again while it waits: whether to give up.
final class MediaInterrupt: Sendable {
    private let cancellation: MediaCancellation
    private let timeoutSeconds: Double
    private let deadline = Atomic(Int64.max)

    init(cancellation: MediaCancellation, timeoutSeconds: Double) {
        self.cancellation = cancellation
        self.timeoutSeconds = timeoutSeconds
    }

    /// From now on, the timeout counts.
    func start() {
        deadline.store(Self.now() + Int64(timeoutSeconds * 1_000_000), ordering: .relaxed)
    }

    var isDue: Bool {
        cancellation.isCancelled || Self.now() > deadline.load(ordering: .relaxed)
    }

    /// Why libav gave up; `nil` when it was for another reason.
    func error(source: String) -> MediaError? {
        if cancellation.isCancelled { return .cancelled(source: source) }
        return isDue ? .timedOut(source: source, seconds: timeoutSeconds) : nil
    }

    private static func now() -> Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
