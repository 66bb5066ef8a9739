import Foundation
import SecamPicture
import SecamTestSupport
import Synchronization
import Testing

/// Files, streams and pictures that misbehave as those of real cameras do, against real processes.
@Suite(.serialized) struct SourceTests {
    private let scratch = try! ScratchFolder()

    // MARK: Sources

    /// Makes a video of a moving pattern, 160x120 at 10 frames a second.
    @discardableResult
    private func film(_ name: String, seconds: Int = 3, _ arguments: String...) async throws -> String {
        try await Programs.tool(
            [
                "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10", "-t", "\(seconds)",
            ] + arguments + [name], in: scratch)
        return scratch.file(name)
    }

    private func jpegs() async throws -> [Data] {
        // The standard tables, as cameras that leave them out assume.
        try await film("film.mjpeg", "-c:v", "mjpeg", "-huffman", "default")
        return split(jpegs: try scratch.data("film.mjpeg"))
    }

    /// Makes an H.264 byte stream with a key frame every 20 frames.
    private func h264() async throws -> Data {
        try await film(
            "film.h264", seconds: 8, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
            "-bf", "0", "-g", "20", "-keyint_min", "20", "-sc_threshold", "0", "-x264-params",
            "slices=1:threads=1")
        return try scratch.data("film.h264")
    }

    /// Returns a Motion JPEG server; `part` makes the bytes of each picture, `nil` to close the connection.
    private func stream(
        _ type: String? = "multipart/x-mixed-replace; boundary=frame", framesPerSecond: Double = 10,
        _ part: @escaping @Sendable (Int) -> [UInt8]?
    ) throws -> ScriptedServer {
        try ScriptedServer.http { socket, _ in
            let header = type.map { "Content-Type: \($0)\r\n" } ?? ""
            try socket.send("HTTP/1.0 200 OK\r\n\(header)\r\n")
            for number in 0... {
                guard let bytes = part(number) else { return }
                try socket.send(bytes)
                Thread.sleep(forTimeInterval: 1 / framesPerSecond)
            }
        }
    }

    private func answer(_ type: String, _ content: Data) throws -> ScriptedServer {
        try ScriptedServer.http { socket, _ in
            try socket.send(
                "HTTP/1.0 200 OK\r\nContent-Type: \(type)\r\nContent-Length: \(content.count)\r\n\r\n")
            try socket.send([UInt8](content))
        }
    }

    private static func part(_ jpeg: Data, _ headers: String = "") -> [UInt8] {
        Array("--frame\r\nContent-Type: image/jpeg\r\n\(headers)\r\n".utf8) + jpeg + Array("\r\n".utf8)
    }

    private func withoutTables(_ jpeg: Data) -> Data {
        var bytes = [UInt8](jpeg)
        while let marker = bytes.firstRange(of: [0xff, 0xc4]) {
            let length = Int(bytes[marker.upperBound]) << 8 | Int(bytes[marker.upperBound + 1])
            bytes.removeSubrange(marker.lowerBound..<marker.upperBound + length)
        }
        return Data(bytes)
    }

    /// Waits until a camera's reason contains a text.
    private func waitForDetail(_ text: String, of camera: String, in set: RunningSet) async throws {
        var last: String?
        do {
            try await eventually("detail of \(camera)", seconds: 120) {
                last = try await set.cameras()[camera]?["detail"].text
                return last?.contains(text) == true
            }
        } catch {
            throw TestFailure("\(error): \(camera) reports '\(last ?? "nothing")', not '\(text)'")
        }
    }

    private func frames(_ camera: String, _ count: Int, in set: RunningSet) async throws -> [Data] {
        let path = scratch.file("\(camera)-\(UUID().uuidString)")
        let live = try await set.view(["live", camera, "--headless", "--frames", "\(count)", "--record", path + ".mkv"])
        guard live.status == 0 else { throw TestFailure("live \(camera): \(live.errors)") }
        try await Programs.tool(
            ["ffmpeg", "-v", "error", "-i", path + ".mkv", "-c", "copy", "-f", "mjpeg", path + ".mjpeg"], in: scratch)
        return split(jpegs: try Data(contentsOf: URL(fileURLWithPath: path + ".mjpeg")))
    }

    /// The test's own servers may wait long for the processor.
    private static let patient = ["SECAM_FRAME_TIMEOUT": "3600"]

    // MARK: Pictures over HTTP

