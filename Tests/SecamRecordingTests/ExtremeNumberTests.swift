import Foundation
import GRDB
import SecamBase
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamRecording

/// Numbers that no honest camera sends, in messages and in the index. A trap ends the test.
@Suite struct ExtremeNumberTests {
    private func decode<Message: WireMessage>(_ bytes: [UInt8], _ type: Message.Type) -> Message? {
        guard let envelope = try? Envelope.readWhole(bytes.span, limit: WireLimits.meshMessage) else { return nil }
        return try? Message.decode(bytes.span, envelope)
    }

    /// Reads recordings in every possible way.
    private func readAll(_ recordings: Recordings) throws {
        let index = recordings.index
        let ranges: [(Int64, Int64)] = [(.min, .max), (0, .max), (.min, 0), (-1 << 61, 1 << 61), (.max - 1, .max)]
        for (from, to) in ranges {
            for segment in try index.segments(of: recordings.camera, from: from, to: to) {
                _ = try? index.map(of: segment)
            }
            for (_, event) in try index.events(of: nil, from: from, to: to).entries {
                #expect(event.last >= event.start)
            }
            for gap in try index.gaps(of: nil, from: from, to: to) {
                #expect(gap.end >= gap.start && gap.frames <= WireLimits.sequence + 1)
            }
            let reader = RecordingReader(
                index, camera: recordings.camera, from: from, to: to, interval: .milliseconds(40))
            while let frame = try? reader.next() { #expect(WireLimits.times.contains(frame.timestamp)) }
            let thumbnails = ThumbnailReader(index, camera: recordings.camera, from: from, to: to)
            reading: while true {
                if case .end = try thumbnails.next(until: .now) { break reading }
            }
        }
        for content in [FlowContent.jpeg, .events] { _ = try index.cursor(of: recordings.camera, content) }
        _ = try index.storedBytes()
        _ = try ArchiveCheck.compare(index)
        let rule = Recording.Camera(
            mode: .both, preRoll: 1, postRoll: 1, keep: 0, keepBytes: 1 << 63, thinAfter: .max, thinRate: 1,
            camera: recordings.camera)
        let store = try recordings.store()
        try? store.makeThumbnails()
        try? store.thin([rule])
        _ = try? store.nextToCompress([rule])
        try? store.retain([rule])
        try? store.finishInterrupted()
    }

    @Test func `an index with impossible numbers is read without a fault`() throws {
        let recordings = try Recordings()
        let recorder = try recordings.recorder(recordings.store())
        try recordings.append(1...5, to: recorder)
        try recorder.cut()
        let path = try #require(recordings.segments.first?.path)
        let numbers = ExtremeNumbers.all.map { Int64(bitPattern: $0) }
        let map = Data([UInt8](repeating: 0xff, count: 9) + [1, 0])
        let event = Data(
            Event(
                flow: 0, incarnation: 0, sequence: 0,
                event: CameraEvent(
                    kind: .motion, state: .end, id: 1, start: Recordings.noon, last: Recordings.noon,
                    peakTime: Recordings.noon, peakSequence: 1, peakBox: .none, boxes: [])
            ).encoded())
        try recordings.index.pool.write { db in
            for (number, value) in numbers.enumerated() {
                for state in 0...4 {
                    try db.execute(
                        sql: """
                            INSERT INTO segment (camera, path, incarnation, firstSequence, lastSequence, start, end,
                                frames, bytes, map, state, writer, arrival)
                            VALUES ('porch', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'test', ?)
                            """,
                        arguments: [
                            "\(path).\(number).\(state)", value, value, numbers[(number + 1) % numbers.count], value,
                            numbers[(number + state) % numbers.count], value, value,
                            map, state, numbers[(number + 2 + state) % numbers.count],
                        ])
                }
                try db.execute(
                    sql: "INSERT OR REPLACE INTO gap VALUES ('porch', ?, ?, ?, ?, ?, 1, ?, ?)",
                    arguments: [
                        value, numbers[(number + 3) % numbers.count], number, value,
                        numbers[(number + 5) % numbers.count], value, numbers[(number + 7) % numbers.count],
                    ])
                try db.execute(
                    sql: """
                        INSERT OR REPLACE INTO event (camera, id, incarnation, start, last, isOver, fields)
                        VALUES ('porch', ?, ?, ?, ?, 1, ?)
                        """,
                    arguments: [value, value, value, value, event])
            }
            try db.execute(
                sql: "INSERT OR REPLACE INTO cursor VALUES ('porch', 1, 9, -1, 0), ('porch', 4, 9, 1, ?)",
                arguments: [Int64.max])
        }
        try readAll(recordings)
        #expect(try recordings.index.cursor(of: recordings.camera, .jpeg) == nil, "the number is impossible")
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `a camera with extreme numbers is recorded as far as possible and read back`(seed: UInt64) throws {
        let recordings = try Recordings()
        let store = try recordings.store()
        let recorder = try recordings.recorder(store)
        var random = SeededGenerator(seed: seed)
        let picture = try jpeg(1)
        var taken = 0
        for round in 1...300 as ClosedRange<UInt64> {
            let gap = Gap(
                flow: 1, incarnation: 9, missing: try #require(SequenceRange(round, through: round + 3)),
                reason: .overflow)
            if random.chance(percent: 20),
                let gap = decode(ExtremeNumbers.replacing(in: gap.encoded(), using: &random), Gap.self)
            {
                try? recorder.record(gap, since: nil, until: recordings.frame(round).timestamp)
                continue
            }
            let bytes = ExtremeNumbers.replacing(
                in: recordings.frame(round).encoded(payload: 0), using: &random)
            guard let envelope = try? Envelope.readWhole(bytes.span, limit: WireLimits.meshMessage),
                let frame = try? Frame.decode(bytes.span, envelope).message
            else { continue }
            if (try? recordings.put(frame, picture, recorder)) == true { taken += 1 }
            if random.chance(percent: 10) { _ = try? recorder.synchronize() }
        }
        _ = try? recorder.cut()
        #expect(taken > 0)
        try readAll(recordings)
    }
}
