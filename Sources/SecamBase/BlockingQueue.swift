import Glibc

/// A thread-safe queue of values for waiting threads. Values of one key stay in order; keys take turns.
///
/// The queue has no limit: credit bounds the producers.
@safe package final class BlockingQueue<Element: Sendable>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    // Guarded by the mutex.
    private var elements = FairQueue<String, Element>()
    private var isClosed = false

    package init() {
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        // Changes of the wall clock must not affect a timeout.
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    package enum Popped {
        case element(Element)
        case timedOut
        /// Closed and empty.
        case closed
    }

    /// Adds an element. Elements of one key stay in order, and do not delay those of another key.
    ///
    /// - Parameter cost: the number of turns that the element costs its key.
    package func push(_ element: Element, for key: String = "", cost: Int = 1) {
        unsafe pthread_mutex_lock(mutex)
        // The queue has no limits, so it accepts every element.
        if !isClosed { _ = elements.append(element, key: key, lane: .ordinary, cost: cost) }
        unsafe pthread_cond_signal(condition)
        unsafe pthread_mutex_unlock(mutex)
    }

    /// Closes the queue and wakes all waiting threads. Queued elements can still be popped.
    package func close() {
        unsafe pthread_mutex_lock(mutex)
        isClosed = true
        unsafe pthread_cond_broadcast(condition)
        unsafe pthread_mutex_unlock(mutex)
    }

    package var count: Int {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return elements.count
    }

    /// Waits for the next element and removes it.
    ///
    /// - Parameter timeout: the longest wait; `nil` for no limit.
    package func pop(timeout: Duration? = nil) -> Popped {
        var deadline = timespec()
        if let timeout {
            unsafe clock_gettime(CLOCK_MONOTONIC, &deadline)
            let nanoseconds = Int64(deadline.tv_nsec) + timeout.microseconds * 1000
            deadline.tv_sec += Int(nanoseconds / 1_000_000_000)
            deadline.tv_nsec = Int(nanoseconds % 1_000_000_000)
        }
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while elements.isEmpty {
            guard !isClosed else { return .closed }
            guard timeout != nil else {
                unsafe pthread_cond_wait(condition, mutex)
                continue
            }
            guard unsafe pthread_cond_timedwait(condition, mutex, &deadline) == 0 else {
                return elements.popFirst().map(Popped.element) ?? .timedOut
            }
        }
        return elements.popFirst().map(Popped.element) ?? .timedOut
    }
}
