import Logging
import SecamMesh
import SecamProcess
import SecamRegistry
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamCapture

/// A real camera in the mesh, with members that send invalid or forbidden messages.
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

    private func startCamera(
        _ registry: String, source: String = "test:64x64@20"
    ) async throws -> (CameraService, MeshLoop) {
        let settings = Settings(
            commandLine: [
                "source": source, "join": folder.joinFile(.capture, "porch"), "registry": registry,
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

    /// A worker returns wrong lengths or renditions that were not requested. The camera rejects them and continues.
    @Test func `a result that does not fit its picture is not published`() async throws {
        // A JPEG source, because the encoders make its luma maps.
        try await Programs.tool(
            [
                "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x64:rate=20:duration=2", "-c:v", "mjpeg",
                "film.mkv",
            ], in: scratch)
        let registry = try await TestRegistry.start(folder)
        let (camera, loop) = try await startCamera(registry.endpoint, source: "file:\(scratch.file("film.mkv"))")
        let worker = try await TestMember.join(folder, .encode, "worker", registry: registry.endpoint)
        let watcher = try await TestMember.join(folder, .motion, "watcher", registry: registry.endpoint)
        let open = OpenFlow(flow: 5, content: .luma, policy: .every, start: .live, credit: 100)
        await watcher.keep(5, of: "porch")
        #expect(try await waitUntil { await watcher.send(open, to: "porch") })

        func made(_ rendition: Rendition, _ format: PixelFormat, _ side: UInt16, _ length: UInt32) -> EncodedRendition {
            EncodedRendition(rendition: rendition, format: format, width: side, height: side, length: length)
        }
        let bad: [[EncodedRendition]] = [
            [made(.luma, .gray8, 64, 4095)], [made(.luma, .gray8, 64, 4097)], [made(.luma, .gray8, 64, .max)],
            [made(.luma, .gray8, 65, 4096)], [made(.luma, .jpeg, 64, 4096)], [made(.jpeg, .jpeg, 64, 4096)],
            [made(.luma, .gray8, 64, 4096), made(.luma, .gray8, 64, 0)], [made(.luma, .gray8, 32, 4096)],
        ]
        // The camera drops a job whose result is late, and ignores the result. Therefore the worker answers every job
        // until a result was checked. It repeats the grant, because an invalid result revokes it.
        var answered: Set<UInt64> = []
        func answer(
            _ renditions: [EncodedRendition], until isSeen: () async throws -> Bool
        ) async throws -> Set<UInt64> {
            let before = answered
            try await eventually("a result was checked") {
                _ = await worker.send(Grant(jobs: 1), to: "porch")
                for job in await jobs(worker) where answered.insert(job).inserted {
                    let result = WorkResult(job: job, elapsed: 1, renditions: renditions)
                    let payload = [UInt8](repeating: 7, count: 4096)
                    let message = MeshMessage(result.encoded(payload: 4096), payload: payload[...])
                    #expect(try await waitUntil { await worker.send(message, to: "porch") })
                }
                return try await isSeen()
            }
            return answered.subtracting(before)
        }
        for renditions in bad {
            let before = await registry.figure(.messagesRefused, of: "porch") ?? 0
            _ = try await answer(renditions) { await registry.figure(.messagesRefused, of: "porch") ?? 0 > before }
        }
        let good = try await answer([made(.luma, .gray8, 64, 4096)]) { await !frames(watcher).isEmpty }
        let published = await frames(watcher).count
        #expect((1...good.count).contains(published), "\(published) of \(good.count)")

        await worker.stop()
        await watcher.stop()
        await camera.stop()
        await camera.waitUntilStopped()
        loop.stop()
        await registry.stop()
    }

    /// Returns a picture of which some renditions are demanded.
    private func picture(_ width: UInt16, _ height: UInt16, _ requested: RenditionSet) -> CapturedPicture {
        CapturedPicture(
            sequence: 1, timestamp: 0, width: width, height: height, subWidth: 64, jpeg: nil, luma: nil, work: nil,
            job: 1, requested: requested)
    }

    /// Returns whether a result with one JPEG fits.
    private func fits(
        _ rendition: Rendition, _ width: UInt16, _ height: UInt16, _ jpeg: [UInt8], _ picture: CapturedPicture
    ) -> Bool {
        mismatch(rendition, width, height, jpeg, picture) == nil
    }

    private func mismatch(
        _ rendition: Rendition, _ width: UInt16, _ height: UInt16, _ jpeg: [UInt8], _ picture: CapturedPicture
    ) -> String? {
        let made = EncodedRendition(
            rendition: rendition, format: .jpeg, width: width, height: height, length: UInt32(jpeg.count))
        return WorkResult(job: 1, elapsed: 1, renditions: [made]).mismatch(with: picture, payload: jpeg.span)
    }

    @Test func `the reason why a result does not fit is told`() {
        let picture = picture(320, 240, .jpeg)
        let wrong = jpegBeginning(width: 16, height: 16, count: 100)
        #expect(
            mismatch(.jpeg, 320, 240, wrong, picture)
                == "a jpeg of 320x240 and 100 bytes for a picture of 320x240: the JPEG's frame header (SOF) says 16x16")
        #expect(mismatch(.jpeg, 320, 240, [7], picture)?.hasSuffix("the JPEG has no frame header (SOF)") == true)
        #expect(mismatch(.jpeg, 312, 240, wrong, picture)?.hasSuffix("expected 320x240") == true)
    }

    @Test func `a JPEG that no consumer would receive does not fit`() {
        let picture = picture(8192, 8192, .jpeg)
        let limit = CameraService.frameLimit
        #expect(fits(.jpeg, 8192, 8192, jpegBeginning(width: 8192, height: 8192, count: limit), picture))
        #expect(!fits(.jpeg, 8192, 8192, jpegBeginning(width: 8192, height: 8192, count: limit + 1), picture))
    }

    @Test func `a result larger than its picture can be does not fit`() {
        let picture = picture(20, 16, .jpeg)
        let most = 32 * 16 * 3 + 4096
        #expect(fits(.jpeg, 20, 16, jpegBeginning(width: 20, height: 16, count: 100), picture))
        #expect(fits(.jpeg, 20, 16, jpegBeginning(width: 20, height: 16, count: most), picture))
        #expect(!fits(.jpeg, 20, 16, jpegBeginning(width: 20, height: 16, count: most + 1), picture))
        #expect(!fits(.jpeg, 20, 16, jpegBeginning(width: 20, height: 16, count: 60 << 20), picture))
    }

    @Test func `a result of another size than its picture's does not fit`() {
        let full = picture(321, 241, .jpeg)
        for (width, height): (UInt16, UInt16) in [(320, 241), (322, 241), (321, 240), (321, 242), (241, 321)] {
            #expect(!fits(.jpeg, width, height, jpegBeginning(width: width, height: height, count: 100), full))
        }
        let small = picture(321, 241, .sub)
        #expect(fits(.sub, 41, 31, jpegBeginning(width: 41, height: 31, count: 100), small), "an eighth, rounded up")
        #expect(!fits(.sub, 40, 30, jpegBeginning(width: 40, height: 30, count: 100), small))
        #expect(!fits(.sub, 81, 61, jpegBeginning(width: 81, height: 61, count: 100), small))
    }

    @Test func `a JPEG with another size in its header does not fit`() {
        let picture = picture(320, 240, .jpeg)
        #expect(fits(.jpeg, 320, 240, jpegBeginning(width: 320, height: 240, count: 100), picture))
        #expect(!fits(.jpeg, 320, 240, jpegBeginning(width: 312, height: 240, count: 100), picture))
        #expect(!fits(.jpeg, 320, 240, [UInt8](repeating: 7, count: 100), picture))
        #expect(!fits(.jpeg, 320, 240, [], picture))
    }

    /// Returns the numbers of the worker's jobs, in order, without duplicates.
    private func jobs(_ worker: TestMember) async -> [UInt64] {
        var numbers: [UInt64] = []
        for message in await worker.received {
            let work = message.withBytes { bytes -> Work? in
                guard let envelope = try? Envelope.readWhole(bytes, limit: WireLimits.meshMessage) else { return nil }
                return (try? Work.decode(bytes, envelope) as (Work, Range<Int>))?.0
            }
            if let job = work?.job, !numbers.contains(job) { numbers.append(job) }
        }
        return numbers
    }

    private func frames(_ member: TestMember) async -> [Frame] {
        await member.received.compactMap { message in
            message.withBytes { bytes -> Frame? in
                guard let envelope = try? Envelope.readWhole(bytes, limit: WireLimits.meshMessage) else { return nil }
                return (try? Frame.decode(bytes, envelope) as (Frame, Range<Int>))?.0
            }
        }
    }

    @Test func `messages that a role may not send are rejected`() async throws {
        let registry = try await TestRegistry.start(folder)
        let (camera, loop) = try await startCamera(registry.endpoint)
        let worker = try await TestMember.join(folder, .encode, "worker", registry: registry.endpoint)
        let watcher = try await TestMember.join(folder, .motion, "watcher", registry: registry.endpoint)
        let open = OpenFlow(flow: 5, content: .luma, policy: .latest, start: .live, credit: 4)

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

        // A permitted flow still opens after the rejected messages.
        await watcher.keep(5, of: "porch")
        #expect(try await waitUntil { await watcher.send(open, to: "porch") })
        #expect(try await waitUntil { await registry.figure(.flowsOpen, of: "porch") == 1 })

        await worker.stop()
        await watcher.stop()
        await camera.stop()
        await camera.waitUntilStopped()
        loop.stop()
        await registry.stop()
    }

    /// Detections of motion services are logged; those of others, or without a flow, are rejected.
    @Test func `only motion services report events, and only for their own flows`() async throws {
        let registry = try await TestRegistry.start(folder, policies: TestPolicies(isWatched: true))
        let (camera, loop) = try await startCamera(registry.endpoint)
        let worker = try await TestMember.join(folder, .encode, "worker", registry: registry.endpoint)
        let watcher = try await TestMember.join(folder, .motion, "watcher", registry: registry.endpoint)
        func detection(_ state: EventState, flow: UInt32 = 5) -> Detection {
            Detection(
                flow: flow,
                event: CameraEvent(
                    kind: .motion, state: state, id: 7, start: 1, last: 2, peakTime: 1, peakSequence: 1, peakBox: .none,
                    boxes: []))
        }
        let log = OpenFlow(flow: 6, content: .events, policy: .every, start: .time(.min), credit: 100)
        await watcher.keep(6, of: "porch")
        #expect(try await waitUntil { await watcher.send(log, to: "porch") })
        let spool = OpenFlow(flow: 8, content: .spooled, policy: .every, start: .acknowledged, credit: 100)
        #expect(await watcher.send(spool, to: "porch"))
        let refused = CloseFlow(flow: 8, reason: .forbidden, detail: "not for motion").encoded()
        #expect(
            try await waitUntil {
                await watcher.received.contains { $0.withBytes { bytes in [UInt8](copying: bytes) } == refused }
            })
        // Without a motion service, the camera logs an unwatched event after three seconds.
        #expect(try await waitUntil { await events(watcher).map(\.event.kind) == [.unwatched] })

        #expect(try await waitUntil { await worker.send(detection(.start), to: "porch") })
        #expect(await watcher.send(detection(.start), to: "porch"), "before it has a flow of maps")
        #expect(try await waitUntil { await registry.figure(.messagesRefused, of: "porch") == 2 })
        let open = OpenFlow(flow: 5, content: .luma, policy: .latest, start: .live, credit: 100)
        // Sent together, because a flow without a keep-alive ends after three seconds, and with it the event.
        let messages = [
            open.encoded(), detection(.start).encoded(), detection(.update, flow: 9).encoded(),
            detection(.update).encoded(), CloseFlow(flow: 5, reason: .done).encoded(), detection(.update).encoded(),
        ]
        #expect(await watcher.send(all: messages, to: "porch"))
        #expect(try await waitUntil { await registry.figure(.messagesRefused, of: "porch") == 4 })
        #expect(
            try await waitUntil {
                await events(watcher).filter { $0.event.kind == .motion }.map(\.event.state) == [.start, .update, .end]
            }, "the camera ends the event of the closed flow")
        let numbers = await events(watcher).map(\.sequence)
        #expect(numbers == Array(1..<UInt64(numbers.count + 1)))

        await worker.stop()
        await watcher.stop()
        await camera.stop()
        await camera.waitUntilStopped()
        loop.stop()
        await registry.stop()
    }

    /// Returns the received events, in order, without duplicates.
    private func events(_ member: TestMember) async -> [Event] {
        let all = await member.received.compactMap { message in
            message.withBytes { bytes -> Event? in
                guard let envelope = try? Envelope.readWhole(bytes, limit: WireLimits.meshMessage) else { return nil }
                return try? Event.decode(bytes, envelope)
            }
        }
        return Dictionary(all.map { ($0.sequence, $0) }) { first, _ in first }.values.sorted {
            $0.sequence < $1.sequence
        }
    }
}
