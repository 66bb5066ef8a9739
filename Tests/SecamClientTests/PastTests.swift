import SecamWire
import Testing

@testable import SecamClient

@Suite("Looking back")
struct PastTests {
    private let porch = try! Name("porch")

    private func part(_ start: Int64, _ end: Int64, volume: UInt64 = 1, open: Bool = false) -> PastClient.Findings.Part
    {
        PastClient.Findings.Part(
            volume: volume,
            recording: Found.Recorded(
                start: start, end: end, bytes: 10, frames: 3, protected: false, open: open, camera: porch))
    }

    private func runs(_ parts: [PastClient.Findings.Part], from: Int64 = 0, to: Int64 = 1000) -> [String] {
        ReplayPlan(parts, from: from, to: to).runs.map { "\($0.volume): \($0.from)..<\($0.to)" }
    }

    @Test func `a range is played from wherever it was recorded`() {
        #expect(runs([]) == [])
        #expect(runs([part(10, 20), part(21, 30)]) == ["1: 0..<31"], "one storage, one run")
        #expect(
            runs([part(10, 20), part(21, 30, volume: 2), part(40, 50)]) == ["1: 0..<21", "2: 21..<31", "1: 40..<51"])
        #expect(runs([part(10, 20)], from: 15, to: 18) == ["1: 15..<18"])
        #expect(runs([part(10, 20, open: true)], from: 15) == ["1: 15..<1000"], "it grows meanwhile")
        #expect(runs([part(10, 50), part(20, 30, volume: 2)]) == ["1: 0..<51"], "what two have is played once")
    }

    @Test func `frames are shown at their times, faster or slower, and what is missing is passed over`() {
        var head = Playhead(at: 1_000_000, speed: 1, now: 0)
        let first = head.isDue(1_000_000, 0)
        let early = head.isDue(1_100_000, 50_000)
        let due = head.isDue(1_100_000, 100_000)
        #expect(first && !early && due)
        head.setSpeed(4, 100_000)
        let atFour = (head.isDue(1_500_000, 190_000), head.isDue(1_500_000, 200_000))
        #expect(atFour == (false, true))
        let afterGap = head.isDue(60_000_000, 210_000)
        #expect(afterGap && head.time(210_000) == 60_000_000)
        head.pause(true, 210_000)
        let paused = head.isDue(60_000_000, 900_000)
        #expect(!paused && head.time(900_000) == 60_000_000)
        head.pause(false, 900_000)
        #expect(head.time(1_000_000) == 60_400_000)
        #expect(head.speed(faster: true) == 8 && head.speed(faster: false) == 2)
    }

    @Test func `a day is a line of quarters of an hour`() {
        let quarter: Int64 = 900_000_000
        var findings = PastClient.Findings()
        findings.recordings = [part(-5, quarter / 2), part(4 * quarter, 6 * quarter - 1)]
        findings.events = [
            Found.Happened(
                camera: porch,
                event: CameraEvent(
                    kind: .motion, state: .end, id: 1, start: 5 * quarter, last: 5 * quarter + 1, peakTime: 0,
                    peakSequence: 0, peakBox: .none, boxes: []))
        ]
        findings.gaps = [
            Found.Missing(start: 95 * quarter, end: 200 * quarter, frames: 3, reason: .overflow, camera: porch)
        ]
        let text = Timeline(findings, start: 0).text(porch).split(separator: "\n")
        #expect(text.count == 3 && text[2].count == 96)
        #expect(text[2].hasPrefix("-...-#..") && text[2].hasSuffix(".!"))
    }

    @Test func `files that follow one another are one line for people`() {
        let second: Int64 = 1_000_000
        let spans = RecordingList.joined(
            [part(0, 60 * second), part(61 * second, 120 * second), part(200 * second, 210 * second)].map(\.recording))
        #expect(spans.map(\.end) == [120 * second, 210 * second])
        #expect(spans[0].frames == 6 && spans[0].bytes == 20)
        #expect(RecordingList.table(PastClient.Findings()).contains("Nothing"))
    }
}
