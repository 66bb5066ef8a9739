import SecamWire
import Testing

@testable import SecamClient

@Suite("Recordings in secam-view")
struct PlaybackTests {
    private let porch = try! Name("porch")

    private func part(_ start: Int64, _ end: Int64, volume: UInt64 = 1, open: Bool = false)
        -> PlaybackClient.SearchResult.Recording
    {
        PlaybackClient.SearchResult.Recording(
            volume: volume,
            recording: FoundRecording(
                start: start, end: end, bytes: 10, frames: 3, protected: false, open: open, camera: porch))
    }

    private func runs(_ parts: [PlaybackClient.SearchResult.Recording], from: Int64 = 0, to: Int64 = 1000) -> [String] {
        ReplayPlan(parts, from: from, to: to).runs.map { "\($0.volume): \($0.from)..<\($0.to)" }
    }

    /// A page of two volumes: as many entries of the first one as requested, up to the page's end.
    private func page(_ end: Int64, _ wanted: UInt32, of other: [Int64]) -> PlaybackClient.SearchResult {
        var page = PlaybackClient.SearchResult()
        let count = Int64(min(wanted, 2))
        page.recordings = (end - count..<end).map { part($0, $0) }
        page.recordings += other.filter { $0 < end }.map { part($0, $0 + 5, volume: 2) }
        page.since = end - count
        return page
    }

    @Test func `an archive with endless entries does not hide those of other archives`() throws {
        var pages = 0
        let result = try PlaybackClient.SearchResult.paged(from: 0, to: 1000, limit: .max) { (end, wanted) in
            pages += 1
            return page(end, wanted, of: [10, 20])
        }
        #expect(pages == PlaybackClient.pageLimit)
        #expect(result.isPartial)
        #expect(result.recordings.filter { $0.volume == 2 }.map(\.recording.start) == [10, 20])
        #expect(result.recordings.count == 2 * PlaybackClient.pageLimit + 2)
    }

    @Test func `an archive with an incomplete answer does not hide entries of other archives`() throws {
        let result = try PlaybackClient.SearchResult.paged(from: 0, to: 1000, limit: .max) { (end, wanted) in
            var page = page(end, wanted, of: [10, 20])
            page.isPartial = true
            return page
        }
        #expect(result.recordings.map(\.recording.start) == [10, 20, 998, 999])
    }

    @Test func `pages join without gaps and repetitions, up to the limit`() throws {
        func starts(limit: Int) throws -> [Int64] {
            try PlaybackClient.SearchResult.paged(from: 0, to: 10, limit: limit) { (end, wanted) in
                page(end, wanted, of: [3, 7])
            }.recordings.map(\.recording.start)
        }
        #expect(try starts(limit: .max) == [0, 1, 2, 3, 3, 4, 5, 6, 7, 7, 8, 9])
        #expect(try starts(limit: 4) == [6, 7, 7, 8, 9], "nothing from before the complete time")
    }

