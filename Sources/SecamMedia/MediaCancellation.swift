import CAVFormat
import SecamBase
import Synchronization

/// A handle that cancels the blocking calls of a ``MediaReader`` from any thread.
package final class MediaCancellation: Sendable {
    private let flag = Atomic(false)

    package init() {}

    /// Makes the reader's current call, and every later one, throw ``MediaError/cancelled(source:)``.
    package func cancel() {
        flag.store(true, ordering: .releasing)
    }

    var isCancelled: Bool {
        flag.load(ordering: .acquiring)
    }
}

/// The condition that libav polls while it waits: a timeout, or a cancellation.
final class MediaInterrupt: Sendable {
    private let cancellation: MediaCancellation
    let timeout: Duration
    /// Microseconds of the monotonic clock.
    private let deadline = Atomic(Int64.max)

    init(cancellation: MediaCancellation, timeout: Duration) {
        self.cancellation = cancellation
        self.timeout = timeout
    }

    /// The callback for libav, which does not retain this object.
    var callback: AVIOInterruptCB {
        unsafe AVIOInterruptCB(
            callback: { opaque in
                guard let opaque = unsafe opaque else { return 0 }
                return unsafe Unmanaged<MediaInterrupt>.fromOpaque(opaque).takeUnretainedValue().isDue ? 1 : 0
            },
            opaque: Unmanaged.passUnretained(self).toOpaque())
    }

    /// Starts the timeout.
    func start() {
        deadline.store((MonotonicTime.now + timeout).microseconds, ordering: .relaxed)
    }

    var isDue: Bool {
        cancellation.isCancelled || MonotonicTime.now.microseconds > deadline.load(ordering: .relaxed)
    }

    /// Returns the reason why libav was interrupted; `nil` if it was not.
    func error(source: String) -> MediaError? {
        if cancellation.isCancelled { return .cancelled(source: source) }
        return isDue ? .timedOut(source: source, after: timeout) : nil
    }
}
