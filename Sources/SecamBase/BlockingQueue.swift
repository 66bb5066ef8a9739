import Glibc

/// Hands values to threads that wait for them, in order; those that are pushed for different keys take turns.
///
/// It has no bound of its own: whoever adds is bounded by credit.
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
        // Waiting must not depend on the wall clock.
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
        /// Closed and empty: nothing will ever come.
        case closed
    }

    /// - Parameter key: what is pushed for one key stays in order, and makes nothing wait that is pushed for another one.
    package func push(_ element: Element, for key: String = "") {
        unsafe pthread_mutex_lock(mutex)
        // The queue has no limits, so that it takes every element.
        if !isClosed { _ = elements.append(element, key: key, lane: .ordinary) }
        unsafe pthread_cond_signal(condition)
        unsafe pthread_mutex_unlock(mutex)
    }

    /// Wakes all who wait; what is in the queue can still be taken.
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

    /// Waits for the next element.
    ///
    /// - Parameter microseconds: how long at most; `nil` for as long as it takes, 0 for not at all.
    package func pop(waiting microseconds: Int64? = nil) -> Popped {
        var deadline = timespec()
        if let microseconds {
            unsafe clock_gettime(CLOCK_MONOTONIC, &deadline)
            let nanoseconds = Int64(deadline.tv_nsec) + microseconds * 1000
            deadline.tv_sec += Int(nanoseconds / 1_000_000_000)
            deadline.tv_nsec = Int(nanoseconds % 1_000_000_000)
        }
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while elements.isEmpty {
            guard !isClosed else { return .closed }
            guard microseconds != nil else {
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
