import Logging
import SecamBase
import SecamMesh
import SecamSharedMemory
import SecamTestSupport
import SecamWire
import Synchronization
import Testing

@testable import SecamCapture

/// A camera's shared memory, with an encoder that keeps what it has got.
@Suite struct PictureMemoryTests {
    private let scratch: ScratchFolder
    private let memory: PictureMemory
    private let reasons = Reasons()
    private let key: PublicKey
    private var folder: String { scratch.file("share") }

    init() throws {
        scratch = try ScratchFolder()
        key = try KeyPair().publicKey
        let reasons = reasons
        memory = try PictureMemory(
            folder: scratch.file("share"), logger: Logger(label: "test") { _ in Log(reasons: reasons) })
    }

    /// The reasons in the log's lines.
    private final class Reasons: Sendable {
        private let lines = Mutex<[String]>([])

        func append(_ reason: String) { lines.withLock { $0.append(reason) } }

        func contain(_ text: String) -> Bool { lines.withLock { $0.contains { $0.contains(text) } } }
    }

    private struct Log: LogHandler {
        let reasons: Reasons
        var logLevel = Logger.Level.info
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { reasons.append("\(event.metadata?["reason"] ?? "")") }
    }

    /// Lets an encoder connect and receive a memory file for a picture of 6000 bytes.
    private func receive(_ peer: PeerID, at now: MonotonicTime) async throws -> MappedMemory {
        let share = try await eventually("an offer") { () -> Share? in
            let share = memory.handleGrant(from: peer, key: key, mapped: 0, now: now)
            _ = memory.slot(length: 6000, now: now) { $0[0] = 1 }
            return share
        }
        return try MemoryVisit.map(share, folder: folder)
    }

    @Test func `an encoder that keeps released files ends sharing until it lets go, and takes no further memory`()
        async throws
    {
        var now = MonotonicTime.now
        var held: [MappedMemory] = []
        for number in 0..<PictureMemory.heldFiles {
            let peer = PeerID(number: UInt64(number))
            held.append(try await receive(peer, at: now))
            #expect(memory.handleGrant(from: peer, key: key, mapped: held[number].number, now: now) == nil)
            let slot = try #require(memory.slot(length: 6000, now: now) { $0[0] = 1 })
            #expect(slot.file.number == held[number].number)
            // The camera has no picture for a while, and the encoder connects again.
            now = now + .seconds(3600)
            let withdrawal = try #require(memory.tick(now: now, isConnected: { $0 == peer }))
            #expect(withdrawal.receivers == [peer] && withdrawal.message.memory == 0)
            #expect(memory.tick(now: now, isConnected: { _ in false }) == nil)
        }
        let peer = PeerID(number: 99)
        try await eventually("no further file is made") {
            now = now + .seconds(3600)
            #expect(memory.handleGrant(from: peer, key: key, mapped: 0, now: now) == nil)
            #expect(memory.slot(length: 6000, now: now) { $0[0] = 1 } == nil)
            return reasons.contain("encoders still hold 4 earlier memory files")
        }
        held.removeFirst()
        now = now + .seconds(3600)
        _ = try await receive(peer, at: now)
        memory.stop()
        await memory.waitUntilStopped()
    }
}
