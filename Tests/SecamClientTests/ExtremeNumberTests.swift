import SecamTestSupport
import SecamWire
import Testing

@testable import SecamClient

/// The client against a gateway with extreme numbers. A trap ends the test.
@Suite struct ExtremeNumberTests {
    private static let rounds = 1000

    private func found(_ extremes: Bool, _ random: inout SeededGenerator) throws -> Found {
        let porch = try Name("porch")
        let event = CameraEvent(
            kind: .motion, state: .end, id: 1, start: 5, last: 9, peakTime: 6, peakSequence: 1, peakBox: .none,
            boxes: [])
        return Found(
            request: 1, last: false, volume: 5,
            recordings: (0..<3).map {
                FoundRecording(
                    start: Int64($0), end: Int64($0) + 1, bytes: extremes ? .max : 1, frames: extremes ? .max : 1,
                    protected: false, open: false, camera: porch)
            }, events: [FoundEvent(camera: porch, event: event)],
            gaps: (0..<3).map {
                FoundGap(
                    start: Int64($0), end: Int64($0), frames: extremes ? 1 << 63 : 1, reason: .overflow, camera: porch)
            })
    }

    /// Formats an answer in every way in which the client shows it.
    private func show(_ found: Found) throws {
        var result = PlaybackClient.SearchResult()
        result.recordings = found.recordings.map {
            PlaybackClient.SearchResult.Recording(volume: found.volume, recording: $0)
        }
        .sorted { $0.recording.start < $1.recording.start }
        result.events = found.events
        result.gaps = found.gaps
        #expect(!RecordingList.table(result).isEmpty && !RecordingList.json(result).isEmpty)
        let events = found.events.map { ($0.event, $0.camera) }
        #expect(!EventList.table(events).isEmpty && !EventList.json(events).isEmpty)
        for start in [0, Int64(1 << 60)] { #expect(Timeline(result, start: start).marks.count == 96) }
        for (from, to) in [(Int64(0), Int64.max), (Int64.min, Int64.max)] {
            for run in ReplayPlan(result.recordings, from: from, to: to).runs { #expect(run.from < run.to) }
        }
    }

    @Test func `totals that overflow are shown as the largest number`() throws {
        var random = SeededGenerator(seed: 1)
        try show(try found(true, &random))
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `a connection survives a gateway with extreme numbers`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let cameras = Cameras(cameras: [try ScriptedGateway.Camera(1, "demo").listed])
        let event = CameraEvent(
            kind: .motion, state: .start, id: 1, start: 5, last: 9, peakTime: 6, peakSequence: 1, peakBox: .none,
            boxes: [])
        let frame =
            Frame(
                flow: 1, rendition: .jpeg, format: .jpeg, incarnation: 1, sequence: 1, timestamp: 5, width: 2, height: 2
            ).encoded(payload: 3) + [1, 2, 3]
        let messages: [[UInt8]] = [
            cameras.encoded(), frame, Event(flow: 1, incarnation: 1, sequence: 1, event: event).encoded(),
            try found(false, &random).encoded(), Ping(token: 3).encoded(), Pong(token: 3).encoded(),
            CloseFlow(flow: 1, reason: .done).encoded(), Denied(reason: .locked, wait: 3, detail: "").encoded(),
            Hello(idle: 60, software: "g").encoded(), Welcome(role: .viewer, time: 0).encoded(),
        ]
        var shown = 0
        for round in 0..<Self.rounds {
            var connection = ViewerConnection(settings(), now: at(0))
            var hello = Hello(idle: 60, software: "g").encoded()
            if random.chance(percent: 10) { hello = ExtremeNumbers.replacing(in: hello, using: &random) }
            connection.receive(hello + Welcome(role: .viewer, time: 0).encoded() + cameras.encoded(), now: at(0))
            for step in 0..<4 {
                let message = messages.randomElement(using: &random) ?? []
                connection.receive(ExtremeNumbers.replacing(in: message, using: &random), now: at(Int64(step)))
            }
            steps: while let next = try? connection.next(utc: Int64(round)) {
                switch next {
                case .needMore: break steps
                case .event(.found(let found)):
                    shown += 1
                    try show(found)
                case .event(.frame(let frame)):
                    var statistics = CameraStatistics()
                    statistics.record(frame)
                    connection.returnCredit(camera: frame.header.flow, frames: 1)
                case .welcome, .event: break
                }
            }
            try? connection.tick(now: at(5_000_000))
        }
        #expect(shown > 0)
    }
}
