import GRDB
import Glibc
import Logging
import SecamBase
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamRecording

@Suite struct RetentionTests {
    private let recordings: Recordings

    init() throws { recordings = try Recordings() }

    /// Records segments of ten frames each.
    private func record(_ segments: Int, _ store: RecordingStore) throws {
        let recorder = try recordings.recorder(store)
        for number in 0..<UInt64(segments) {
            try recordings.append(number * 10 + 1...number * 10 + 10, to: recorder)
            try recorder.cut()
        }
    }

    private func rule(keep: UInt32 = 0, bytes: UInt64 = 0) -> Recording.Camera {
        Recording.Camera(
            mode: .continuous, preRoll: 0, postRoll: 0, keep: keep, keepBytes: bytes, thinAfter: 0, thinRate: 1000,
            camera: recordings.camera)
    }

    @Test func `only recordings older than the rule allows are removed`() throws {
        let store = try recordings.store()
        try record(5, store)
        let third = try recordings.segments[2]
        recordings.clocks.pass(untilWall: third.end + 60_000_000 + 1)
        try store.retain([rule(keep: 60)])
        #expect(try recordings.segments.map(\.firstSequence) == [31, 41])
        #expect(recordings.folder.files().count == 2, "file and row are removed together")
    }

    @Test func `the oldest recordings are removed when a camera exceeds its size`() throws {
        let store = try recordings.store()
        try record(5, store)
        let sizes = try recordings.segments.map(\.bytes)
        try store.retain([rule(bytes: sizes[3] + sizes[4])])
        #expect(try recordings.segments.map(\.firstSequence) == [31, 41])
    }

    @Test func `the size limit is never exceeded while recording`() throws {
        try record(3, try recordings.store())
        let cap = try recordings.index.storedBytes() + 20_000
        let store = try recordings.store(bytes: cap)
        let recorder = try recordings.recorder(store)
        for sequence in UInt64(31)...200 {
            try recordings.put(recordings.frame(sequence), jpeg(Int(sequence)), recorder)
            if sequence.isMultiple(of: 10) { try recorder.cut() }
            let onDisk = recordings.folder.files().compactMap { recordings.folder.size($0) }.reduce(0, +)
            #expect(onDisk <= cap)
        }
        try recorder.cut()
        #expect(try recordings.segments.last?.lastSequence == 200)
        #expect(try ArchiveCheck.compare(recordings.index).isEmpty)
    }

