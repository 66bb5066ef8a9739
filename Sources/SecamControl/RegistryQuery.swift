package import SecamBase
package import SecamMesh
package import SecamWire
import Synchronization

/// Asks a running registry how everything is.
package enum RegistryQuery {
    /// Nobody answered.
    package struct NoAnswer: ProgramError {
        let registry: String
        let milliseconds: Int

        package var exitStatus: ExitStatus { .unavailable }
        package var description: String {
            "the registry at \(registry) has not answered within \(milliseconds) ms; is the gateway running "
                + "(secam up), and is this the folder of its keys?"
        }
    }

    package static func status(_ identity: Identity, milliseconds: Int = 5000) async throws -> Status {
        let loop = MeshLoop(name: "query")
        defer { loop.stop() }
        let cancelled = Atomic<Bool>(false)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                loop.post {
                    do {
                        let query = try Query(identity, loop, milliseconds, continuation) {
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

    /// One question; it lives as long as its loop holds its timers.
    private final class Query {
        private let loop: MeshLoop
        private let socket: MeshSocket
        private let deadline: MonotonicTime
        private let failure: NoAnswer
        private let isCancelled: () -> Bool
        private var continuation: CheckedContinuation<Status, any Error>?
        private var timer: LoopTimer?
        private var lastAsked: MonotonicTime?
        /// Microseconds after which it is asked again: a question can be lost with a connection that fails in between.
        private static let patience: Int64 = 1_000_000

        init(
            _ identity: Identity, _ loop: MeshLoop, _ milliseconds: Int,
            _ continuation: CheckedContinuation<Status, any Error>, isCancelled: @escaping () -> Bool
        ) throws(MeshError) {
            self.isCancelled = isCancelled
            self.loop = loop
            self.continuation = continuation
            socket = try MeshSocket.connect(
                try MeshContext(), endpoint: identity.registry, serverKey: identity.registryKey, keys: identity.keys)
            deadline = MonotonicTime.now.advanced(byMicroseconds: Int64(milliseconds) * 1000)
            failure = NoAnswer(registry: identity.registry, milliseconds: milliseconds)
        }

        func start() {
            loop.watch(socket) { [self] in receive() }
            let timer = loop.makeTimer { [self] in ask() }
            timer.schedule(everyMicroseconds: 20_000)
            self.timer = timer
            ask()
        }

        private func ask() {
            if lastAsked.map({ MonotonicTime.now.since($0) > Query.patience }) ?? true,
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
