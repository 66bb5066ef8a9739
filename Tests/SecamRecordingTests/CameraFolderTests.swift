import Foundation
import GRDB
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamRecording

@Suite struct CameraFolderTests {
    @Test(arguments: [
        ("porch", "porch"), ("cam-1_b.2", "cam-1_b.2"), ("Door", "+door"), ("door", "door"), ("DOOR", "+d+o+o+r"),
        ("+door", "%2bdoor"), ("%44oor", "%2544oor"), ("back yard", "back%20yard"), ("a:b?c*", "a%3ab%3fc%2a"),
        ("yard.", "yard%2e"), ("con", "%63on"), ("con.1", "%63on.1"), ("lpt1", "%6cpt1"), ("console", "console"),
        ("Con", "+con"), ("com10", "com10"), ("Tür", "+t%c3%bcr"), ("é", "%c3%a9"), ("玄関", "%e7%8e%84%e9%96%a2"),
    ])
    func `a camera's folder has a name that every file system accepts`(_ camera: String, _ folder: String) throws {
        #expect(CameraFolder.name(of: try Name(camera)) == folder)
    }

    @Test func `no two cameras share a folder, even if case is ignored`() throws {
        // Every class of bytes, in every position of a name.
        let letters = Array("aA+%bB.: 0é-_cn").map(String.init)
        var folders: [String: Name] = [:]
        var count = 0
        for first in letters {
            for second in letters {
                for third in letters {
                    guard let name = try? Name(first + second + third) else { continue }
                    count += 1
                    let folder = CameraFolder.name(of: name)
                    let other = folders.updateValue(name, forKey: folder.lowercased())
                    #expect(other == nil, "\(name) and \(other?.text ?? "")")
                    #expect(folder == folder.lowercased() && folder.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f })
                    #expect(!folder.contains { "<>:\"/\\|?*".contains($0) })
                    #expect(folder.last != "." && folder.first != ".")
                    #expect((try? Name(folder)) != nil)
                }
            }
        }
        #expect(count > 2000)
    }

    @Test func `the longest camera name gives a valid folder name`() throws {
        let name = try Name(String(repeating: ":", count: WireLimits.name))
        #expect(CameraFolder.name(of: name).utf8.count <= 255)
    }

    @Test func `cameras whose names differ only in case are recorded separately`() throws {
        let recordings = try Recordings()
        let store = try recordings.store()
        for name in ["Door", "door", "a:b"] {
            let recorder = try recordings.recorder(store, of: try Name(name))
            try recordings.append(1...3, to: recorder)
            try recorder.cut()
        }
        let folders = Set(recordings.folder.files().compactMap { $0.split(separator: "/").first.map(String.init) })
        #expect(folders == ["+door", "door", "a%3ab"])
        #expect(try ArchiveCheck.rebuild(recordings.index).segments == 3)
        #expect(Set(try recordings.segments.map(\.camera.text)) == ["Door", "door", "a:b"])
        #expect(try ArchiveCheck.compare(recordings.index).isEmpty)
    }

    /// Makes two recordings like earlier versions, whose folders have the camera's name.
    private func recordAsBefore(_ camera: Name, _ recordings: Recordings) throws {
        let recorder = try recordings.recorder(try recordings.store(), of: camera)
        for frames in [1...3, 4...6] as [ClosedRange<UInt64>] {
            try recordings.append(frames, to: recorder)
            try recorder.cut()
        }
        try FileManager.default.moveItem(
            atPath: recordings.folder.absolute(CameraFolder.name(of: camera)),
            toPath: recordings.folder.absolute(camera.text))
        try recordings.index.write("test") { db in
            try db.execute(sql: "DELETE FROM link; DELETE FROM segment; DELETE FROM cursor")
        }
        #expect(try ArchiveCheck.rebuild(recordings.index).segments == 2)
    }

    @Test func `recordings in a folder of an earlier version remain valid`() throws {
        let recordings = try Recordings()
        let camera = try Name("Back Door")
        try recordAsBefore(camera, recordings)
        // A power cut has lost the last row of the index.
        try recordings.index.write("test") { db in
            try db.execute(sql: "DELETE FROM link WHERE number = 2; DELETE FROM segment WHERE firstSequence = 4")
        }
        let recorder = try recordings.recorder(try recordings.store(), of: camera)
        #expect(try recordings.append(1...6, to: recorder) == 0, "already recorded")
        #expect(try recordings.append(7...9, to: recorder) == 3)
        try recorder.cut()
        let folders = try recordings.segments.compactMap { $0.path.split(separator: "/").first.map(String.init) }
        #expect(folders == ["Back Door", "Back Door", "+back%20+door"])
        #expect(try ArchiveCheck.rebuild(recordings.index).segments == 3)
        #expect(try recordings.segments.map(\.frames) == [3, 3, 3])
        #expect(try ArchiveCheck.compare(recordings.index).isEmpty)
    }

    @Test func `a folder that has the name of another camera's earlier folder is shared without harm`() throws {
        let recordings = try Recordings()
        try recordAsBefore(try Name("+door"), recordings)
        try recordings.index.write("test") { db in try db.execute(sql: "DELETE FROM segment WHERE firstSequence = 4") }
        let recorder = try recordings.recorder(try recordings.store(), of: try Name("Door"))
        try recordings.append(1...3, to: recorder)
        try recorder.cut()
        let cameras = try recordings.segments.map(\.camera.text)
        #expect(cameras.sorted() == ["+door", "Door"], "no recording of the other camera is added")
        #expect(try ArchiveCheck.rebuild(recordings.index).segments == 3)
        #expect(try recordings.segments.map(\.camera.text).sorted() == ["+door", "+door", "Door"])
    }
}