    @Test func `recordings younger than the minimum retention are not removed to make room`() throws {
        try record(3, try recordings.store())
        let cap = try recordings.index.storedBytes() + 10_000
        let store = try RecordingStore(
            recordings.index, writer: "test",
            limits: StorageQuota(maximumBytes: cap, minimumFreeBytes: 0, minimumRetention: .seconds(3600)),
            logger: Logger(label: "test"))
        let recorder = try recordings.recorder(store)
        let error = #expect(throws: RecordingError.self) {
            for sequence in UInt64(31)...100 {
                try recordings.put(recordings.frame(sequence), jpeg(Int(sequence)), recorder)
            }
        }
        #expect("\(try #require(error))".contains("--keep-at-least"))
        #expect(try recordings.segments.first?.firstSequence == 1, "nothing was removed")
        recordings.clocks.pass(.seconds(3601))
        #expect(try recordings.append(101...110, to: recorder) == 10)
        #expect(try recordings.segments.first?.firstSequence != 1)
    }

    @Test func `an operator's removal spares recordings that are protected or being written`() throws {
        let store = try recordings.store()
        try record(4, store)
        let before = try recordings.segments
        _ = try recordings.index.protect(
            true, camera: recordings.camera, from: before[1].start, to: before[1].start + 1)
        let recorder = try recordings.recorder(store)
        try recordings.append(41...45, to: recorder)
        _ = try recorder.synchronize()
        let old = try store.remove(allOf: recordings.camera, before: before[2].start)
        #expect(old.count == 1 && old.left == 1)
        #expect(try recordings.segments.map(\.firstSequence) == [11, 21, 31, 41])
        let rest = try store.remove(allOf: recordings.camera, before: .max)
        #expect(rest.count == 2 && rest.left == 2)
        #expect(try recordings.segments.map(\.firstSequence) == [11, 41])
        try recorder.cut()
        let proof = try ArchiveCheck.verify(recordings.index)
        #expect(proof.differences.isEmpty && proof.released == 3)
    }

    @Test func `protected recordings stay, and recording fails when there is no room`() throws {
        try record(3, try recordings.store())
        let kept = try recordings.index.protect(true, camera: recordings.camera, from: .min, to: .max)
        #expect(kept.count == 3 && kept.allSatisfy(\.isProtected))
        let store = try recordings.store(bytes: try recordings.index.storedBytes() + 100)
        recordings.clocks.pass(.years)
        try store.retain([rule(keep: 1, bytes: 1)])
        #expect(try recordings.segments.count == 3)
        let recorder = try recordings.recorder(store)
        let error = #expect(throws: RecordingError.self) { try recordings.append(31...31, to: recorder) }
        #expect(error?.isDiskFull == true)
        _ = try recordings.index.protect(false, camera: recordings.camera, from: .min, to: Recordings.time(5))
        #expect(try recordings.append(31...31, to: recorder) == 1, "one recording is removable again")
        #expect(try recordings.segments.filter { $0.state == .complete }.map(\.firstSequence) == [11, 21])
    }

    @Test func `a path in the index that leads out of the folder removes nothing`() throws {
        let store = try recordings.store()
        try record(2, store)
        try recordings.scratch.write("kept", to: "outside.txt")
        try recordings.index.write("test") { db in
            try db.execute(sql: "UPDATE segment SET path = '../outside.txt' WHERE id = 1")
        }
        recordings.clocks.pass(.years)
        try store.retain([rule(keep: 1)])
        #expect(recordings.scratch.text("outside.txt") == "kept")
        #expect(try recordings.segments.isEmpty)
    }

    // MARK: Thinning

    private var thinning: Recording.Camera {
        Recording.Camera(
            mode: .continuous, preRoll: 0, postRoll: 0, keep: 0, keepBytes: 0, thinAfter: 60, thinRate: 2000,
            camera: recordings.camera)
    }

    @Test func `nothing is recorded into the folder in which a disk was mounted`() throws {
        let store = try recordings.store()
        let recorder = try recordings.recorder(store)
        try recordings.append(1...5, to: recorder)
        try recorder.cut()
        let path = recordings.folder.path
        let isMoved = unsafe rename(path, path + ".away") == 0
        try #require(isMoved)
        try RecordingFolder(path).make()
        let error = #expect(throws: RecordingError.self) { try recordings.append(6...6, to: recorder) }
        guard case .folderReplaced = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(recordings.folder.files().isEmpty)
    }

    @Test func `old recordings are thinned and their remaining frames are unchanged`() throws {
        let store = try recordings.store()
        try record(3, store)
        _ = try recordings.index.protect(true, camera: recordings.camera, from: Recordings.time(25), to: .max)
        let before = try recordings.index.storedBytes()
        try store.thin([thinning])
        #expect(try recordings.index.storedBytes() == before, "nothing is old enough")
        recordings.clocks.pass(untilWall: Recordings.time(100) + 60_000_000)
        try store.thin([thinning])
        let frames = try recordings.replay()
        // Every fifth of ten frames per second stays. The third segment is protected.
        #expect(frames.map(\.sequence) == [1, 6, 11, 16] + Array(21...30))
        for frame in frames {
            #expect(frame.timestamp == Recordings.time(frame.sequence))
            #expect(try frame.jpeg == jpeg(Int(frame.sequence)))
        }
        #expect(try recordings.index.storedBytes() < before)
        #expect(try ArchiveCheck.compare(recordings.index).isEmpty)
        let proof = try ArchiveCheck.verify(recordings.index)
        #expect(proof.differences.isEmpty && proof.segments == 3 && proof.released == 2)
        recordings.clocks.pass(.years)
        try store.thin([thinning])
        #expect(try recordings.replay().count == frames.count, "nothing is left to do")
    }

    @Test(arguments: [false, true]) func `an interrupted thinning is finished`(hasNewFile: Bool) throws {
        let store = try recordings.store()
        try record(1, store)
        let segment = try #require(try recordings.segments.first)
        if hasNewFile {
            // The state after a kill between the new file and its row: the old row with the new file.
            let map = try recordings.index.read("test") { db in
                try Row.fetchOne(db, sql: "SELECT map, frames, bytes FROM segment")!
            }
            recordings.clocks.pass(.years)
            try store.thin([thinning])
            try recordings.index.write("test") { db in
                try db.execute(
                    sql: "UPDATE segment SET map = ?, frames = ?, bytes = ?",
                    arguments: [map["map"], map["frames"], map["bytes"]])
            }
        }
        try recordings.index.write("test") { db in try db.execute(sql: "UPDATE segment SET state = 3") }
        try recordings.scratch.write("half a film", to: "recordings/porch/2026-01-01/.12-00-00.mkv.thin")
        _ = try recordings.recorder(try recordings.store())
        let frames = try recordings.replay()
        #expect(frames.map(\.sequence) == (hasNewFile ? [1, 6] : Array(1...10)))
        #expect(frames.allSatisfy { $0.timestamp == Recordings.time($0.sequence) })
        #expect(try ArchiveCheck.compare(recordings.index).isEmpty)
        #expect(try ArchiveCheck.verify(recordings.index).differences.isEmpty)
        #expect(recordings.folder.size(segment.path) != nil)
        #expect(recordings.folder.size("porch/2026-01-01/.12-00-00.mkv.thin") == nil)
    }

    // MARK: Gone cameras

    @Test func `all recordings of a gone camera are removed together once its last one is old enough`() throws {
        let store = try recordings.store()
        try record(3, store)
        let last = try #require(try recordings.segments.last?.end)
        let keep = Duration.days(30)
        let others: Set<Name> = [try Name("yard")]
        recordings.clocks.pass(untilWall: last + 29 * 86_400_000_000)
        try store.removeGoneCameras(after: keep, admitted: others)
        #expect(try recordings.segments.count == 3, "the last one is not old enough")
        recordings.clocks.pass(.days(2))
        try store.removeGoneCameras(after: keep, admitted: others.union([recordings.camera]))
        try store.removeGoneCameras(after: keep, admitted: [])
        try store.removeGoneCameras(after: .zero, admitted: others)
        #expect(try recordings.segments.count == 3, "the camera is admitted, or the list of cameras is unknown")
        _ = try recordings.index.protect(true, camera: recordings.camera, from: .min, to: Recordings.time(5))
        try store.removeGoneCameras(after: keep, admitted: others)
        #expect(try recordings.segments.map(\.isProtected) == [true])
        #expect(try ArchiveCheck.verify(recordings.index).differences.isEmpty)
    }

    @Test func `a step of the wall clock removes no gone camera's recordings`() throws {
        let store = try recordings.store()
        try record(2, store)
        recordings.clocks.set(by: .days(400))
        try store.removeGoneCameras(after: .days(30), admitted: [try Name("yard")])
        #expect(try recordings.segments.count == 2)
        // The clock stays in doubt until an operator confirms it.
        recordings.clocks.pass(.days(31))
        try store.removeGoneCameras(after: .days(30), admitted: [try Name("yard")])
        #expect(try recordings.segments.count == 2)
        _ = try recordings.index.confirmClock(isElapsed: false)
        try store.removeGoneCameras(after: .days(30), admitted: [try Name("yard")])
        #expect(try recordings.segments.isEmpty)
    }

    // MARK: Check, rebuild, verify

    @Test func `differences between files and index are found`() throws {
        try record(3, try recordings.store())
        #expect(try ArchiveCheck.compare(recordings.index).isEmpty)
        let paths = try recordings.segments.map(\.path)
        try recordings.folder.remove(paths[0])
        try recordings.scratch.append("x", to: "recordings/\(paths[1])")
        try recordings.scratch.copyFile("recordings/\(paths[2])", to: "recordings/porch/2026-01-01/foreign.mkv")
        let differences = try ArchiveCheck.compare(recordings.index)
        #expect(Set(differences.map(\.path)) == [paths[0], paths[1], "porch/2026-01-01/foreign.mkv"])
    }

    @Test func `the index is rebuilt from the files`() throws {
        try record(3, try recordings.store())
        _ = try recordings.index.protect(true, camera: recordings.camera, from: .min, to: Recordings.time(5))
        let before = try recordings.segments
        try recordings.scratch.write("no film", to: "recordings/porch/2026-01-01/00-00-00.mkv")
        try recordings.index.write("test") { db in
            try db.execute(sql: "UPDATE segment SET frames = 1, map = x'' WHERE id > 1")
        }
        let (count, foreign) = try ArchiveCheck.rebuild(recordings.index)
        #expect(count == 3 && foreign.map(\.path) == ["porch/2026-01-01/00-00-00.mkv"])
        let after = try recordings.segments
        #expect(after.map(\.path) == before.map(\.path))
        #expect(after.map(\.frames) == before.map(\.frames))
        #expect(after.map(\.firstSequence) == before.map(\.firstSequence))
        #expect(after.map(\.lastSequence) == before.map(\.lastSequence))
        #expect(after.map(\.incarnation) == before.map(\.incarnation))
        #expect(after.map(\.start) == before.map(\.start), "to the microsecond, from the file")
        #expect(after.map(\.isProtected) == [true, false, false])
        let frames = try recordings.replay()
        #expect(frames.map(\.sequence) == Array(1...30))
        #expect(frames.allSatisfy { abs($0.timestamp - Recordings.time($0.sequence)) <= 1000 })
        #expect(try ArchiveCheck.verify(recordings.index).differences.isEmpty)
    }

    @Test func `a lost index is rebuilt from the files alone`() throws {
        try record(2, try recordings.store())
        let folder = RecordingFolder(recordings.scratch.file("other"))
        try folder.make()
        for path in try recordings.segments.map(\.path) {
            try recordings.scratch.makeFolders("other/porch/2026-01-01")
            try recordings.scratch.copyFile("recordings/\(path)", to: "other/\(path)")
        }
        let index = try RecordingIndex(folder)
        #expect(try ArchiveCheck.rebuild(index).segments == 2)
        #expect(try index.segments(of: nil, from: .min, to: .max).map(\.frames) == [10, 10])
        #expect(try ArchiveCheck.verify(index).segments == 2)
    }

    @Test func `the chain detects every change and every removal except by retention`() throws {
        let store = try recordings.store()
        try record(4, store)
        let paths = try recordings.segments.map(\.path)
        let whole = try ArchiveCheck.verify(recordings.index)
        #expect(whole.differences.isEmpty && whole.segments == 4 && whole.head.count == 64)
        // The first segment arrived a second before the second one.
        recordings.clocks.pass(untilWall: try recordings.segments[1].end + 3_600_000_000)
        try store.retain([rule(keep: 3600)])
        let retained = try ArchiveCheck.verify(recordings.index)
        #expect(retained.differences.isEmpty && retained.segments == 3 && retained.released == 1)
        #expect(retained.head == whole.head)

        try recordings.folder.remove(paths[1])
        try recordings.scratch.append("x", to: "recordings/\(paths[2])")
        try recordings.index.write("test") { db in
            try db.execute(sql: "UPDATE link SET digest = x'00' WHERE path = ?", arguments: [paths[3]])
        }
        let differences = try ArchiveCheck.verify(recordings.index).differences
        #expect(differences.contains { $0.path == paths[1] && $0.what.contains("not by retention") })
        #expect(differences.contains { $0.path == paths[2] && $0.what.contains("changed") })
        #expect(differences.contains { $0.path == paths[3] && $0.what.contains("chain") })
        try recordings.index.write("test") { db in try db.execute(sql: "DELETE FROM link WHERE number = 2") }
        #expect(try ArchiveCheck.verify(recordings.index).differences.contains { $0.what.contains("taken out") })
    }

    @Test func `a file removed by another program is never reported as released`() throws {
        let store = try recordings.store()
        try record(3, store)
        let paths = try recordings.segments.map(\.path)
        try recordings.folder.remove(paths[0])
        recordings.clocks.pass(.years)
        try store.retain([rule(keep: 1)])
        #expect(try recordings.segments.isEmpty)
        let proof = try ArchiveCheck.verify(recordings.index)
        #expect(proof.differences.map(\.path) == [paths[0]] && proof.released == 2)
        #expect(try ArchiveCheck.compare(recordings.index).isEmpty)
    }

    @Test func `a changed recording is not thinned, so that verification reports it`() throws {
        let store = try recordings.store()
        try record(2, store)
        let path = try recordings.segments[0].path
        try recordings.scratch.append("x", to: "recordings/\(path)")
        recordings.clocks.pass(.years)
        try store.thin([thinning])
        #expect(try recordings.segments.map(\.frames) == [10, 2])
        #expect(try ArchiveCheck.verify(recordings.index).differences.map(\.path) == [path])
    }

    @Test func `the last rule of a camera that is no longer recorded remains in force`() throws {
        let store = try recordings.store()
        try record(3, store)
        try store.retain(try recordings.index.remember([rule(keep: 3600)]))
        try store.retain(try recordings.index.remember([rule(keep: 60)]))
        #expect(try recordings.segments.count == 3)
        // Another archive, which does not know this camera.
        let other = try recordings.store(writer: "archive-2")
        recordings.clocks.pass(.microseconds(60_000_001))
        try other.retain(try recordings.index.remember([]))
        #expect(try recordings.segments.isEmpty)
    }

    @Test func `opening a damaged index or one of a newer version fails with the remedy`() throws {
        try recordings.index.write("test") { db in
            try db.execute(sql: "INSERT INTO grdb_migrations VALUES ('99 the future')")
        }
        let newer = #expect(throws: RecordingError.self) { _ = try RecordingIndex(recordings.folder) }
        #expect(newer?.description.contains("newer") == true)
        let folder = RecordingFolder(recordings.scratch.file("damaged"))
        try folder.make()
        try recordings.scratch.write(String(repeating: "no database ", count: 1000), to: "damaged/.index/index.sqlite")
        let damaged = #expect(throws: RecordingError.self) { _ = try RecordingIndex(folder) }
        #expect(damaged?.description.contains("rebuild") == true)
    }

    @Test func `a rebuild excludes archives`() throws {
        let writing = try VolumeLock(recordings.folder, isAlone: false)
        let other = try VolumeLock(recordings.folder, isAlone: false)
        #expect(throws: RecordingError.self) { _ = try VolumeLock(recordings.folder, isAlone: true) }
        withExtendedLifetime((writing, other)) {}
    }
}
