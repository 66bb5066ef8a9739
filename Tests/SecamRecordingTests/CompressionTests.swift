import GRDB
import SecamJPEG
import SecamMedia
import SecamPicture
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamRecording

@Suite struct CompressionTests {
    private let recordings: Recordings

    init() throws { recordings = try Recordings() }

    private func rule(_ codec: RecordingCodec = .h264) -> Recording.Camera {
        Recording.Camera(
            mode: .continuous, codec: codec, preRoll: 0, postRoll: 0, keep: 0, keepBytes: 0, thinAfter: 60,
            thinRate: 1000, camera: recordings.camera)
    }

    /// Returns a picture whose brightness depends on the number.
    private func picture(_ number: UInt64, width: Int = 320, height: Int = 240) throws -> [UInt8] {
        var pixels = [UInt8](repeating: 128, count: PixelFormat.i420.byteCount(width: width, height: height)!)
        for index in 0..<width * height {
            pixels[index] =
                UInt8(truncatingIfNeeded: index % width / 4 + index / width / 4) / 2 + UInt8(number * 3 % 120)
        }
        var encoder = try JPEGEncoder()
        return try encoder.encode(pixels.span, format: .i420, width: width, height: height, quality: 90) {
            [UInt8](copying: $0)
        }
    }

    private func brightness(_ jpeg: [UInt8]) throws -> Double {
        var decoder = try JPEGDecoder()
        let header = try decoder.header(of: jpeg.span)
        var luma = [UInt8](repeating: 0, count: header.width * header.height)
        var span = luma.mutableSpan
        _ = try decoder.decodeLuma(jpeg.span, scale: .full, into: &span)
        return luma.reduce(0) { $0 + Double($1) } / Double(luma.count)
    }

    private func record(_ frames: ClosedRange<UInt64>, _ store: RecordingStore, width: Int = 320) throws {
        let recorder = try recordings.recorder(store)
        for sequence in frames {
            let frame = recordings.frame(sequence, width: UInt16(width), height: 240)
            try recordings.put(frame, try picture(sequence, width: width), recorder)
        }
        try recorder.cut()
    }

    @Test func `cameras take turns, and a failed compression is retried only after a pause`() throws {
        let store = try recordings.store()
        let other = try Name("yard")
        for camera in [recordings.camera, other] {
            for first in [UInt64(1), 100] {
                let recorder = try recordings.recorder(store, of: camera)
                for sequence in first...first + 3 {
                    try recordings.put(recordings.frame(sequence), try picture(sequence, width: 64), recorder)
                }
                try recorder.cut()
            }
        }
        let rules = [recordings.camera, other].map { camera in
            Recording.Camera(
                mode: .continuous, codec: .h264, preRoll: 0, postRoll: 0, keep: 0, keepBytes: 0, thinAfter: 0,
                thinRate: 1000, camera: camera)
        }
        var tried: [(camera: Name, path: String)] = []
        for _ in 0..<5 {
            guard let next = try store.nextToCompress(rules) else { break }
            tried.append((next.segment.camera, next.path))
            try store.end(next, .postponed("it cannot be opened"))
        }
        #expect(tried.map(\.camera) == [recordings.camera, other, recordings.camera, other])
        #expect(Set(tried.map(\.path)).count == 4, "each once, then all are paused")
    }

    private func compressAll(_ store: RecordingStore) throws -> [Compression.Outcome] {
        var outcomes: [Compression.Outcome] = []
        while let next = try store.nextToCompress([rule()]) {
            let outcome = next.make { false }
            outcomes.append(outcome)
            try store.end(next, outcome)
        }
        return outcomes
    }

