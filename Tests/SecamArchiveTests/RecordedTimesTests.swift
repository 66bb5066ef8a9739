import SecamRecording
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamArchive

@Suite struct RecordedTimesTests {
    @Test func `spooled frames around an event are recorded`() throws {
        let scratch = try ScratchFolder()
        let index = try RecordingIndex(RecordingFolder(scratch.path))
        let camera = try Name("porch")
        let second: Int64 = 1_000_000
        let noon: Int64 = 1_767_268_800 * second
        for (id, start, last) in [(UInt64(1), Int64(20), Int64(30)), (2, 100, 100)] {
            let event = CameraEvent(
                kind: .motion, state: .end, id: id, start: noon + start * second, last: noon + last * second,
                peakTime: noon + start * second, peakSequence: 1, peakBox: .none, boxes: [])
            try index.record(event, of: camera, incarnation: 9)
        }
        let rule = Recording.Camera(
            mode: .motion, preRoll: 5, postRoll: 10, keep: 0, keepBytes: 0, thinAfter: 0, thinRate: 1, camera: camera)
        var times = RecordedTimes()
        var recorded: [Int64] = []
        for time: Int64 in 0..<200 where try times.covers(noon + time * second, rule: rule, index: index) {
            recorded.append(time)
        }
        #expect(recorded == Array(15...40) + Array(95...110))
    }
}
