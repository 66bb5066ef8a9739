import SecamBase
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamClient

@Suite("A live session and its recordings")
struct LiveSessionTests {
    private func session(
        _ words: Words = Words(), _ change: (inout LiveSession.Options) throws -> Void
    ) throws -> LiveSession {
        var options = LiveSession.Options()
        try change(&options)
        return LiveSession(server: try ServerAddress("h:1"), options: options, showMessage: words.showMessage)
    }

    private func list(_ names: [String]) throws -> GatewayEvent {
        .cameras(
            try names.enumerated().map { try ScriptedGateway.Camera(UInt32($0.offset + 1), $0.element).listed })
    }

    private func isMatroska(_ path: String) throws -> Bool {
        Array(try FileIO.read(path, limit: 1 << 20).prefix(4)) == [0x1a, 0x45, 0xdf, 0xa3]
    }

    @Test func `a session ends after the requested number of frames of each camera`() throws {
        let session = try session { options in
            options.cameras = [try Name("demo"), try Name("yard")]
            options.frameLimit = 2
        }
        session.handle(try list(["demo", "yard"]))
        for sequence: UInt64 in 1...3 { session.handle(.frame(try frame(sequence: sequence))) }
        #expect(session.outcome == nil)
        for sequence: UInt64 in 1...2 { session.handle(.frame(try frame("yard", sequence: sequence))) }
        #expect(session.wait() == .done)
        #expect(session.statistics().map(\.statistics.frames) == [2, 2])
    }

    @Test func `an unknown camera ends the session, with the names of the known ones`() throws {
        let session = try session { $0.cameras = [try Name("demo"), try Name("garden")] }
        session.handle(try list(["yard", "demo"]))
        guard case .failed(let error) = session.wait() else {
            Issue.record("the camera was not missed")
            return
        }
        #expect(error.exitStatus == .noInput)
        #expect(error.description.contains("'garden'"))
        #expect(error.description.contains("demo, yard"))
    }

    @Test func `cameras that appear later are shown, and those that leave stay`() throws {
        let session = try session { $0.isHeadless = false }
        session.handle(try list([]))
        #expect(session.outcome == nil)
        session.handle(try list(["b"]))
        session.handle(try list(["a"]))
        #expect(session.cameras.map(\.name.text) == ["a", "b"])
        #expect(session.cameras[1].notice(.connected(.viewer), now: at(0))?.hasPrefix("offline since") == true)
        session.end(.done)
    }

    @Test func `a lost and a restored connection are reported once each`() throws {
        let words = Words()
        let session = try session(words) { $0.cameras = [try Name("demo")] }
        for state: ConnectionState in [
            .connecting, .connected(.viewer), .reconnecting(.lost("x")), .reconnecting(.lost("y")), .connected(.viewer),
        ] {
            session.handle(.state(state))
        }
        #expect(words.all == ["gateway h:1: connection lost: x; reconnecting", "gateway h:1: connected again"])
    }

    @Test func `frames are recorded and decoded at the same time`() throws {
        let folder = try ScratchFolder()
        let session = try session { options in
            options.cameras = [try Name("demo"), try Name("yard")]
            options.record = folder.file("r.mkv")
            options.frameLimit = 3
        }
        try session.prepareRecording()
        session.startDecoding(threads: 2)
        session.handle(try list(["demo", "yard"]))
        for sequence: UInt64 in 1...3 {
            for name in ["demo", "yard"] {
                session.handle(.frame(try frame(name, sequence: sequence, timestamp: Int64(sequence) * 40_000)))
            }
        }
        #expect(session.wait() == .done)
        session.stopDecoding()
        try session.finish()
        for name in ["demo", "yard"] {
            let bytes = try FileIO.read(folder.file("r-\(name).mkv"), limit: 1 << 20)
            #expect(try isMatroska(folder.file("r-\(name).mkv")))
            #expect(occurrences(of: TestJPEG.bytes, in: bytes) == 3)
        }
    }

    @Test func `an existing recording is refused before the first frame, and an empty one is removed`() throws {
        let folder = try ScratchFolder()
        let path = try folder.write("r.mkv", "old")
        let refused = try session { options in
            options.cameras = [try Name("demo")]
            options.record = path
        }
        #expect(throws: ClientError.fileExists(path: path)) { try refused.prepareRecording() }
        #expect(try FileIO.read(path, limit: 10) == Array("old".utf8))

        let unused = try session { options in
            options.cameras = [try Name("demo")]
            options.record = folder.file("new.mkv")
        }
        try unused.prepareRecording()
        #expect(FileIO.exists(folder.file("new.mkv")))
        try unused.finish()
        #expect(!FileIO.exists(folder.file("new.mkv")))
    }

    @Test func `a recording is replaced only on request, and only by frames`() throws {
        let folder = try ScratchFolder()
        let path = try folder.write("r.mkv", "old")
        for hasFrames in [false, true] {
            let session = try session { options in
                options.cameras = [try Name("demo")]
                options.record = path
                options.force = true
            }
            try session.prepareRecording()
            session.handle(try list(["demo"]))
            if hasFrames { session.handle(.frame(try frame())) }
            try session.finish()
            #expect(try isMatroska(path) == hasFrames)
        }
    }

