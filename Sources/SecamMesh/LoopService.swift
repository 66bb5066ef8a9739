public import ServiceLifecycle

/// A service whose work happens on a `MeshLoop` of its own.
public struct LoopService: Service {
    public typealias Stop = @Sendable () async -> Void
    private let name: String
    private let start: @Sendable (MeshLoop) throws -> Stop

    /// - Parameters:
    ///   - name: of the thread.
    ///   - start: makes everything, on the loop's thread, and returns how to end it.
    public init(name: String, start: @escaping @Sendable (MeshLoop) throws -> Stop) {
        self.name = name
        self.start = start
    }

    public func run() async throws {
        let loop = MeshLoop(name: name)
        defer { loop.stop() }
        let start = start
        let stop = try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Stop, any Error>) in
            loop.post { continuation.resume(with: Result { try start(loop) }) }
        }
        // Returns at a shutdown; being cancelled means the same here.
        try? await gracefulShutdown()
        await stop()
    }
}
