import SecamTestSupport
import Testing

@testable import SecamRecording

@Suite struct OpeningTests {
    @Test func `concurrent opens of a new folder create one index`() async throws {
        let scratch = try ScratchFolder()
        for number in 0..<10 {
            let folder = RecordingFolder(scratch.file("recordings-\(number)"))
            let volumes = try await withThrowingTaskGroup(of: UInt64.self) { group in
                for _ in 0..<8 { group.addTask { try RecordingIndex(folder).volume } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(volumes.count == 1)
        }
    }
}