    @Test func `Motion JPEG streams with wrong boundaries, lengths and types are played`() async throws {
        let jpegs = try await jpegs()
        let count = jpegs.count
        let bare = Array("Content-Type: image/jpeg\r\n\r\n".utf8)
        let servers: [(String, ScriptedServer)] = [
            ("no-first", try stream { $0 == 0 ? bare + jpegs[0] : Self.part(jpegs[$0 % count]) }),
            ("no-type", try stream(nil) { Self.part(jpegs[$0 % count]) }),
            ("no-boundary", try stream("multipart/x-mixed-replace") { Self.part(jpegs[$0 % count]) }),
            ("empty-parts", try stream { Self.part($0 % 2 == 0 ? Data() : jpegs[$0 / 2 % count]) }),
            ("long", try stream { Self.part(jpegs[$0 % count], "Content-Length: 2147483653\r\n") }),
            ("no-parts", try stream("image/jpeg") { [UInt8](jpegs[$0 % count]) }),
        ]
        let set = try await RunningSet(
            servers.map { "\($0.0)=\($0.1.url())" }, environment: Self.patient, scratch: scratch)
        defer { set.up.kill() }
        for (name, _) in servers {
            let seen = try await frames(name, 5, in: set)
            #expect(seen.count == 5)
            #expect(seen.allSatisfy { jpegs.contains($0) }, "\(name)")
        }
        // The measured rate, not an invented one.
        let rate = try await eventually("the measured rate") { try await set.cameras()["no-first"]?["fps"].number }
        #expect((3...15).contains(rate))
    }

    @Test func `single pictures and streams that close after one are fetched again at a set rate`() async throws {
        let jpegs = try await jpegs()
        let single = try answer("image/jpeg", jpegs[0])
        let closing = try stream { $0 == 0 ? Self.part(jpegs[0]) : nil }
        let set = try await RunningSet(
            ["single=\(single.url())", "closing=\(closing.url())"],
            environment: Self.patient.merging(["SECAM_FPS": "4"]) { $1 }, scratch: scratch)
        defer { set.up.kill() }
        for name in ["single", "closing"] {
            let live = try await set.view(["live", name, "--headless", "--frames", "8", "--stats"])
            #expect(live.status == 0, "\(live.errors)")
            #expect(try #require(try live.json()["cameras"][name]["fps"].number) < 6)
            #expect(try await set.snapshot(name) == jpegs[0])
        }
        #expect(!set.up.errors.contains("camera offline"))
    }

    @Test func `a video over HTTP plays at its own pace in a loop, a still picture file shows changes`() async throws {
        try await film("film.ts", "-c:v", "libx264", "-pix_fmt", "yuv420p")
        let jpegs = try await jpegs()
        let video = try answer("video/mp2t", try scratch.data("film.ts"))
        try jpegs[0].write(to: URL(fileURLWithPath: scratch.file("still.jpg")))
        let set = try await RunningSet(
            ["video=\(video.url())", "still=file:\(scratch.file("still.jpg"))"], environment: Self.patient,
            scratch: scratch)
        defer { set.up.kill() }
        let live = try await set.view(["live", "video", "--headless", "--frames", "50", "--stats"])
        #expect(try #require(try live.json()["cameras"]["video"]["fps"].number) < 20, "\(live.output)")
        #expect(video.connectionCount > 1, "the video was repeated")
        #expect(try await set.snapshot("still") == jpegs[0])
        try jpegs[5].write(to: URL(fileURLWithPath: scratch.file("still.jpg")))
        try await eventually("the changed picture") { try await set.snapshot("still") == jpegs[5] }
        #expect(!set.up.errors.contains("camera offline"))
    }

    @Test func `truncated JPEGs are counted and not shown, others are made complete`() async throws {
        let jpegs = try await jpegs()
        let count = jpegs.count
        let cut = { @Sendable (number: Int, hasEnd: Bool) -> Data in
            let jpeg = jpegs[number % count]
            guard number % 3 == 1 else { return jpeg }
            return jpeg.prefix(jpeg.count * 2 / 5) + (hasEnd ? [0xff, 0xd9] : [])
        }
        let plain = jpegs.map { withoutTables($0) }
        let ended = try stream { Self.part(cut($0, true)) }
        let open = try stream { Self.part(cut($0, false)) }
        let bare = try stream { Self.part(plain[$0 % count] + Data(count: 1500)) }
        try Data(plain.joined()).write(to: URL(fileURLWithPath: scratch.file("bare.mjpeg")))
        let set = try await RunningSet(
            [
                "ended=\(ended.url())", "open=\(open.url())", "bare=\(bare.url())",
                "file=file:\(scratch.file("bare.mjpeg"))",
            ], scratch: scratch)
        defer { set.up.kill() }
        for name in ["ended", "open"] {
            let seen = try await frames(name, 10, in: set)
            #expect(seen.allSatisfy { jpegs.contains($0) }, "\(name)")
            let damaged = try await set.status("capture", name)["frames_damaged"].integer
            #expect(try #require(damaged) >= 3, "\(name)")
        }
        for name in ["bare", "file"] {
            let seen = try await set.snapshot(name)
            #expect(seen.suffix(2) == Data([0xff, 0xd9]))
            let structure = try JPEGStructure([UInt8](seen).span)
            #expect(structure.hasHuffmanTables && structure.byteCount == seen.count)
        }
    }

