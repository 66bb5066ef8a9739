internal import Glibc

/// A thread for code that blocks or computes for long, which must not hold up the cooperative pool.
public enum DedicatedThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a thread that runs `body` once.
    public static func start(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let retained = unsafe Unmanaged.passRetained(Body(body))
        let status = unsafe pthread_create(
            &thread, nil,
            { argument in
                unsafe Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, retained.toOpaque())
        precondition(status == 0, "the system has no thread left for us")
        pthread_detach(thread)
    }
}
