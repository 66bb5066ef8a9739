import GRDB
import SecamBase
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamRecording

/// Recordings under a wrong wall clock, or from cameras that report wrong times.
@Suite struct WrongClockTests {
    private let recordings: Recordings

    init() throws { recordings = try Recordings() }

    private func rule(keep: Duration = .days(14), thinAfter: UInt32 = 0, of camera: Name? = nil) -> Recording.Camera {
        Recording.Camera(
            mode: .continuous, preRoll: 0, postRoll: 0, keep: UInt32(keep.components.seconds), keepBytes: 0,
            thinAfter: thinAfter, thinRate: 1000, camera: camera ?? recordings.camera)
    }

    /// Records a segment of ten frames with shifted times.
    private func record(
        _ first: UInt64, _ store: RecordingStore, offBy offset: Duration = .zero, of camera: Name? = nil
    ) throws {
        let recorder = try recordings.recorder(store, of: camera)
        for sequence in first..<first + 10 {
            recordings.clocks.pass(.milliseconds(100))
            let frame = recordings.frame(
                sequence, time: max(0, recordings.clocks.reading.wall + offset.microseconds))
            try recordings.putNow(frame, jpeg(Int(sequence)), recorder)
        }
        try recorder.cut()
    }

    private var sequences: [UInt64] {
        get throws { try recordings.segments.map(\.firstSequence).sorted() }
    }

    private func recordEvent(_ id: UInt64) throws {
        let now = recordings.clocks.reading.wall
        let event = CameraEvent(
            kind: .motion, state: .end, id: id, start: now, last: now, peakTime: now, peakSequence: 1, peakBox: .none,
            boxes: [])
        try recordings.index.record(event, of: recordings.camera, incarnation: 9)
        try recordings.index.record(
            RecordedGap(
                Gap(flow: 1, incarnation: 9, missing: SequenceRange(id, through: id)!, reason: .dropped), start: now,
                end: now), of: recordings.camera)
    }

    private var events: Int {
        get throws {
            try recordings.index.events(of: nil, from: .min, to: .max).entries.count
                + recordings.index.gaps(of: nil, from: .min, to: .max).count
        }
    }

    @Test(arguments: [15, 4000, -4000]) func `a step of the clock removes nothing`(days: Int) throws {
        let store = try recordings.store()
        try record(1, store)
        try recordEvent(1)
        recordings.clocks.set(by: .days(days))
        try store.retain([rule()])
        try record(11, store)
        try store.retain([rule()])
        try store.thin([rule(thinAfter: 60)])
        #expect(try sequences == [1, 11] && events == 2)
        #expect(try recordings.segments.map(\.frames) == [10, 10])
        #expect(store.figures.contains(Figure(.clockDoubted, 1)))

        recordings.clocks.set(by: .days(-days))
        try store.retain([rule()])
        #expect(try sequences == [1, 11])
        #expect(store.figures.contains(Figure(.clockDoubted, 0)))
        recordings.clocks.pass(.days(14))
        recordings.clocks.pass(.seconds(1))
        try store.retain([rule()])
        #expect(try sequences.isEmpty && events == 0, "14 days have passed")
    }

    @Test func `age counts from arrival after a start in 1970 and a correction of the clock`() throws {
        recordings.clocks.set(by: .microseconds(10_000_000 - recordings.clocks.reading.wall))
        let index = try RecordingIndex(
            RecordingFolder(recordings.scratch.file("other")), clocks: recordings.clocks)
        let store = try RecordingStore(
            index, writer: "a", limits: StorageQuota(maximumBytes: nil, minimumFreeBytes: 0), logger: quiet)
        let recorder = try CameraRecorder(store, camera: recordings.camera)
        for sequence in UInt64(1)...10 {
            recordings.clocks.pass(.milliseconds(100))
            let frame = recordings.frame(sequence, time: recordings.clocks.reading.wall)
            try recordings.putNow(frame, jpeg(1), recorder)
        }
        try recorder.cut()
        recordings.clocks.set(by: .microseconds(Recordings.noon - recordings.clocks.reading.wall))
        try store.retain([rule()])
        #expect(try index.segments(of: nil, from: .min, to: .max).count == 1)
        recordings.clocks.synchronize()
        recordings.clocks.pass(.days(13))
        try store.retain([rule()])
        #expect(try index.segments(of: nil, from: .min, to: .max).count == 1)
        recordings.clocks.pass(.days(2))
        try store.retain([rule()])
        #expect(try index.segments(of: nil, from: .min, to: .max).isEmpty)
    }

