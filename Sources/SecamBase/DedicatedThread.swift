import Glibc

/// A thread for code that blocks or computes for long, which must not hold up the cooperative pool.
package enum DedicatedThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a thread that runs `body` once.
    package static func start(_ body: @escaping @Sendable () -> Void) {
        precondition(startIfPossible(body), "the system has no thread left for us")
    }

    /// Starts a thread that runs `body` once, for work that the process can do without.
    ///
    /// - Returns: false when the system has no thread left.
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
