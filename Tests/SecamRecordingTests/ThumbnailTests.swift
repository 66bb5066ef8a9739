import SecamBase
import SecamJPEG
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamRecording

@Suite struct ThumbnailTests {
    private let recordings: Recordings

    init() throws { recordings = try Recordings() }

    private func recordEvent(_ id: UInt64, peak: UInt64, state: EventState = .end) throws {
        let event = CameraEvent(
            kind: .motion, state: state, id: id, start: Recordings.time(peak - 2), last: Recordings.time(peak + 2),
            peakTime: Recordings.time(peak), peakSequence: peak, peakBox: .none, boxes: [])
        try recordings.index.record(event, of: recordings.camera, incarnation: 9)
    }

    private func thumbnails(from: Int64 = .min, to: Int64 = .max) throws -> [RecordedFrame] {
        let reader = ThumbnailReader(recordings.index, camera: recordings.camera, from: from, to: to)
        var all: [RecordedFrame] = []
        while true {
            // With a deadline in the past, each call examines one event.
            switch try reader.next(until: .now) {
            case .frame(let frame): all.append(frame)
            case .pause: break
            case .end: return all
            }
        }
    }

    private func record(_ frames: ClosedRange<UInt64>, _ store: RecordingStore) throws {
        let recorder = try recordings.recorder(store)
        for sequence in frames {
            let frame = recordings.frame(sequence, width: 640, height: 480)
            try recordings.put(frame, try jpeg(Int(sequence), width: 640, height: 480), recorder)
        }
        try recorder.cut()
    }

    @Test func `each ended event gets a thumbnail of its peak`() throws {
        let store = try recordings.store()
        try record(1...30, store)
        try recordEvent(1, peak: 10)
        try recordEvent(2, peak: 20)
        try recordEvent(3, peak: 25, state: .update)
        try store.makeThumbnails()
        let made = try thumbnails()
        #expect(made.map(\.sequence) == [10, 20] && made.map(\.timestamp) == [10, 20].map(Recordings.time))
        #expect(made.allSatisfy { $0.width == 320 && $0.height == 240 && $0.incarnation == 9 })
        var decoder = try JPEGDecoder()
        for picture in made {
            #expect(try decoder.header(of: picture.jpeg.span).width == 320)
            #expect(picture.jpeg.count < 20_000)
        }
        #expect(try thumbnails(from: Recordings.time(11)).map(\.sequence) == [20])
        #expect(try thumbnails(to: Recordings.time(20)).map(\.sequence) == [10])
        // A repeated event keeps its thumbnail.
        try recordEvent(2, peak: 20)
        #expect(try thumbnails().count == 2)
    }

    @Test func `a thumbnail waits for its frame to be recorded and is given up later`() throws {
        let store = try recordings.store()
        try recordEvent(1, peak: 10)
        try store.makeThumbnails()
        #expect(try thumbnails().isEmpty)
        try record(1...15, store)
        try store.makeThumbnails()
        #expect(try thumbnails().count == 1)

        try recordEvent(2, peak: 500)
        recordings.clocks.pass(.seconds(61))
        try store.makeThumbnails()
        try record(490...510, store)
        try store.makeThumbnails()
        #expect(try thumbnails().count == 1, "it was given up")
    }

    @Test func `many thumbnails are read in batches`() throws {
        let store = try recordings.store()
        try record(1...5, store)
        for id in UInt64(1)...100 {
            let event = CameraEvent(
                kind: .motion, state: .end, id: id, start: Recordings.time(2), last: Recordings.time(4),
                peakTime: Recordings.time(2) + Int64(id), peakSequence: 2, peakBox: .none, boxes: [])
            try recordings.index.record(event, of: recordings.camera, incarnation: 9)
        }
        for _ in 0..<100 where try thumbnails().count < 100 { try store.makeThumbnails() }
        let times = try thumbnails().map(\.timestamp)
        #expect(times.count == 100 && times == times.sorted())
    }

    @Test func `old events are removed with their recordings`() throws {
        let store = try recordings.store()
        try record(1...10, store)
        try recordEvent(1, peak: 5)
        try record(1000...1010, store)
        try recordEvent(2, peak: 1005)
        let rule = Recording.Camera(
            mode: .both, preRoll: 0, postRoll: 0, keep: 60, keepBytes: 0, thinAfter: 0, thinRate: 1000,
            camera: recordings.camera)
        try store.retain([rule])
        #expect(try recordings.index.events(of: nil, from: .min, to: .max).entries.map(\.event.id) == [2])
    }
}