    @Test func `age-based retention resumes after an operator confirms the clock`() throws {
        let store = try recordings.store()
        try record(1, store)
        recordings.clocks.pass(.days(10))
        recordings.clocks.set(by: .days(10))
        try store.retain([rule()])
        recordings.clocks.pass(.days(5))
        try store.retain([rule()])
        #expect(try sequences == [1], "the clock is in doubt")
        let before = try recordings.index.confirmClock(isElapsed: false)
        #expect(before.doubt == .step(.days(10)))
        try store.retain([rule()])
        #expect(try sequences.isEmpty)
    }

    @Test func `a doubt persists across a restart of the archive`() throws {
        try record(1, try recordings.store())
        _ = try recordings.index.advanceClock()
        recordings.clocks.set(by: .days(15))
        let again = try RecordingIndex(recordings.folder, clocks: recordings.clocks)
        let store = try RecordingStore(
            again, writer: "b", limits: StorageQuota(maximumBytes: nil, minimumFreeBytes: 0), logger: quiet)
        try store.retain([rule()])
        #expect(try sequences == [1])
        #expect(try again.clock.doubt == .step(.days(15)))
    }

    @Test func `the first recordings to arrive are removed first, regardless of their times`() throws {
        try record(1, try recordings.store(), offBy: .days(4000))
        try record(11, try recordings.store())
        try record(21, try recordings.store(), offBy: .days(-4000))
        let store = try recordings.store(bytes: try recordings.index.storedBytes() - 1)
        try store.enforceLimits()
        #expect(try sequences == [11, 21])
    }

    @Test func `a camera beyond its share displaces only its own recordings`() throws {
        let other = try Name("greedy")
        let filling = try recordings.store()
        for first in [1, 11, 21] as [UInt64] { try record(first, filling) }
        let limit = try recordings.index.storedBytes() * 2
        let store = try recordings.store(bytes: limit)
        for number in UInt64(0)..<40 {
            try record(1 + number * 10, store, offBy: .days(40 * 365), of: other)
        }
        #expect(try recordings.index.segments(of: recordings.camera, from: .min, to: .max).count == 3)
        let own = try recordings.index.segments(of: other, from: .min, to: .max)
        #expect(!own.isEmpty && own.map(\.firstSequence).min() ?? 0 > 300, "its newest recordings are left")
        #expect(try recordings.index.storedBytes() <= limit)
    }

    @Test func `cameras beyond their share make room for another camera`() throws {
        let other = try Name("newcomer")
        let filling = try recordings.store()
        for first in stride(from: UInt64(1), to: 101, by: 10) { try record(first, filling) }
        let store = try recordings.store(bytes: try recordings.index.storedBytes() + 1000)
        for number in UInt64(0)..<20 { try record(1 + number * 10, store, of: other) }
        let counts = try [recordings.camera, other].map {
            try recordings.index.segments(of: $0, from: .min, to: .max).count
        }
        #expect(abs(counts[0] - counts[1]) <= 1, "\(counts)")
    }

    @Test func `the size of each camera's recordings follows every insertion, change and removal`() throws {
        let store = try recordings.store()
        let other = try Name("yard")
        try record(1, store)
        try record(11, store)
        try record(1, store, of: other)
        func counted() throws -> [Name: UInt64] {
            try Dictionary(
                grouping: recordings.index.segments(of: nil, from: .min, to: .max), by: \.camera
            ).mapValues { $0.reduce(0) { $0 + $1.bytes } }
        }
        #expect(try recordings.index.usage() == counted())
        recordings.clocks.pass(.days(2))
        try store.thin([rule(thinAfter: 60)])
        #expect(try recordings.index.usage() == counted())
        try store.retain([rule(keep: .days(1), of: other)])
        #expect(try recordings.index.usage() == counted() && counted().count == 1)
        _ = try ArchiveCheck.rebuild(recordings.index)
        #expect(try recordings.index.usage() == counted())
    }

