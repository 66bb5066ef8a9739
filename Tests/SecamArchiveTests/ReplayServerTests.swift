import Logging
import SecamJPEG
import SecamMesh
import SecamRecording
import SecamTestSupport
import SecamWire
import Synchronization
import Testing

@testable import SecamArchive

@Suite struct ReplayServerTests {
    private static let frames: UInt64 = 24
    private static let noon: Int64 = 1_767_268_800_000_000

    /// The numbers of the frames received on each flow, and the flows that ended.
    private final class Frames: Sendable {
        private let numbers = Mutex<[UInt32: [UInt64]]>([:])
        private let closed = Mutex<Set<UInt32>>([])

        func add(_ message: MeshMessage) {
            message.withBytes { bytes in
                guard let envelope = try? Envelope.readWhole(bytes, limit: WireLimits.meshMessage) else { return }
                if let frame = try? Frame.decode(bytes, envelope).message {
                    numbers.withLock { $0[frame.flow, default: []].append(frame.sequence) }
                } else if let close = try? CloseFlow.decode(bytes, envelope) {
                    _ = closed.withLock { $0.insert(close.flow) }
                }
            }
        }

        func hasEnded(_ flow: UInt32) -> Bool { closed.withLock { $0.contains(flow) } }

        subscript(flow: UInt32) -> [UInt64] { numbers.withLock { $0[flow] ?? [] } }
    }

    /// Returns a small picture, padded with comments to about the given size.
    private func picture(bytes: Int) throws -> [UInt8] {
        let pixels = [UInt8](repeating: 99, count: 64 * 48 * 3 / 2)
        var encoder = try JPEGEncoder()
        let jpeg = try encoder.encode(pixels.span, format: .i420, width: 64, height: 48, quality: 80) {
            [UInt8](copying: $0)
        }
        var comments: [UInt8] = []
        while jpeg.count + comments.count < bytes {
            let count = min(60_000, max(2, bytes - jpeg.count - comments.count))
            comments += [0xff, 0xfe, UInt8(count >> 8), UInt8(count & 255)] + [UInt8](repeating: 1, count: count - 2)
        }
        return jpeg.prefix(2) + comments + jpeg.dropFirst(2)
    }

    /// Records frames of a given size.
    private func record(_ camera: Name, bytes: Int, _ index: RecordingIndex) throws {
        let store = try RecordingStore(
            index, writer: "test", limits: StorageQuota(maximumBytes: nil, minimumFreeBytes: 0),
            logger: Logger(label: "test"))
        let recorder = try CameraRecorder(store, camera: camera)
        let jpeg = try picture(bytes: bytes)
        for sequence in 1...Self.frames {
            let frame = Frame(
                flow: 1, rendition: .jpeg, format: .jpeg, incarnation: 9, sequence: sequence,
                timestamp: Self.noon + Int64(sequence) * 100_000, width: 64, height: 48)
            let isTaken = try unsafe recorder.append(frame, jpeg.span.bytes)
            #expect(isTaken)
        }
        try recorder.cut()
    }

    private func replay(
        _ flow: UInt32, _ camera: Name, credit: UInt32 = 16, _ index: RecordingIndex
    ) -> ReplayRequest {
        .replay(
            Replay(
                flow: flow, credit: credit, interval: 0, content: .frames, from: Self.noon, to: Self.noon + 60_000_000,
                volume: index.volume, camera: camera))
    }

    @Test func `a replay of large frames keeps few of them in flight and delivers all`() async throws {
        let scratch = try ScratchFolder()
        let index = try RecordingIndex(RecordingFolder(scratch.path))
        let (large, huge, small) = (try Name("large"), try Name("huge"), try Name("small"))
        try record(large, bytes: 1 << 20, index)
        try record(huge, bytes: 6 << 20, index)
        try record(small, bytes: 1000, index)
        let frames = Frames()
        let server = ReplayServer(index) { message, _ in frames.add(message) }
        defer { server.stop() }
        let peer = PeerID(number: 1)
        server.handle(replay(1, large, index), from: peer)
        server.handle(replay(2, huge, index), from: peer)
        server.handle(replay(3, small, index), from: peer)
        try await eventually("the credit of small frames is used") { frames[3].count == 16 }
        try await eventually("large frames are sent") { !frames[1].isEmpty && !frames[2].isEmpty }
        #expect(frames[1].count <= 4, "4 MiB")
        #expect(frames[2].count == 1)
        for flow: UInt32 in 1...3 {
            try await eventually("all of flow \(flow)") {
                let came = frames[flow].count
                server.handle(.credit(Credit(flow: flow, frames: 1)), from: peer)
                try await Task.sleep(for: .milliseconds(5))
                return came == Int(Self.frames)
            }
            #expect(frames[flow] == Array(1...Self.frames))
        }
    }

    @Test func `a replay ends without further credit`() async throws {
        let scratch = try ScratchFolder()
        let index = try RecordingIndex(RecordingFolder(scratch.path))
        let camera = try Name("small")
        try record(camera, bytes: 1000, index)
        let frames = Frames()
        let server = ReplayServer(index) { message, _ in frames.add(message) }
        defer { server.stop() }
        server.handle(replay(1, camera, credit: UInt32(Self.frames), index), from: PeerID(number: 1))
        server.handle(replay(2, camera, credit: UInt32(Self.frames) - 1, index), from: PeerID(number: 1))
        try await eventually("the first replay ends") { frames.hasEnded(1) }
        #expect(frames[1].count == Int(Self.frames))
        try await eventually("the second replay's credit is used") { frames[2].count == Int(Self.frames) - 1 }
        #expect(!frames.hasEnded(2))
        server.handle(.credit(Credit(flow: 2, frames: 1)), from: PeerID(number: 1))
        try await eventually("the second replay ends") { frames.hasEnded(2) }
        #expect(frames[2].count == Int(Self.frames))
    }

    /// Sends another request with each answer, so that requests always wait.
    private final class EndlessRequests: Sendable {
        static let peer = PeerID(number: 2)
        private let server = Mutex<ReplayServer?>(nil)

        func start(_ count: Int, on server: ReplayServer) {
            self.server.withLock { $0 = server }
            for _ in 0..<count { request() }
        }

        func request() {
            // Credit for a replay that does not exist is answered with CLOSE.
            server.withLock { $0 }?.handle(.credit(Credit(flow: 1, frames: 1)), from: Self.peer)
        }

        func stop() { server.withLock { $0 = nil } }
    }

    @Test func `a replay continues while requests always wait`() async throws {
        let scratch = try ScratchFolder()
        let index = try RecordingIndex(RecordingFolder(scratch.path))
        let camera = try Name("small")
        try record(camera, bytes: 1000, index)
        let frames = Frames()
        let requests = EndlessRequests()
        let server = ReplayServer(index) { message, peer in
            frames.add(message)
            if peer == EndlessRequests.peer { requests.request() }
        }
        defer { server.stop() }
        defer { requests.stop() }
        requests.start(8, on: server)
        server.handle(replay(3, camera, index), from: PeerID(number: 1))
        try await eventually("the replay's credit is used") { frames[3].count == 16 }
    }
}
