import SecamBase
import SecamMesh
import SecamSharedMemory
import SecamWire
import Testing

@testable import SecamEncode

struct CameraMemoryTests {
    private let start = MonotonicTime(microseconds: 1_000_000_000)

    private func share(_ memory: UInt64) throws -> Share {
        Share(
            memory: memory, slots: 8, slotLength: 8192, ticket: [UInt8](repeating: 0, count: 32),
            socket: try Name("camera"))
    }

    @Test func `a camera that offers again and again is visited once in five seconds`() throws {
        var memory = CameraMemory()
        var visits = 0
        for second in 0..<20 {
            guard memory.accept(try share(UInt64(second + 1)), othersMapped: 0, now: start + .seconds(Int64(second)))
            else { continue }
            visits += 1
            _ = memory.handle(.failure(SharingFailure("refused")), now: start)
        }
        #expect(visits == 4)
    }

    @Test func `an offer during a visit is ignored`() throws {
        var memory = CameraMemory()
        let first = memory.accept(try share(1), othersMapped: 0, now: start)
        let second = memory.accept(try share(2), othersMapped: 0, now: start + .seconds(60))
        #expect(first && !second)
    }

    @Test func `a change is reported once`() throws {
        var memory = CameraMemory()
        var changes: [CameraMemory.Change] = []
        for (second, failure) in [SharingFailure("refused"), SharingFailure("refused"), .elsewhere].enumerated() {
            _ = memory.accept(try share(1), othersMapped: 0, now: start + .seconds(Int64(10 * second)))
            changes.append(memory.handle(.failure(failure), now: start))
        }
        #expect(
            changes == [.failed("refused"), .unchanged, .elsewhere(SharingFailure.elsewhere.description)])
    }

    @Test func `the number of cameras is limited`() throws {
        var memory = CameraMemory()
        let limit = CameraMemory.cameraLimit
        let beyond = memory.accept(try share(1), othersMapped: limit, now: start)
        let within = memory.accept(try share(1), othersMapped: limit - 1, now: start)
        #expect(!beyond && within)
    }

    @Test func `jobs under way when the memory is replaced still find theirs, for three seconds`() throws {
        var memory = CameraMemory()
        let shape = try #require(MemoryShape(pictureLength: 100))
        let files = [try MemoryFile(shape), try MemoryFile(shape)]
        for (index, file) in files.enumerated() {
            let time = start + .seconds(Int64(10 * index))
            #expect(memory.memory(file.number) == nil)
            _ = memory.accept(try share(file.number), othersMapped: 0, now: time)
            _ = memory.handle(.success(try file.mapped()), now: time)
        }
        memory.tick(now: start + .seconds(13))
        #expect(memory.mapped?.number == files[1].number && memory.memory(files[0].number) != nil)
        memory.tick(now: start + .microseconds(13_000_001))
        #expect(memory.memory(files[0].number) == nil && memory.memory(files[1].number) != nil)
        let isVisited = memory.accept(try share(0), othersMapped: 0, now: start + .seconds(60))
        #expect(!isVisited && memory.mapped == nil && !memory.isOccupied)
    }
}