    @Test func `each pass through a time that was recorded twice is read as a whole`() throws {
        let recorder = try recordings.recorder(try recordings.store(), .filesOfOneSecond)
        try recordings.append(1...50, to: recorder)
        // The clock is set back by 2.5 s.
        for sequence in UInt64(51)...90 {
            recordings.clocks.pass(.milliseconds(100))
            try recordings.putNow(
                recordings.frame(sequence, time: Recordings.time(sequence - 25)), jpeg(Int(sequence)), recorder)
        }
        try recorder.cut()
        #expect(try recordings.replay().map(\.sequence) == Array(1...90))
        let part = try recordings.replay(from: Recordings.time(35) + 50_000, to: Recordings.time(45))
        #expect(part.map(\.sequence) == Array(35...44) + Array(61...69))
        let protected = try recordings.index.protect(
            true, camera: recordings.camera, from: Recordings.time(35), to: Recordings.time(36))
        #expect(Set(protected.map(\.firstSequence)) == [31, 51], "both are protected")
        _ = try ArchiveCheck.rebuild(recordings.index)
        #expect(try recordings.replay().map(\.sequence) == Array(1...90))
    }

    @Test func `a rebuilt index keeps known ages and ignores implausible times in files`() throws {
        let store = try recordings.store()
        try record(1, store, offBy: .days(4000))
        try record(11, store, offBy: .days(-5000))
        recordings.clocks.pass(.days(13))
        _ = try ArchiveCheck.rebuild(recordings.index)
        try store.retain([rule()])
        #expect(try sequences == [1, 11])
        recordings.clocks.pass(.days(2))
        try store.retain([rule()])
        #expect(try sequences.isEmpty)

        try record(21, store, offBy: .days(-5000))
        try record(31, store, offBy: .days(4000))
        try record(41, store, offBy: .days(-13))
        try recordings.index.write("test") { db in try db.execute(sql: "DELETE FROM segment") }
        _ = try ArchiveCheck.rebuild(recordings.index)
        recordings.clocks.pass(.days(2))
        try store.retain([rule()])
        #expect(try sequences == [21, 31])
    }

    @Test func `migrating an older index gives recordings an age that no wrong time shortens`() throws {
        let path = recordings.scratch.file("old/.index/index.sqlite")
        let folder = RecordingFolder(recordings.scratch.file("old"))
        try folder.make()
        do {
            let old = try DatabaseQueue(path: path)
            try IndexSchema.migrator.migrate(old, upTo: "4 rules")
            // In the order of arrival: a start in 1970, a correct time, a time far ahead, a correct time.
            let now = Recordings.noon
            let ends = [5_000_000, now - 20 * 86_400_000_000, now + 4000 * 86_400_000_000, now - 86_400_000_000]
            try old.write { db in
                for (number, end) in ends.enumerated() {
                    try db.execute(
                        sql: """
                            INSERT INTO segment (camera, path, incarnation, firstSequence, lastSequence, start, end, frames,
                                bytes, map, state, writer) VALUES ('porch', ?, 1, 1, 1, ?, ?, 1, 100, x'', 1, 'a')
                            """, arguments: ["\(number)", end, end])
                }
            }
        }
        let index = try RecordingIndex(folder, clocks: recordings.clocks)
        let arrivals = try index.read("test") { db in
            try Int64.fetchAll(db, sql: "SELECT arrival FROM segment ORDER BY id")
        }
        #expect(arrivals == arrivals.sorted())
        let day: Int64 = 86_400_000_000
        #expect(arrivals.map { ($0 - Recordings.noon) / day } == [-20, -20, -20, -1])
        #expect(try index.usage() == [recordings.camera: 400])
        #expect(try index.clock.doubt == nil, "the newest recording is a day old")
    }
}
