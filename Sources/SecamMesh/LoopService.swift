import SecamProcess
import ServiceLifecycle

/// A service whose work happens on a `MeshLoop` of its own.
package struct LoopService: Service {
    package typealias Stop = @Sendable () async -> Void
    /// For a service that cannot go on as it is: it is stopped, and the process ends with this error.
    package typealias Fail = @Sendable (any Error) -> Void
    private let name: String
    private let start: @Sendable (MeshLoop, @escaping Fail) throws -> Stop

    /// - Parameters:
    ///   - name: of the thread.
    ///   - start: makes everything, on the loop's thread, and returns how to end it.
    package init(name: String, start: @escaping @Sendable (MeshLoop, @escaping Fail) throws -> Stop) {
        self.name = name
        self.start = start
    }

    package func run() async throws {
        let loop = MeshLoop(name: name)
        let watch = LoopWatchdog.process.watch(name) { loop.post($0) }
        defer {
            watch.end()
            loop.stop()
        }
        let start = start
        let failures = AsyncStream<any Error>.makeStream()
        let fail: Fail = { failures.continuation.yield($0) }
        let stop = try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Stop, any Error>) in
            loop.post { continuation.resume(with: Result { try start(loop, fail) }) }
        }
        // Ends at a shutdown; being cancelled means the same here.
        var failure: (any Error)?
        for await error in failures.stream.cancelOnGracefulShutdown() {
            failure = error
            break
        }
        await stop()
        if let failure { throw failure }
    }
}
