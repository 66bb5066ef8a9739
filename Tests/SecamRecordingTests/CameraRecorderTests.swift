import Foundation
import GRDB
import SecamBase
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamRecording

@Suite struct CameraRecorderTests {
    private let recordings: Recordings

    init() throws { recordings = try Recordings() }

    // MARK: Maps

    @Test func `a map holds the time and number of each frame`() throws {
        var map = FrameMap(start: 1000)
        let entries: [(Int64, UInt64)] = [
            (1000, 5), (1000, 6), (1200, 9), (9_000_000_000, 1 << 40), (9_000_000_001, WireLimits.sequence),
        ]
        for (time, sequence) in entries { map.append(time: time, sequence: sequence) }
        let read = try #require(FrameMap.entries(map.bytes, start: 1000, firstSequence: 5))
        #expect(read.map(\.time) == entries.map(\.0) && read.map(\.sequence) == entries.map(\.1))
    }

    @Test func `malformed bytes are not decoded as a map`() {
        for bytes: [UInt8] in [[0x80], [0x80, 0x80], [1], Array(repeating: 0xff, count: 20), [0, 0, 0x80]] {
            #expect(FrameMap.entries(bytes, start: 0, firstSequence: 1) == nil, "\(bytes)")
        }
        var random = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...30, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            _ = FrameMap.entries(bytes, start: .max - 5, firstSequence: .max - 5)
        }
    }

    // MARK: Writing and reading back

    @Test func `recorded frames are read back unchanged with their times and numbers`() throws {
        let store = try recordings.store()
        let recorder = try recordings.recorder(store)
        #expect(try recordings.append(1...30, to: recorder) == 30)
        #expect(try recordings.replay().isEmpty, "frames that are not on disk are not listed")
        let durable = try recorder.synchronize()
        #expect(durable?.incarnation == 9 && durable?.sequence == 30 && durable?.time == Recordings.time(30))
        #expect(try recorder.synchronize() == nil, "no new frames")
        #expect(try recordings.replay().count == 30, "the segment is still being written")
        try recordings.append(31...40, to: recorder)
        #expect(try recorder.cut()?.sequence == 40)
        let frames = try recordings.replay()
        #expect(frames.map(\.sequence) == Array(1...40))
        for frame in frames {
            #expect(frame.timestamp == Recordings.time(frame.sequence) && frame.incarnation == 9)
            #expect(try frame.jpeg == jpeg(Int(frame.sequence)))
        }
        let segment = try #require(try recordings.segments.first)
        #expect(segment.path == "porch/2026-01-01/12-00-00.mkv" && segment.state == .complete && segment.frames == 40)
        #expect(segment.bytes == recordings.folder.size(segment.path))
    }

    @Test func `a replay begins with the current frame of its start and ends before its end`() throws {
        let recorder = try recordings.recorder(try recordings.store())
        try recordings.append(1...50, to: recorder)
        try recorder.cut()
        let middle = try recordings.replay(from: Recordings.time(20) + 50_000, to: Recordings.time(25))
        #expect(middle.map(\.sequence) == [20, 21, 22, 23, 24])
        let thin = try recordings.replay(from: Recordings.time(10), to: Recordings.time(40), interval: .seconds(1))
        #expect(thin.map(\.sequence) == [10, 20, 30])
        // With a round interval, no frame of a slightly fast camera may be too early.
        let even = try recordings.replay(
            from: Recordings.time(10), to: Recordings.time(14), interval: .milliseconds(104))
        #expect(even.map(\.sequence) == [10, 11, 12, 13])
        #expect(try recordings.replay(from: Recordings.time(60)).isEmpty)
        #expect(try recordings.replay(from: Recordings.time(7), to: Recordings.time(7) + 1).map(\.sequence) == [7])
    }

    @Test func `a segment ends after its maximum duration, and when the size, the incarnation or the clock changes`()
        throws
    {
        var limits = CameraRecorder.Limits()
        limits.maximumDuration = .seconds(1)
        let recorder = try recordings.recorder(try recordings.store(), limits)
        try recordings.append(1...15, to: recorder)
        try recordings.put(recordings.frame(16, width: 32, height: 24), jpeg(16, width: 32, height: 24), recorder)
        try recordings.put(
            recordings.frame(1, incarnation: 10, width: 32, height: 24), jpeg(1, width: 32, height: 24), recorder)
        let hourBack = Recordings.time(2) - 3_600_000_000
        try recordings.put(
            recordings.frame(2, incarnation: 10, width: 32, height: 24, time: hourBack), jpeg(2, width: 32, height: 24),
            recorder)
        try recorder.cut()
        let segments = try recordings.segments
        #expect(segments.map(\.frames).sorted() == [1, 1, 1, 5, 10])
        #expect(segments.first?.start == hourBack)
        #expect(Set(segments.map(\.path)).count == 5)
        #expect(try recordings.replay().count == 18, "every frame can be read")
    }

    @Test func `a small step back of the clock begins no new segment`() throws {
        let recorder = try recordings.recorder(try recordings.store())
        try recordings.append(1...5, to: recorder)
        try recordings.put(recordings.frame(6, time: Recordings.time(5) - 300_000), jpeg(6), recorder)
        try recorder.cut()
        #expect(try recordings.segments.count == 1)
        #expect(try recordings.replay().last?.timestamp == Recordings.time(5))
    }

    @Test func `a frame is recorded only once`() throws {
        let recorder = try recordings.recorder(try recordings.store())
        try recordings.append(1...10, to: recorder)
        #expect(try recordings.append(5...12, to: recorder) == 2)
        try recorder.cut()
        let again = try recordings.recorder(try recordings.store())
        #expect(again.cursor?.sequence == 12)
        #expect(try recordings.append(10...13, to: again) == 1)
        try again.cut()
        #expect(try recordings.replay().map(\.sequence) == Array(1...13))
    }

    @Test func `data that is no JPEG is skipped`() throws {
        let recorder = try recordings.recorder(try recordings.store())
        let junk: [UInt8] = [1, 2, 3, 4, 5]
        let isTaken = try recordings.put(recordings.frame(1), junk, recorder)
        #expect(!isTaken)
        try recordings.append(2...3, to: recorder)
        try recorder.cut()
        #expect(try recordings.replay().map(\.sequence) == [2, 3])
    }

    @Test func `a gap is stored with its times and ends the segment`() throws {
        let recorder = try recordings.recorder(try recordings.store())
        try recordings.append(1...20, to: recorder)
        let gap = Gap(flow: 1, incarnation: 9, missing: try #require(SequenceRange(21, through: 29)), reason: .overflow)
        try recorder.record(gap, since: nil, until: Recordings.time(30))
        try recordings.append(30...40, to: recorder)
        try recorder.cut()
        let gaps = try recordings.index.gaps(of: recordings.camera, from: .min, to: .max)
        #expect(gaps.map(\.frames) == [9])
        #expect(gaps.first?.start == Recordings.time(20) && gaps.first?.end == Recordings.time(30))
        #expect(try recordings.segments.map(\.firstSequence) == [1, 30])
    }

    @Test func `adjacent gaps are merged into one row with the number of missing frames`() throws {
        let recorder = try recordings.recorder(try recordings.store())
        var sequence: UInt64 = 1
        for _ in 0..<60 {
            try recordings.append(sequence...sequence + 1, to: recorder)
            let missing = try #require(SequenceRange(sequence + 2, through: sequence + 2))
            try recorder.record(
                Gap(flow: 1, incarnation: 9, missing: missing, reason: .overflow), since: nil,
                until: Recordings.time(sequence + 3))
            sequence += 3
        }
        try recordings.append(sequence...sequence, to: recorder)
        try recorder.cut()
        let gaps = try recordings.index.gaps(of: recordings.camera, from: .min, to: .max)
        #expect(gaps.count == 2, "60 gaps within 18 s")
        #expect(gaps.reduce(0) { $0 + $1.frames } == 60)
        #expect(gaps.first?.start == Recordings.time(2) && gaps.last?.end == Recordings.time(sequence))
        #expect(gaps.allSatisfy { $0.end - $0.start <= 10_000_000 })
    }

    private func spooled(_ sequences: ClosedRange<UInt64>, _ recorder: CameraRecorder) throws -> Int {
        try sequences.count { try recordings.put(recordings.frame($0), try jpeg(Int($0)), recorder) }
    }

    @Test func `spooled frames fill their gap in any order and are recorded once`() throws {
        let store = try recordings.store()
        let live = try recordings.recorder(store)
        try recordings.append(1...20, to: live)
        let missing = try #require(SequenceRange(21, through: 60))
        let gap = Gap(flow: 1, incarnation: 9, missing: missing, reason: .spooled)
        try live.record(gap, since: nil, until: Recordings.time(61))
        try recordings.append(61...70, to: live)
        func gaps() throws -> [FoundGap] {
            try recordings.index.gaps(of: recordings.camera, from: .min, to: .max)
        }
        #expect(try gaps().map(\.frames) == [40])

        let recorder = try CameraRecorder(store, camera: recordings.camera, isSpooled: true)
        // The archive ended before it acknowledged the last frames.
        #expect(try spooled(15...40, recorder) == 20)
        try recorder.cut()
        #expect(try gaps().map(\.frames) == [20])
        #expect(try gaps().first?.start == Recordings.time(40))
        // The spool has lost frames in the middle.
        #expect(try spooled(46...60, recorder) == 15)
        try recorder.cut()
        #expect(try gaps().map(\.frames) == [5] && gaps().first?.reason == .spooled)
        try recordings.index.endSpooledGaps(of: recordings.camera)
        #expect(try gaps().map(\.reason) == [.overflow], "frames missing in the spool are lost")

        // The camera reports the gap again, as after a restart of the archive.
        try live.record(gap, since: nil, until: Recordings.time(61))
        #expect(try gaps().map(\.frames) == [5])
        try live.cut()
        let reader = RecordingReader(recordings.index, camera: recordings.camera, from: .min, to: .max, interval: .zero)
        var numbers: [UInt64] = []
        while let frame = try reader.next() { numbers.append(frame.sequence) }
        #expect(numbers == Array(1...40) + Array(46...70))
        #expect(
            try recordings.index.cursor(of: recordings.camera, .jpeg)?.sequence == 70, "the cursor of the live frames")
    }

    @Test func `after an archive is killed while it fills a gap, the live recording continues at its cursor`() throws {
        let store = try recordings.store()
        let live = try recordings.recorder(store)
        try recordings.append(1...70, to: live)
        try live.cut()
        let recorder = try CameraRecorder(store, camera: recordings.camera, isSpooled: true)
        #expect(try spooled(101...120, recorder) == 20)
        _ = try recorder.synchronize()
        // Both segments stay open, as after a kill.
        let other = try recordings.store(writer: "archive-2")
        let again = try CameraRecorder(other, camera: recordings.camera, sparesWritten: false)
        #expect(again.cursor?.sequence == 70)
        let rest = try CameraRecorder(other, camera: recordings.camera, isSpooled: true, sparesWritten: false)
        #expect(try spooled(111...125, rest) == 5)
        try rest.cut()
        #expect(try recordings.index.cursor(of: recordings.camera, .jpeg)?.sequence == 70)
        // The index rebuilt from the files is the same.
        let rebuilt = try RecordingIndex(recordings.folder, clocks: recordings.clocks)
        #expect(try rebuilt.segments(of: nil, from: .min, to: .max).filter(\.isSpooled).count == 2)
    }

    @Test func `a camera that reports many false gaps gets few rows, and all missing frames are counted`() throws {
        let recorder = try recordings.recorder(try recordings.store())
        var frames: UInt64 = 0
        for index in UInt64(0)..<2000 {
            // Each gap is of another incarnation and far from the previous one.
            let missing = try #require(SequenceRange(index * 10, through: index * 10 + index % 3))
            frames += missing.count
            try recorder.record(
                Gap(flow: 1, incarnation: 100 + index, missing: missing, reason: .overflow), since: nil,
                until: Recordings.time(index * 1000))
        }
        let gaps = try recordings.index.gaps(of: recordings.camera, from: .min, to: .max)
        // Eight rows per ten seconds of this test.
        #expect(gaps.count < 1000)
        #expect(gaps.reduce(0) { $0 + $1.frames } == frames)
    }

    // MARK: After a kill

    @Test func `recordings that lost their rows in a power cut are added to the index`() throws {
        let recorder = try recordings.recorder(try recordings.store(), .filesOfOneSecond)
        try recordings.append(1...50, to: recorder)
        try recorder.cut()
        let before = try recordings.segments
        try recordings.index.write("a power cut") { db in
            try db.execute(sql: "DELETE FROM segment WHERE firstSequence > 20; DELETE FROM link WHERE number > 2")
            try db.execute(sql: "UPDATE sqlite_sequence SET seq = 2 WHERE name = 'link'")
            try db.execute(sql: "UPDATE cursor SET sequence = 20")
        }
        let next = try recordings.recorder(try recordings.store())
        #expect(next.cursor?.sequence == 50)
        #expect(try recordings.segments.map(\.path) == before.map(\.path))
        #expect(try recordings.replay().map(\.sequence) == Array(1...50))
        #expect(try ArchiveCheck.compare(recordings.index).isEmpty)
        #expect(try ArchiveCheck.verify(recordings.index).differences.isEmpty)
        #expect(try recordings.append(45...55, to: next) == 5)
    }

    @Test func `a file that is no recording of the camera is not touched`() throws {
        let recorder = try recordings.recorder(try recordings.store())
        try recordings.append(1...10, to: recorder)
        try recorder.cut()
        let file = recordings.folder.absolute("porch/2026-01-01/12-30-00.mkv")
        try Data("no recording".utf8).write(to: URL(fileURLWithPath: file))
        _ = try recordings.recorder(try recordings.store())
        #expect(try recordings.segments.count == 1)
        #expect(FileManager.default.fileExists(atPath: file))
    }

    @Test func `no row is deleted while the disk is unmounted`() throws {
        let store = try recordings.store()
        let recorder = try recordings.recorder(store)
        try recordings.append(1...30, to: recorder)
        _ = try recorder.synchronize()
        let path = recordings.folder.path
        try FileManager.default.moveItem(atPath: path, toPath: path + ".away")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        #expect(throws: RecordingError.self) { try recorder.cut() }
        #expect(throws: RecordingError.self) { try recordings.recorder(store) }
        #expect(throws: RecordingError.self) {
            try store.remove(try #require(recordings.segments.first), reason: "a test")
        }
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.moveItem(atPath: path + ".away", toPath: path)
        _ = try recordings.recorder(store)
        #expect(try recordings.replay().map(\.sequence) == Array(1...30))
    }

    @Test func `the segment of a killed archive is completed unchanged and recording continues after it`() throws {
        do {
            let recorder = try recordings.recorder(try recordings.store())
            try recordings.append(1...30, to: recorder)
            _ = try recorder.synchronize()
            try recordings.append(31...35, to: recorder)
            // A kill loses the process's memory; the file stays as the system has it.
            try recordings.scratch.copyFile("recordings/porch/2026-01-01/12-00-00.mkv", to: "left.mkv")
        }
        // The recorder's end above completed the file; the copy is what a kill leaves.
        try recordings.scratch.copyFile("left.mkv", to: "recordings/porch/2026-01-01/12-00-00.mkv")
        let size = recordings.folder.size("porch/2026-01-01/12-00-00.mkv")
        let again = try recordings.recorder(try recordings.store(writer: "archive-2"))
        let segment = try #require(try recordings.segments.first)
        #expect(segment.state == .complete && segment.frames >= 30)
        #expect(recordings.folder.size(segment.path) == size, "the file is unchanged")
        #expect(again.cursor?.sequence == segment.lastSequence)
        try recordings.append(20...50, to: again)
        try again.cut()
        #expect(try recordings.replay().map(\.sequence) == Array(1...50), "each frame once")
    }

    @Test func `a segment without data on disk is deleted`() throws {
        let store = try recordings.store()
        _ = try recordings.index.insertSegment(
            camera: recordings.camera, path: "porch/2026-01-01/12-00-00.mkv", incarnation: 9, sequence: 1,
            start: Recordings.noon, writer: "archive-1")
        _ = try recordings.recorder(store)
        #expect(try recordings.segments.isEmpty)
        #expect(try ArchiveCheck.compare(recordings.index).isEmpty)
    }

    @Test func `pictures that change their size repeatedly are limited to a few segments`() throws {
        let recorder = try recordings.recorder(try recordings.store())
        let error = #expect(throws: RecordingError.self) {
            for sequence in UInt64(1)...100 {
                let width = sequence.isMultiple(of: 2) ? 64 : 80
                try recordings.put(
                    recordings.frame(sequence, width: UInt16(width)), jpeg(Int(sequence), width: width), recorder)
            }
        }
        #expect(error?.description.contains("changes too often") == true)
        let count = try recordings.index.segments(of: nil, from: .min, to: .max).count
        #expect(count <= CameraRecorder.Limits().cutsPerSecond + 1)
    }

    @Test func `an interrupted removal is finished`() throws {
        let recorder = try recordings.recorder(try recordings.store())
        try recordings.append(1...10, to: recorder)
        try recorder.cut()
        let segment = try #require(try recordings.segments.first)
        #expect(try recordings.index.markRemoving(segment) != nil)
        _ = try recordings.recorder(try recordings.store())
        #expect(recordings.folder.size(segment.path) == nil)
        #expect(try recordings.index.storedBytes() == 0)
        #expect(try ArchiveCheck.verify(recordings.index).differences.isEmpty)
    }

    @Test func `a missing or unreadable file does not block recording of the camera`() throws {
        for (number, text) in [(UInt64(0), ""), (1, "no film")] {
            let path = "porch/2026-01-01/0\(number)-00-00.mkv"
            try recordings.scratch.makeFolders("recordings/porch/2026-01-01")
            if !text.isEmpty { try recordings.scratch.write(text, to: "recordings/\(path)") }
            let id = try recordings.index.insertSegment(
                camera: recordings.camera, path: path, incarnation: 9, sequence: 1, start: Recordings.noon, writer: "x")
            try recordings.index.write("test") { db in
                try db.execute(sql: "UPDATE segment SET frames = 7 WHERE id = ?", arguments: [id])
            }
        }
        let recorder = try recordings.recorder(try recordings.store())
        #expect(try recordings.append(1...5, to: recorder) == 5)
        try recorder.cut()
        #expect(try recordings.replay().count == 5)
        #expect(recordings.folder.size("porch/2026-01-01/01-00-00.mkv.damaged") == 7, "it is kept for examination")
    }

    @Test func `an archive that still writes is spared at first and later finds that it was superseded`() throws {
        let first = try recordings.recorder(try recordings.store())
        try recordings.append(1...10, to: first)
        _ = try first.synchronize()
        let store = try recordings.store(writer: "archive-2")
        let error = #expect(throws: RecordingError.self) { _ = try recordings.recorder(store) }
        guard case .busy = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        try store.finishInterrupted()
        #expect(try recordings.segments.map(\.state) == [.open])
        let second = try CameraRecorder(store, camera: recordings.camera, sparesWritten: false)
        try recordings.append(5...20, to: second)
        _ = try second.synchronize()
        try recordings.append(11...12, to: first)
        let late = #expect(throws: RecordingError.self) { _ = try first.synchronize() }
        guard case .superseded = late else {
            Issue.record("\(String(describing: late))")
            return
        }
        #expect(
            try recordings.index.cursor(of: recordings.camera, .jpeg)?.sequence == 20, "the cursor does not move back")
        try second.cut()
        #expect(try recordings.replay().map(\.sequence) == Array(1...20), "each frame once")
        let proof = try ArchiveCheck.verify(recordings.index)
        #expect(proof.differences.isEmpty, "late writes were undone")
        #expect(try ArchiveCheck.compare(recordings.index).isEmpty)
    }

    @Test(arguments: [0, 150_000, 450_000, 3_000_000, 4_000_000, 4_294_967_295])
    func `an interval selects the same frames in many segments as in one and opens no file in between`(
        interval: Int64
    ) throws {
        let recorder = try recordings.recorder(try recordings.store(), .filesOfOneSecond)
        try recordings.append(1...200, to: recorder)
        try recorder.cut()
        #expect(try recordings.segments.count > 15)
        var wanted: [UInt64] = []
        for number in UInt64(1)...200
        where wanted.isEmpty
            || FrameInterval.isDue(Recordings.time(number), after: Recordings.time(wanted.last!), every: interval)
        {
            wanted.append(number)
        }
        let shown = Set(wanted)
        for segment in try recordings.segments {
            let numbers = Set(try recordings.index.map(of: segment).map(\.sequence))
            if numbers.isDisjoint(with: shown) {
                try FileManager.default.removeItem(atPath: recordings.folder.absolute(segment.path))
            }
        }
        #expect(try recordings.replay(interval: .microseconds(interval)).map(\.sequence) == wanted)
    }

    @Test func `a replay whose deadline has passed continues later`() throws {
        let recorder = try recordings.recorder(try recordings.store())
        try recordings.append(1...5, to: recorder)
        try recorder.cut()
        let reader = RecordingReader(recordings.index, camera: recordings.camera, from: .min, to: .max, interval: .zero)
        for number in UInt64(1)...5 {
            guard case .pause = try reader.next(until: .now) else {
                Issue.record("the time was up")
                return
            }
            #expect(try reader.next()?.sequence == number)
        }
        guard case .pause = try reader.next(until: .now) else {
            Issue.record("the time was up")
            return
        }
        #expect(try reader.next() == nil)
    }

    @Test func `a replay continues in a segment that grows`() throws {
        let recorder = try recordings.recorder(try recordings.store())
        try recordings.append(1...5, to: recorder)
        _ = try recorder.synchronize()
        let reader = RecordingReader(recordings.index, camera: recordings.camera, from: .min, to: .max, interval: .zero)
        for number in UInt64(1)...5 { #expect(try reader.next()?.sequence == number) }
        try recordings.append(6...10, to: recorder)
        _ = try recorder.synchronize()
        for number in UInt64(6)...10 { #expect(try reader.next()?.sequence == number) }
        #expect(try reader.next() == nil)
    }

    @Test func `events of an earlier incarnation are ended`() throws {
        func event(_ id: UInt64) -> CameraEvent {
            CameraEvent(
                kind: .motion, state: .update, id: id, start: 1, last: 2, peakTime: 1, peakSequence: 1, peakBox: .none,
                boxes: [])
        }
        let index = recordings.index
        try index.record(event(1), of: recordings.camera, incarnation: 8)
        try index.record(event(2), of: recordings.camera, incarnation: 9)
        func open(_ incarnation: UInt64) throws -> [UInt64] {
            try index.openEvents(of: recordings.camera, incarnation: incarnation, limit: 2).map(\.id)
        }
        #expect(try open(8) == [1] && open(9) == [2])
        try index.endEvents(of: recordings.camera, except: 9)
        #expect(try open(8).isEmpty && open(9) == [2])
        try index.endEvents(of: recordings.camera, except: nil)
        #expect(try open(9).isEmpty)
        #expect(
            try index.events(of: nil, from: 0, to: 10).entries.map(\.event.state) == [.end, .end],
            "as no later report will tell it")
        #expect(try index.events(of: nil, from: 0, to: 10, limit: 1).entries.count == 2, "both begin at the same time")
    }
}
