package import SecamBase
package import SecamMesh
package import SecamWire
import Synchronization

/// Queries the status of a running system.
package enum RegistryQuery {
    package struct NoAnswer: ProgramError {
        let registry: String
        let timeout: Duration

        package var exitStatus: ExitStatus { .unavailable }
        package var description: String {
            "the registry at \(registry) did not answer within \(timeout.milliseconds) ms; is the gateway running "
                + "(secam up), and does --data name its folder?"
        }
    }

    /// - Throws: `NoAnswer` after the timeout; `CancellationError`; `MeshError`.
    package static func status(_ identity: Identity, timeout: Duration = .seconds(5)) async throws -> Status {
        let loop = MeshLoop(name: "query")
        defer { loop.stop() }
        let cancelled = Atomic<Bool>(false)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                loop.post {
                    do {
                        let query = try Query(identity, loop, timeout, continuation) {
                            cancelled.load(ordering: .relaxed)
                        }
                        query.start()
                    } catch {
                        continuation.resume(throwing: error)
                    }
                }
            }
        } onCancel: {
            cancelled.store(true, ordering: .relaxed)
        }
    }

    /// One query, which its loop's timer keeps alive.
    private final class Query {
        private let loop: MeshLoop
        private let socket: MeshSocket
        private let deadline: MonotonicTime
        private let failure: NoAnswer
        private let isCancelled: () -> Bool
        private var continuation: CheckedContinuation<Status, any Error>?
        private var timer: LoopTimer?
        private var lastAsked: MonotonicTime?
        /// A request is lost when its connection fails, so it is sent again after this time.
        private static let retryInterval: Duration = .seconds(1)
        /// Interval of the checks for retry, timeout and cancellation.
        private static let tick: Duration = .milliseconds(20)

        init(
            _ identity: Identity, _ loop: MeshLoop, _ timeout: Duration,
            _ continuation: CheckedContinuation<Status, any Error>, isCancelled: @escaping () -> Bool
        ) throws(MeshError) {
            self.isCancelled = isCancelled
            self.loop = loop
            self.continuation = continuation
            socket = try MeshSocket.connect(
                try MeshContext(), endpoint: identity.registry, serverKey: identity.registryKey, keys: identity.keys)
            deadline = .now + timeout
            failure = NoAnswer(registry: identity.registry, timeout: timeout)
        }

        func start() {
            loop.watch(socket) { [self] in receive() }
            let timer = loop.makeTimer { [self] in ask() }
            timer.schedule(every: Query.tick)
            self.timer = timer
            ask()
        }

        private func ask() {
            if lastAsked.map({ .now - $0 > Query.retryInterval }) ?? true,
                socket.send(StatusRequest()) == .sent
            {
                lastAsked = .now
            }
            if isCancelled() { finish(.failure(CancellationError())) }
            if MonotonicTime.now > deadline { finish(.failure(failure)) }
        }

        private func receive() {
            guard let received = socket.receive() else { return }
            finish(
                Result {
                    try received.message.withBytes { bytes in
                        try Status.decode(bytes, try Envelope.readWhole(bytes, limit: WireLimits.meshMessage))
                    }
                })
        }

        private func finish(_ result: Result<Status, any Error>) {
            timer?.cancel()
            loop.unwatch(socket)
            continuation?.resume(with: result)
            continuation = nil
        }
    }
}