    @Test func `a time range is replayed from all volumes with recordings`() {
        #expect(runs([]) == [])
        #expect(runs([part(10, 20), part(21, 30)]) == ["1: 0..<31"], "one volume, one run")
        #expect(
            runs([part(10, 20), part(21, 30, volume: 2), part(40, 50)]) == ["1: 0..<21", "2: 21..<31", "1: 40..<51"])
        #expect(runs([part(10, 20)], from: 15, to: 18) == ["1: 15..<18"])
        #expect(runs([part(10, 20, open: true)], from: 15) == ["1: 15..<1000"], "it grows meanwhile")
        #expect(
            runs([part(10, 50), part(20, 30, volume: 2)]) == ["1: 0..<51", "2: 20..<31"],
            "the second one may have other frames of the same time")
    }

    @Test func `an interrupted replay resumes early enough to miss nothing`() {
        #expect(ReplayPlan.resumption([], after: 15) == 15)
        let parts = [part(0, 10), part(11, 20), part(21, 30)]
        #expect(ReplayPlan.resumption(parts, after: 15) == 11)
        #expect(ReplayPlan.resumption(parts, after: 30) == 21)
        #expect(ReplayPlan.resumption(parts, after: 35) == 35)
        let twice = [part(0, 10), part(11, 20), part(15, 24), part(21, 30), part(25, 34), part(40, 50)]
        #expect(ReplayPlan.resumption(twice, after: 28) == 11, "the second pass may be missing completely")
        #expect(ReplayPlan.resumption(twice, after: 45) == 40)
    }

    @Test func `a frame set reports each frame as new once, in any order`() {
        var set = FrameSet()
        var plain: Set<UInt64> = []
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let sequence = UInt64.random(in: 0...300, using: &random)
            let isNew = set.insert(sequence, of: 1)
            #expect(isNew == plain.insert(sequence).inserted)
        }
        let others = (set.insert(5, of: 2), set.insert(5, of: 2), set.insert(.max, of: 2), set.insert(.max, of: 2))
        #expect(others == (true, false, true, false))
        let below = (set.insert(.max - 1, of: 2), set.insert(0, of: 2), set.insert(0, of: 2))
        #expect(below == (true, true, false))
    }

    @Test func `two passes through one time are two rows with a note`() {
        let second: Int64 = 1_000_000
        let recordings = [
            part(0, 60 * second), part(30 * second, 90 * second), part(60 * second + 1, 120 * second),
            part(90 * second + 1, 150 * second), part(500 * second, 510 * second),
        ].map(\.recording)
        let spans = RecordingList.joined(recordings)
        #expect(spans.map(\.start) == [0, 30 * second, 500 * second])
        #expect(spans.map(\.end) == [120 * second, 150 * second, 510 * second])
        #expect(RecordingList.overlapping(spans) == Set(spans.prefix(2)))
        var result = PlaybackClient.SearchResult()
        result.recordings = recordings.map { PlaybackClient.SearchResult.Recording(volume: 1, recording: $0) }
        #expect(RecordingList.table(result).contains("recorded more than once"))
        #expect(RecordingList.json(result).contains("\"overlaps\":true"))
        result.recordings = [part(0, 60 * second), part(61 * second, 120 * second)]
        #expect(!RecordingList.table(result).contains("more than once"))
    }

    @Test func `frames are due at their times, faster or slower, and long pauses are skipped`() {
        var head = Playhead(at: 1_000_000, speed: 1, now: at(0))
        let first = head.isDue(1_000_000, at(0))
        let early = head.isDue(1_100_000, at(50_000))
        let due = head.isDue(1_100_000, at(100_000))
        #expect(first && !early && due)
        head.setSpeed(4, at(100_000))
        let atFour = (head.isDue(1_500_000, at(190_000)), head.isDue(1_500_000, at(200_000)))
        #expect(atFour == (false, true))
        let afterGap = head.isDue(60_000_000, at(210_000))
        #expect(afterGap && head.time(at(210_000)) == 60_000_000)
        head.setPaused(true, at(210_000))
        let paused = head.isDue(60_000_000, at(900_000))
        #expect(!paused && head.time(at(900_000)) == 60_000_000)
        head.setPaused(false, at(900_000))
        #expect(head.time(at(1_000_000)) == 60_400_000)
        #expect(head.speed(faster: true) == 8 && head.speed(faster: false) == 2)
    }

    @Test func `a day is a line of quarters of an hour`() {
        let quarter: Int64 = 900_000_000
        var result = PlaybackClient.SearchResult()
        result.recordings = [part(-5, quarter / 2), part(4 * quarter, 6 * quarter - 1)]
        result.events = [
            FoundEvent(
                camera: porch,
                event: CameraEvent(
                    kind: .motion, state: .end, id: 1, start: 5 * quarter, last: 5 * quarter + 1, peakTime: 0,
                    peakSequence: 0, peakBox: .none, boxes: []))
        ]
        result.gaps = [
            FoundGap(start: 95 * quarter, end: 200 * quarter, frames: 3, reason: .overflow, camera: porch)
        ]
        let text = Timeline(result, start: 0).text(porch).split(separator: "\n")
        #expect(text.count == 3 && text[2].count == 96)
        #expect(text[2].hasPrefix("-...-#..") && text[2].hasSuffix(".!"))
    }

    @Test func `successive files are one row of the table`() {
        let second: Int64 = 1_000_000
        let spans = RecordingList.joined(
            [part(0, 60 * second), part(61 * second, 120 * second), part(200 * second, 210 * second)].map(\.recording))
        #expect(spans.map(\.end) == [120 * second, 210 * second])
        #expect(spans[0].frames == 6 && spans[0].bytes == 20)
        #expect(RecordingList.table(PlaybackClient.SearchResult()) == "No recordings found.")
    }
}
