import SecamBase
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamArchive

@Suite struct RecordingPausesTests {
    private let porch: Name
    private let yard: Name

    init() throws {
        porch = try Name("porch")
        yard = try Name("yard")
    }

    @Test func `a pause ends and concerns one camera`() {
        var pauses = RecordingPauses()
        #expect(!pauses.isPaused(porch, now: at(0)))
        let isPaused = pauses.pause(porch, now: at(0))
        #expect(isPaused)
        #expect(pauses.isPaused(porch, now: at(999)) && !pauses.isPaused(yard, now: at(999)))
        let isExtended = pauses.pause(porch, now: at(999))
        #expect(!isExtended)
        #expect(!pauses.isPaused(porch, now: at(1000)))
    }

    @Test func `pauses double up to a minute, and start anew after a quiet time`() {
        var pauses = RecordingPauses()
        var now: Int64 = 0
        var lengths: [Int64] = []
        for _ in 0..<9 {
            _ = pauses.pause(porch, now: at(now))
            let start = now
            while pauses.isPaused(porch, now: at(now)) { now += 1000 }
            lengths.append((now - start) / 1000)
        }
        #expect(lengths == [1, 2, 4, 8, 16, 32, 64, 64, 64])
        now += 600_000
        _ = pauses.pause(porch, now: at(now))
        #expect(!pauses.isPaused(porch, now: at(now + 1000)))
    }
}
