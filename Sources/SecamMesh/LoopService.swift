import SecamProcess
import ServiceLifecycle

/// A service that runs on its own `MeshLoop`.
package struct LoopService: Service {
    package typealias Stop = @Sendable () async -> Void
    /// Reports a fatal error: the service is stopped, and the process ends with this error.
    package typealias Fail = @Sendable (any Error) -> Void
    private let name: String
    private let start: @Sendable (MeshLoop, @escaping Fail) throws -> Stop

    /// - Parameters:
    ///   - name: name of the loop's thread.
    ///   - start: starts the service on the loop's thread and returns the function that stops it.
    package init(name: String, start: @escaping @Sendable (MeshLoop, @escaping Fail) throws -> Stop) {
        self.name = name
        self.start = start
    }

    package func run() async throws {
        let loop = MeshLoop(name: name)
        let watch = LoopWatchdog.shared.watch(name) { loop.post($0) }
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
        // The stream ends on graceful shutdown and on cancellation.
        var failure: (any Error)?
        for await error in failures.stream.cancelOnGracefulShutdown() {
            failure = error
            break
        }
        await stop()
        if let failure { throw failure }
    }
}