    @Test func `CMYK, turned and stretched pictures are shown upright, in colours that viewers know`() async throws {
        let cmyk = plainJPEG(width: 160, height: 120, tables: StandardHuffmanTables.segment, components: 4)
        let server = try stream { _ in Self.part(Data(cmyk)) }
        try await film("plain.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p")
        try await Programs.tool(
            ["ffmpeg", "-v", "error", "-i", "plain.mp4", "-c", "copy", "-metadata:s:v", "rotate=90", "turned.mp4"],
            in: scratch)
        let wide = try await film("wide.mp4", "-vf", "setsar=2/1", "-c:v", "libx264", "-pix_fmt", "yuv420p")
        let set = try await RunningSet(
            ["cmyk=\(server.url())", "turned=file:\(scratch.file("turned.mp4"))", "wide=file:\(wide)"], scratch: scratch
        )
        defer { set.up.kill() }
        for (name, width, height) in [("cmyk", 160, 120), ("turned", 120, 160), ("wide", 320, 120)] {
            let seen = try SeenPicture(try await set.snapshot(name))
            #expect((seen.width, seen.height) == (width, height), "\(name)")
        }
    }

    // MARK: Times

    @Test func `files whose time jumps play on at their rate`() async throws {
        try await film("a.mkv", seconds: 1, "-c:v", "mjpeg")
        try await Programs.tool(
            [
                "ffmpeg", "-v", "error", "-i", "a.mkv", "-c", "copy", "-bsf:v",
                "setts=ts=TS+if(gte(N\\,5)\\,3600/TB\\,0)", "forward.mkv",
            ], in: scratch)
        try await film("b.ts", seconds: 1, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-output_ts_offset", "100")
        try await film("c.ts", seconds: 1, "-c:v", "libx264", "-pix_fmt", "yuv420p")
        let joined = try scratch.data("b.ts") + scratch.data("c.ts")
        try joined.write(to: URL(fileURLWithPath: scratch.file("back.ts")))
        let set = try await RunningSet(
            ["forward=file:\(scratch.file("forward.mkv"))", "back=file:\(scratch.file("back.ts"))"], scratch: scratch)
        defer { set.up.kill() }
        for name in ["forward", "back"] {
            let live = try await set.view(["live", name, "--headless", "--frames", "40", "--stats"])
            #expect(live.status == 0, "\(live.errors)")
            let rate = try #require(try live.json()["cameras"][name]["fps"].number)
            #expect((5...14).contains(rate), "\(name): \(rate)")
        }
    }

    // MARK: RTSP

    @Test func `RTSP cameras without parameter sets, over UDP, and in the middle of a group come up`() async throws {
        let video = try await h264()
        var options = RTSPCamera.Options()
        options.firstFrame = 3
        options.describesParameterSets = false
        let bare = try RTSPCamera(video, options)
        options.offersTCP = false
        let datagrams = try RTSPCamera(video, options)
        var late = RTSPCamera.Options()
        late.firstFrame = 1
        late.withholdsKeyFrames = true
        let long = try RTSPCamera(video, late)
        let set = try await RunningSet(
            ["bare=\(bare.url())", "udp=\(datagrams.url())", "long=\(long.url())"], scratch: scratch)
        defer { set.up.kill() }
        try await waitForDetail("waiting for a key frame", of: "long", in: set)
        long.sendKeyFrames()
        for name in ["bare", "udp", "long"] {
            try await set.waitForCamera(name, "online", "idle")
            let seen = try SeenPicture(try await set.snapshot(name))
            #expect((seen.width, seen.height) == (160, 120))
        }
    }

    @Test func `failures are reported with their reasons, and not repeated in a hurry`() async throws {
        var options = RTSPCamera.Options()
        options.challenge = "Digest realm=\"cam\", nonce=\"1\""
        let refusing = try RTSPCamera(Data(), options)
        options.challenge = "Digest realm=\"cam\", nonce=\"1\", algorithm=SHA-256, qop=\"auth\""
        let modern = try RTSPCamera(Data(), options)
        let page = try answer("text/html", Data("<html>Log in</html>".utf8))
        let silent = try ScriptedServer { _ in }
        let video = try await h264()
        var closes = RTSPCamera.Options()
        closes.closesAfter = 4
        let closing = try RTSPCamera(video, closes)
        var stalls = RTSPCamera.Options()
        stalls.stallsAfter = 5
        let stalling = try RTSPCamera(video, stalls)
        let set = try await RunningSet(
            [
                "refused=\(refusing.url(login: "u:x@"))", "modern=\(modern.url(login: "u:p@"))", "page=\(page.url())",
                "silent=\(silent.url(scheme: "rtsp"))", "nowhere=rtsp://no.such.host.invalid/live",
                "closing=\(closing.url())", "stalling=\(stalling.url())",
            ], record: "continuous", environment: ["SECAM_FRAME_TIMEOUT": "2"], scratch: scratch)
        defer { set.up.kill() }
        for (name, reason) in [
            ("refused", "login refused. Check the user and password"), ("modern", "digest with SHA-256"),
            ("page", "content of type text/html"), ("silent", "no valid RTSP answer"),
            ("nowhere", "no address found for 'no.such.host.invalid'"), ("closing", "the server closed the connection"),
            ("stalling", "no data for 2.0 s"),
        ] {
            try await waitForDetail(reason, of: name, in: set)
        }
        // One attempt has up to three connections; cameras lock accounts after a few wrong passwords.
        #expect(refusing.connectionCount <= 6)
        #expect(closing.connectionCount <= 12)
    }
}
