package import SecamMesh

extension MeshLoop {
    /// Starts a loop, and returns what `make` makes on its thread.
    package static func start<Made: Sendable>(
        _ name: String, _ make: @escaping @Sendable (MeshLoop) throws -> Made
    ) async throws -> Made {
        let loop = MeshLoop(name: name)
        return try await withCheckedThrowingContinuation { continuation in
            loop.post { continuation.resume(with: Result { try make(loop) }) }
        }
    }
}
