import Logging
import SecamMesh
import SecamProcess
import SecamRegistry
import SecamSharedMemory
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamCapture

/// A real camera that shares its pictures, with workers that misuse them.
@Suite struct SharingRoleTests {
    private let scratch: ScratchFolder
    private let folder: DataFolder
    private var share: String { scratch.file("share") }

    init() throws {
        scratch = try ScratchFolder()
        folder = DataFolder(scratch.path)
        try folder.make()
        for (role, name) in [(Role.capture, "porch"), (.encode, "worker"), (.encode, "second"), (.motion, "watcher")] {
            _ = try folder.ensureJoinFile(role, pattern: name, registry: "tcp://127.0.0.1:1")
        }
    }

    private func startCamera(_ registry: String) async throws -> (CameraService, MeshLoop) {
        let settings = Settings(
            commandLine: [
                "source": "test:64x64@20", "join": folder.joinFile(.capture, "porch"), "registry": registry,
                "share": share,
            ], environment: [:])
        let configuration = try CaptureConfiguration(settings)
        let identity = try Identity.read(configuration.join, registry: registry, role: .capture)
        let loop = MeshLoop(name: "test-camera")
        let camera: CameraService = try await withCheckedThrowingContinuation { continuation in
            loop.post {
                continuation.resume(
                    with: Result {
                        try CameraService.start(
                            configuration, identity: identity, name: try Name("porch"), loop: loop,
                            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
                    })
            }
        }
        return (camera, loop)
    }

    /// Returns what a worker has received of one type.
    private func received<Message: Sendable>(
        _ worker: TestMember, _ type: MessageType, _ decode: (Span<UInt8>, Envelope) -> Message?
    ) async -> [Message] {
        await worker.received.compactMap { message in
            message.withBytes { bytes -> Message? in
                guard let envelope = try? Envelope.readWhole(bytes, limit: WireLimits.meshMessage),
                    envelope.type == type
                else { return nil }
                return decode(bytes, envelope)
            }
        }
    }

    private func offers(_ worker: TestMember) async -> [Share] {
        await received(worker, .share) { try? Share.decode($0, $1) }
    }

    private func works(_ worker: TestMember) async -> [Work] {
        await received(worker, .work) { bytes, envelope in
            (try? Work.decode(bytes, envelope) as (Work, Range<Int>))?.0
        }
    }

    /// Lets a worker exchange its ticket for the memory. On a busy machine, a ticket may be too old by then.
    private func map(_ worker: TestMember) async throws -> MappedMemory {
        let (offer, memory) = try await eventually("a file for a ticket") { () -> (Share, MappedMemory)? in
            _ = await worker.send(Grant(jobs: 8), to: "porch")
            try await Task.sleep(for: .milliseconds(100))
            guard let offer = await offers(worker).last(where: { $0.memory != 0 }),
                let memory = try? MemoryVisit.map(offer, folder: share)
            else { return nil }
            return (offer, memory)
        }
        #expect(throws: SharingFailure.self, "the ticket is used up") { try MemoryVisit.map(offer, folder: share) }
        return memory
    }

    @Test func `a worker that keeps every slot and never answers leaves shared memory to the next one`() async throws {
        let registry = try await TestRegistry.start(folder)
        let (camera, loop) = try await startCamera(registry.endpoint)
        let watcher = try await TestMember.join(folder, .motion, "watcher", registry: registry.endpoint)
        let worker = try await TestMember.join(folder, .encode, "worker", registry: registry.endpoint)
        await watcher.keep(5, of: "porch")
        let open = OpenFlow(flow: 5, content: .jpeg, policy: .every, start: .live, credit: 100)
        #expect(try await waitUntil { await watcher.send(open, to: "porch") })

        let memory = try await map(worker)
        // It claims another memory file, and then its own one.
        for number in [memory.number &+ 1, memory.number] {
            let isRight = number == memory.number
            try await eventually("a picture, in memory: \(isRight)") {
                _ = await worker.send(Grant(jobs: 64, memory: number), to: "porch")
                try await Task.sleep(for: .milliseconds(50))
                return await works(worker).contains { ($0.memory == memory.number) == isRight }
            }
        }
        let pictures = await works(worker).filter { $0.memory == memory.number }
        #expect(pictures.allSatisfy { $0.length == 64 * 64 * 3 / 2 && Int($0.slot) < memory.shape.slots })
        // The worker never answers: the camera drops its pictures, and reuses their slots.
        let second = try await TestMember.join(folder, .encode, "second", registry: registry.endpoint)
        // On a busy machine, the camera may have lost the first worker meanwhile, and have made another file.
        let other = try await map(second)
        var answered: Set<UInt64> = []
        try await eventually("pictures for the second worker, in memory") {
            _ = await worker.send(Grant(jobs: 64, memory: memory.number), to: "porch")
            _ = await second.send(Grant(jobs: 64, memory: other.number), to: "porch")
            // A worker whose job was late gets no further one until it answers.
            for work in await works(second) where answered.insert(work.job).inserted {
                let failure = WorkResult(job: work.job, elapsed: 1, failure: "busy", renditions: [])
                _ = await second.send(MeshMessage(failure.encoded(payload: 0)), to: "porch")
            }
            try await Task.sleep(for: .milliseconds(100))
            return await works(second).contains { $0.memory == other.number && $0.generation > 8 }
        }

        for member in [watcher, worker, second] { await member.stop() }
        await camera.stop()
        await camera.waitUntilStopped()
        loop.stop()
        await registry.stop()
        #expect(scratch.names.contains("share") && !scratch.names.contains { $0.hasPrefix("camera-") })
    }
}
