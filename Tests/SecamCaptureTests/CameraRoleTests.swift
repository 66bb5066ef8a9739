import Logging
import SecamConfig
import SecamMesh
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamCapture

/// A real camera in the mesh, and members that are not what they say.
@Suite struct CameraRoleTests {
    private let scratch: ScratchFolder
    private let folder: DataFolder

    init() throws {
        scratch = try ScratchFolder()
        folder = DataFolder(scratch.path)
        try folder.make()
        for (role, name) in [(Role.capture, "porch"), (.encode, "worker"), (.motion, "watcher")] {
            _ = try folder.ensureJoinFile(role, pattern: name, registry: "tcp://127.0.0.1:1")
        }
    }

    private func startCamera(_ registry: String) async throws -> (CameraService, MeshLoop) {
        let settings = Settings(
            commandLine: [
                "source": "test:64x64@20", "join": folder.joinFile(.capture, "porch"), "registry": registry,
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

    @Test func eachRoleIsHeldToWhatItMaySend() async throws {
        let registry = try await TestRegistry.start(folder)
        let (camera, loop) = try await startCamera(registry.endpoint)
        let worker = try await TestMember.join(folder, .encode, "worker", registry: registry.endpoint)
        let watcher = try await TestMember.join(folder, .motion, "watcher", registry: registry.endpoint)
        let open = OpenFlow(flow: 5, rendition: .luma, policy: .latest, start: .live, credit: 4)

        #expect(try await waitUntil { await worker.send(open, to: "porch") })
        let answer = CloseFlow(flow: 5, reason: .forbidden, detail: "not for encode").encoded()
        #expect(
            try await waitUntil {
                await worker.received.contains { $0.withBytes { [UInt8](copying: $0) } == answer }
            })

        let bad: [MeshMessage] = [
            MeshMessage(Grant(jobs: 3)), MeshMessage(Leave()), MeshMessage([]), MeshMessage([1, 2, 3]),
            MeshMessage([UInt8](repeating: 0xff, count: 100)), MeshMessage(open.encoded().dropLast()),
        ]
        for message in bad { #expect(try await waitUntil { await watcher.send(message, to: "porch") }) }
        #expect(try await waitUntil { await registry.figure(.messagesRefused, of: "porch") == UInt64(bad.count + 1) })
        #expect(await registry.figure(.creditFromWorkers, of: "porch") == 0)

        // Who may have a flow has it, whatever others said.
        #expect(try await waitUntil { await watcher.send(open, to: "porch") })
        #expect(try await waitUntil { await registry.figure(.flowsOpen, of: "porch") == 1 })

        await worker.stop()
        await watcher.stop()
        await camera.stop()
        await camera.waitUntilStopped()
        loop.stop()
        await registry.stop()
    }
}
