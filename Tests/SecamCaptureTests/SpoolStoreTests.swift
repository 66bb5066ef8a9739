import Foundation
import SecamMesh
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamCapture

@Suite struct SpoolStoreTests {
    private let scratch: ScratchFolder
    private let key: SpoolKey

    init() throws {
        scratch = try ScratchFolder()
        key = SpoolKey(try KeyPair())
    }

    private func store(limit: Int = 1 << 20, key other: SpoolKey? = nil) -> SpoolStore {
        SpoolStore(in: scratch.path, key: other ?? key, limit: limit)
    }

    /// Returns a FRAME message with a payload of `bytes` bytes.
    private func message(_ sequence: UInt64, bytes: Int = 100, incarnation: UInt64 = 9) -> [UInt8] {
        let frame = Frame(
            flow: 0, rendition: .jpeg, format: .jpeg, incarnation: incarnation, sequence: sequence,
            timestamp: Int64(sequence) * 100_000, width: 64, height: 48)
        return frame.encoded(payload: bytes) + [UInt8](repeating: UInt8(truncatingIfNeeded: sequence), count: bytes)
    }

    private func read(_ store: SpoolStore, complaints: (SpoolFailure) -> Void = { _ in }) -> [UInt64] {
        var numbers: [UInt64] = []
        while let frame = store.next(onLoss: { failure, _ in complaints(failure) }) {
            #expect(frame.payload.allSatisfy { $0 == UInt8(truncatingIfNeeded: frame.id.sequence) })
            numbers.append(frame.id.sequence)
        }
        return numbers
    }

    private func id(_ sequence: UInt64) -> SpoolStore.FrameID {
        SpoolStore.FrameID(incarnation: 9, sequence: sequence)
    }

    private var files: [String] {
        (FileManager.default.enumerator(atPath: scratch.path)?.compactMap { $0 as? String } ?? [])
            .filter { $0.hasSuffix(".spool") }.sorted()
    }

    @Test func `frames are read in order while others are appended, and are deleted when acknowledged`() throws {
        let store = store()
        for sequence: UInt64 in 1...5 { try store.append(message(sequence)) }
        #expect(read(store) == [1, 2, 3, 4, 5])
        try store.append(message(6))
        #expect(read(store) == [6])
        store.acknowledge(id(4))
        #expect(!store.isEmpty)
        store.rewind()
        #expect(read(store) == [5, 6])
        store.acknowledge(id(6))
        #expect(store.isEmpty && store.byteCount == 0 && files.isEmpty)
        try store.append(message(7))
        #expect(read(store) == [7])
    }

    @Test func `a new run continues with the frames of the previous one`() throws {
        let first = store()
        for sequence: UInt64 in 1...300 { try first.append(message(sequence, bytes: 1000)) }
        #expect(files.count > 2, "several files")
        #expect(read(first) == Array(1...300))
        first.acknowledge(id(290))
        let second = store()
        try second.append(message(1, incarnation: 10))
        let numbers = read(second)
        // Acknowledged frames are deleted with their file, so some may be read again.
        #expect(numbers == Array(numbers[0]...300) + [1])
        #expect(numbers[0] > 200 && numbers[0] <= 291)
        second.acknowledge(SpoolStore.FrameID(incarnation: 10, sequence: 1))
        #expect(second.isEmpty && files.isEmpty)
    }

    @Test func `the oldest frames are evicted and the limit holds`() throws {
        let store = store(limit: 1 << 20)
        for sequence: UInt64 in 1...5000 {
            try store.append(message(sequence, bytes: 1000))
            #expect(store.byteCount <= 1 << 20)
        }
        let numbers = read(store)
        #expect(numbers.count > 800 && numbers == Array(numbers[0]...5000))
        #expect(store.evictedBytes > 3 << 20)
    }

    @Test func `frames that are evicted while being read are skipped`() throws {
        let store = store(limit: 1 << 20)
        for sequence: UInt64 in 1...900 { try store.append(message(sequence, bytes: 1000)) }
        #expect(store.next { _, _ in }?.id == id(1))
        for sequence: UInt64 in 901...2500 { try store.append(message(sequence, bytes: 1000)) }
        store.acknowledge(id(1))
        let numbers = read(store)
        #expect(numbers.count > 800 && numbers == Array(numbers[0]...2500))
        store.acknowledge(id(2500))
        #expect(store.isEmpty)
    }

    @Test func `a truncated file yields its whole frames`() throws {
        let whole = store()
        for sequence: UInt64 in 1...10 { try whole.append(message(sequence)) }
        let path = try #require(files.first)
        let bytes = try scratch.data(path)
        for count in stride(from: 0, to: bytes.count, by: 37) {
            try bytes.prefix(count).write(to: URL(fileURLWithPath: scratch.file(path)))
            let numbers = read(store())
            #expect(numbers == Array(1...UInt64(10)).prefix(numbers.count).map { $0 })
            #expect(numbers.count >= count * 10 / bytes.count - 1)
        }
    }

    @Test func `damaged frames and frames of another key are lost without stopping the spool`() throws {
        let whole = store()
        for sequence: UInt64 in 1...10 { try whole.append(message(sequence)) }
        let path = try #require(files.first)
        var bytes = try scratch.data(path)
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: URL(fileURLWithPath: scratch.file(path)))
        var complaints = 0
        let later = store()
        try later.append(message(11))
        let numbers = read(later) { _ in complaints += 1 }
        #expect(numbers.last == 11 && numbers.count < 10 && complaints == 1)

        let folder = try #require(path.split(separator: "/").first)
        let other = SpoolKey(try KeyPair())
        try FileManager.default.copyItem(
            atPath: scratch.file(String(folder)), toPath: scratch.file(other.name))
        complaints = 0
        #expect(read(store(key: other)) { _ in complaints += 1 } == [] && complaints > 0)
    }
}
