import Glibc

/// A thread for code that blocks or computes for a long time, which must not occupy the cooperative pool.
package enum DedicatedThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a thread that runs `body` once.
    package static func start(_ body: @escaping @Sendable () -> Void) {
        precondition(startIfPossible(body), "the system cannot create another thread")
    }

    /// Starts a thread that runs `body` once, for optional work.
    ///
    /// - Returns: false when the system cannot create another thread.
    package static func startIfPossible(_ body: @escaping @Sendable () -> Void) -> Bool {
        var thread = pthread_t()
        let retained = unsafe Unmanaged.passRetained(Body(body))
        let status = unsafe pthread_create(
            &thread, nil,
            { argument in
                unsafe Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, retained.toOpaque())
        guard status == 0 else {
            unsafe retained.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}