    @Test func `a changed or removed recording is not compressed and does not block others`() throws {
        let store = try recordings.store()
        try record(1...30, store)
        try record(31...60, store)
        try record(61...90, store)
        let paths = try recordings.segments.map(\.path)
        try recordings.scratch.append("x", to: "recordings/\(paths[1])")
        try recordings.folder.remove(paths[2])
        let outcomes = try compressAll(store)
        #expect(
            outcomes == [.useless("it is gone"), .useless("it was changed after it was recorded"), .made])
        #expect(try ArchiveCheck.verify(recordings.index).differences.map(\.path) == [paths[1], paths[2]])
    }

    @Test func `a compressed recording is smaller and keeps the time and number of each frame`() throws {
        let store = try recordings.store()
        try record(1...70, store)
        try record(71...90, store)
        let before = try recordings.index.storedBytes()
        #expect(try store.nextToCompress([rule(.jpeg)]) == nil)
        #expect(try compressAll(store) == [.made, .made])
        #expect(try recordings.index.storedBytes() < before / 3)
        let frames = try recordings.replay()
        #expect(frames.map(\.sequence) == Array(1...90))
        for frame in frames {
            #expect(frame.timestamp == Recordings.time(frame.sequence))
            #expect(frame.width == 320 && frame.height == 240)
            let expected = try brightness(try picture(frame.sequence))
            #expect(abs(try brightness(frame.jpeg) - expected) < 3, "\(frame.sequence)")
        }
        #expect(
            try recordings.replay(from: Recordings.time(65), to: Recordings.time(75)).map(\.sequence) == Array(65...74))
        #expect(try recordings.replay(interval: .seconds(1)).map(\.sequence) == [1, 11, 21, 31, 41, 51, 61, 71, 81])
        #expect(try ArchiveCheck.compare(recordings.index).isEmpty)
        let proof = try ArchiveCheck.verify(recordings.index)
        #expect(proof.differences.isEmpty && proof.segments == 2 && proof.released == 2)
        #expect(try compressAll(store).isEmpty, "nothing is left to do")
        recordings.clocks.pass(.years)
        try store.thin([rule()])
        #expect(try recordings.replay().count == 90, "compressed recordings are not thinned")
    }

    @Test func `an index is rebuilt from compressed files too`() throws {
        let store = try recordings.store()
        try record(5...30, store)
        #expect(try compressAll(store) == [.made])
        #expect(try ArchiveCheck.rebuild(recordings.index).segments == 1)
        let frames = try recordings.replay()
        #expect(frames.map(\.sequence) == Array(5...30))
        #expect(frames.allSatisfy { abs($0.timestamp - Recordings.time($0.sequence)) <= 1000 })
        #expect(try store.nextToCompress([rule()]) == nil)
    }

    @Test(arguments: [false, true]) func `an interrupted compression is finished`(hasNewFile: Bool) throws {
        let store = try recordings.store()
        try record(1...20, store)
        let old = try #require(try recordings.segments.first)
        if hasNewFile { #expect(try compressAll(store) == [.made]) }
        // The state after a kill before the row's update, with or without the new file in place.
        try recordings.index.write("test") { db in
            try db.execute(
                sql: "UPDATE segment SET state = 4, compressed = 0, bytes = ?", arguments: [Int64(old.bytes)])
        }
        try recordings.scratch.write("half a film", to: "recordings/porch/2026-01-01/.12-00-00.mkv.archive-9.small")
        _ = try recordings.recorder(try recordings.store())
        #expect(try recordings.replay().map(\.sequence) == Array(1...20))
        #expect(try ArchiveCheck.compare(recordings.index).isEmpty)
        #expect(try ArchiveCheck.verify(recordings.index).differences.isEmpty)
        #expect(recordings.folder.size("porch/2026-01-01/.12-00-00.mkv.archive-9.small") == nil)
        let next = try recordings.store().nextToCompress([rule()])
        #expect((next == nil) == hasNewFile)
    }

    @Test func `a recording that is protected meanwhile or cannot be compressed stays unchanged`() throws {
        let store = try recordings.store()
        try record(1...10, store)
        let next = try #require(try store.nextToCompress([rule()]))
        #expect(next.make { false } == .made)
        _ = try recordings.index.protect(true, camera: recordings.camera, from: .min, to: .max)
        try store.end(next, .made)
        let frames = try recordings.replay()
        #expect(try frames.map(\.jpeg) == (1...10).map { try picture($0) })
        #expect(recordings.folder.files().count == 1)
        #expect(try store.nextToCompress([rule()]) == nil)

        try record(11...20, store, width: 321)
        let odd = try compressAll(store)
        #expect(odd.count == 1 && odd.first != .made, "its colour format is unsupported")
        #expect(try recordings.replay().map(\.sequence) == Array(1...20))
        #expect(try store.nextToCompress([rule()]) == nil, "it is not tried again")
    }

    @Test func `two archives that compress the same recording do not damage it`() throws {
        let (first, second) = (try recordings.store(writer: "archive-1"), try recordings.store(writer: "archive-2"))
        try record(1...10, first)
        let one = try #require(try first.nextToCompress([rule()]))
        let other = try #require(try second.nextToCompress([rule()]))
        #expect(one.make { false } == .made)
        var asked = 0
        let postponed = other.make {
            asked += 1
            return asked > 5
        }
        #expect(postponed == .postponed("the archive ends"))
        try first.end(one, .made)
        #expect(other.make { false } != .made, "it is already compressed")
        try second.end(other, .made)
        #expect(try recordings.replay().map(\.sequence) == Array(1...10))
        #expect(try ArchiveCheck.verify(recordings.index).differences.isEmpty)
        #expect(try ArchiveCheck.compare(recordings.index).isEmpty)
    }

    @Test func `temporary files of a lost archive are removed with the recording`() throws {
        let store = try recordings.store()
        try record(1...10, store)
        try recordings.scratch.write("half a film", to: "recordings/porch/2026-01-01/.12-00-00.mkv.archive-9.small")
        try store.remove(try #require(try recordings.segments.first), reason: "test")
        #expect(recordings.folder.size("porch/2026-01-01/.12-00-00.mkv.archive-9.small") == nil)
    }

    @Test func `compression stops with the archive and resumes at the next start`() throws {
        let store = try recordings.store()
        try record(1...10, store)
        let next = try #require(try store.nextToCompress([rule()]))
        let outcome = next.make { true }
        #expect(outcome == .postponed("the archive ends"))
        try store.end(next, outcome)
        #expect(try compressAll(try recordings.store()) == [.made])
    }

    @Test func `room for the compressed file is reserved`() throws {
        try record(1...10, try recordings.store())
        try record(11...20, try recordings.store())
        let cap = try recordings.index.storedBytes() + 1000
        let store = try recordings.store(bytes: cap)
        let next = try #require(try store.nextToCompress([rule()]))
        #expect(try recordings.segments.map(\.firstSequence) == [11], "the oldest was removed for it")
        let outcome = next.make { false }
        try store.end(next, outcome)
        #expect(outcome == .made)
        let recorder = try recordings.recorder(store)
        #expect(try recordings.append(21...21, to: recorder) == 1, "the reservation has ended")
    }
}