    @Test func `a new picture size or a clock set back continues the recording in another file`() throws {
        let folder = try ScratchFolder()
        let recorder = try Recorder(
            path: folder.file("r.mkv"), camera: try Name("demo"), replacing: false, failed: { _ in })
        for (timestamp, width): (Int64, UInt16) in [
            (9_000_000, 64), (8_999_000, 64), (9_040_000, 32), (1_000_000, 32),
        ] {
            #expect(recorder.offer(try frame(timestamp: timestamp, width: width)))
        }
        try recorder.finish()
        for name in ["r.mkv", "r-2.mkv", "r-3.mkv"] { #expect(try isMatroska(folder.file(name))) }
        #expect(!FileIO.exists(folder.file("r-4.mkv")))
    }

    @Test func `a missing folder fails the recording with its path`() throws {
        #expect(throws: ClientError.self) {
            try Recorder(
                path: "/nonexistent/r.mkv", camera: try Name("demo"), replacing: false, failed: { _ in })
        }
    }

    @Test func `a headless session ends when no recording is left`() throws {
        let folder = try ScratchFolder()
        for name in ["demo", "yard"] { _ = try folder.write("r-\(name).mkv", "old") }
        let words = Words()
        let session = try session(words) { $0.record = folder.file("r.mkv") }
        session.handle(try list(["demo", "yard"]))
        session.handle(.frame(try frame()))
        session.handle(.frame(try frame(sequence: 2)))
        #expect(session.outcome == nil)
        session.handle(.frame(try frame("yard")))
        #expect(session.wait() == .failed(.fileExists(path: folder.file("r-yard.mkv"))))
        #expect(words.all.count == 2)
        #expect(throws: ClientError.fileExists(path: folder.file("r-demo.mkv"))) { try session.finish() }
    }

    @Test func `a camera whose file cannot be written does not end other recordings`() throws {
        let folder = try ScratchFolder()
        _ = try folder.write("r-demo.mkv", "old")
        let words = Words()
        let session = try session(words) { $0.record = folder.file("r.mkv") }
        session.handle(try list(["demo", "yard"]))
        for sequence: UInt64 in 1...3 {
            for name in ["demo", "yard"] { session.handle(.frame(try frame(name, sequence: sequence))) }
        }
        #expect(session.outcome == nil)
        #expect(words.all.count == 1 && words.all[0].contains("camera 'demo'"))
        #expect(throws: ClientError.fileExists(path: folder.file("r-demo.mkv"))) { try session.finish() }
        let bytes = try FileIO.read(folder.file("r-yard.mkv"), limit: 1 << 20)
        #expect(occurrences(of: TestJPEG.bytes, in: bytes) == 3)
    }

    @Test(arguments: [-1, -(1 << 61), 1 << 61] as [Int64])
    func `a recording lacks frames whose time no file can hold`(timestamp: Int64) throws {
        let folder = try ScratchFolder()
        let words = Words()
        let session = try session(words) { options in
            options.cameras = [try Name("demo")]
            options.record = folder.file("r.mkv")
        }
        session.handle(try list(["demo"]))
        session.handle(.frame(try frame(timestamp: timestamp)))
        session.handle(.frame(try frame(sequence: 2)))
        session.handle(.frame(try frame(sequence: 3, timestamp: timestamp)))
        session.handle(.frame(try frame(sequence: 4, timestamp: 2_000)))
        #expect(session.outcome == nil)
        try session.finish()
        #expect(words.all.count == 1 && words.all[0].contains("camera 'demo'"))
        #expect(session.cameras[0].statistics.unrecorded == 2)
        let bytes = try FileIO.read(folder.file("r.mkv"), limit: 1 << 20)
        #expect(occurrences(of: TestJPEG.bytes, in: bytes) == 2)
    }

    @Test func `damaged pictures are counted, and others are decoded at the size on the screen`() throws {
        let news = EventLog()
        let session = LiveSession(
            server: try ServerAddress("h:1"), options: LiveSession.Options(),
            changed: { news.append(.state(.connecting)) }, showMessage: { _ in })
        session.startDecoding(threads: 1)
        session.handle(try list(["demo"]))
        session.handle(.frame(try frame(picture: Array("no JPEG".utf8))))
        _ = try news.first { _ in session.cameras[0].statistics.damaged == 1 ? true : nil }
        session.handle(.frame(try frame(sequence: 2)))
        let picture = try news.first { _ in session.cameras[0].picture }
        #expect(picture.width == 64 && picture.height == 48)
        session.setDisplaySize(of: try Name("demo"), width: 32, height: 1000)
        session.handle(.frame(try frame(sequence: 3)))
        let smaller = try news.first { _ in session.cameras[0].picture.flatMap { $0 === picture ? nil : $0 } }
        #expect(smaller.width == 32 && smaller.height == 24)
        session.stopDecoding()
    }

    private func occurrences(of part: [UInt8], in bytes: [UInt8]) -> Int {
        bytes.indices.dropLast(part.count - 1).count { index in
            bytes[index] == part[0] && bytes[index..<index + part.count].elementsEqual(part)
        }
    }
}
