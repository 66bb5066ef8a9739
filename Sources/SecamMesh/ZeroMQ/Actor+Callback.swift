// One overload for each number of arguments, because a parameter pack loses the closure's isolation.

extension Actor {
    /// Returns a callback that runs `body` on this actor, for timers, watched sockets and other callers on the actor's
    /// own loop.
    ///
    /// The callback does not keep the actor alive, so it must not be called after the actor has ended. A call from
    /// another thread is a programming error and ends the process.
    package nonisolated func callback<Result: Sendable>(
        _ body: @escaping @Sendable (isolated Self) -> Result
    ) -> () -> Result {
        { [unowned self] in assumeIsolated(body) }
    }

    /// Returns a callback with one argument.
    package nonisolated func callback<Argument: Sendable, Result: Sendable>(
        _ body: @escaping @Sendable (isolated Self, Argument) -> Result
    ) -> (Argument) -> Result {
        { [unowned self] argument in assumeIsolated { body($0, argument) } }
    }

    /// Returns a callback with two arguments.
    package nonisolated func callback<First: Sendable, Second: Sendable, Result: Sendable>(
        _ body: @escaping @Sendable (isolated Self, First, Second) -> Result
    ) -> (First, Second) -> Result {
        { [unowned self] first, second in assumeIsolated { body($0, first, second) } }
    }

    /// Returns a callback with three arguments.
    package nonisolated func callback<First: Sendable, Second: Sendable, Third: Sendable, Result: Sendable>(
        _ body: @escaping @Sendable (isolated Self, First, Second, Third) -> Result
    ) -> (First, Second, Third) -> Result {
        { [unowned self] first, second, third in assumeIsolated { body($0, first, second, third) } }
    }
}
