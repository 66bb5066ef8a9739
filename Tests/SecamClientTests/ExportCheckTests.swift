import SecamWire
import Testing

@testable import SecamClient

@Suite("The check of an export")
struct ExportCheckTests {
    private let second: Int64 = 1_000_000

    /// - Parameters:
    ///   - start: seconds.
    ///   - end: seconds.
    private func recording(_ start: Int64, _ end: Int64, frames: UInt32) throws -> FoundRecording {
        FoundRecording(
            start: start * second, end: end * second, bytes: 1, frames: frames, protected: false, open: false,
            camera: try Name("porch"))
    }

    /// A check of an export with a frame at each of these seconds.
    private func check(_ seconds: some Sequence<Int64>) -> ExportCheck {
        var check = ExportCheck()
        for time in seconds { check.addFrame(at: time * second) }
        return check
    }

    @Test func `recordings with all their frames have no holes`() throws {
        let recordings = [try recording(0, 9, frames: 10), try recording(10, 19, frames: 10)]
        #expect(check(0..<20).holes(in: recordings, from: 0, to: 20 * second).isEmpty)
        #expect(check(5..<15).holes(in: recordings, from: 5 * second, to: 15 * second).isEmpty)
        #expect(check((0..<20).reversed()).holes(in: recordings, from: 0, to: 20 * second).isEmpty)
        #expect(check([]).holes(in: [], from: 0, to: 20 * second).isEmpty)
    }

    @Test func `a removed or truncated recording is a hole with its number of frames`() throws {
        let recordings = [
            try recording(0, 9, frames: 10), try recording(10, 19, frames: 10), try recording(30, 39, frames: 10),
        ]
        let holes = check(Array(0..<10) + Array(30..<36)).holes(in: recordings, from: 0, to: 100 * second)
        #expect(
            holes == [
                .init(start: 10 * second, end: 19 * second, frames: 10),
                .init(start: 30 * second, end: 39 * second, frames: 4),
            ])
        let all = check([]).holes(in: recordings, from: 0, to: 100 * second)
        #expect(
            all == [
                .init(start: 0, end: 19 * second, frames: 20),
                .init(start: 30 * second, end: 39 * second, frames: 10),
            ])
    }

    @Test func `a recording that is partly in the range is a hole when it has no frame there`() throws {
        let recordings = [try recording(0, 9, frames: 10)]
        let holes = check([]).holes(in: recordings, from: 5 * second, to: 100 * second)
        #expect(holes == [.init(start: 5 * second, end: 9 * second, frames: nil)])
        #expect(check([]).holes(in: recordings, from: 9 * second, to: 100 * second).isEmpty, "the part is too short")
    }
}
