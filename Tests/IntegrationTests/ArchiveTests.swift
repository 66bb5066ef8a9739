import Foundation
import Glibc
import SecamTestSupport
import Testing

/// Recording, search, replay and export through all services.
@Suite(.serialized) struct ArchiveTests {
    private let scratch: ScratchFolder

    init() throws { scratch = try ScratchFolder() }

    private func film(_ frames: Int, _ size: String = "160x120") async throws -> String {
        try await Programs.tool(
            [
                "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=\(size):rate=10", "-frames:v", "\(frames)",
                "-c:v", "mjpeg", "film.mkv",
            ], in: scratch)
        return "file:" + scratch.file("film.mkv")
    }

    private func jpegs(_ name: String) async throws -> [Data] {
        try await Programs.tool(
            ["ffmpeg", "-v", "error", "-y", "-i", name, "-c", "copy", "-f", "mjpeg", name + ".mjpeg"], in: scratch)
        return split(jpegs: try scratch.data(name + ".mjpeg"))
    }

    /// Waits until a number of seconds of a camera is recorded, and returns their start and end in UTC microseconds.
    private func recorded(
        _ set: RunningSet, _ camera: String, seconds: Double, arguments: [String] = []
    ) async throws -> (start: Int, end: Int) {
        try await eventually("\(seconds) s of \(camera)", seconds: 120) {
            let list = try await set.view(["recordings", camera, "--json"]).json()["recordings"].values
            // The newest first.
            guard let start = list.last?["start_us"].integer, let end = list.first?["end_us"].integer,
                Double(end - start) / 1e6 >= seconds
            else { return nil }
            return (start, end)
        }
    }

    private func iso(_ microseconds: Int) -> String {
        let date = Date(timeIntervalSince1970: Double(microseconds) / 1e6)
        return date.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true))
    }

    @Test func `recordings are found, replayed and exported byte for byte, and any player reads them`() async throws {
        let source = try await film(20)
        let pictures = try await jpegs("film.mkv")
        let set = try await RunningSet(["film=\(source)"], record: "continuous", scratch: scratch)
        defer { set.up.kill() }
        let (start, end) = try await recorded(set, "film", seconds: 8)
        let table = try await set.view(["recordings"])
        #expect(table.output.contains("film") && table.output.contains("being recorded"))
        let timeline = try await set.view(["timeline", "film"])
        #expect(timeline.output.contains("-"), "\(timeline.output)")

        // Exactly four seconds from the middle.
        let (from, to) = (start + 2_000_000, start + 6_000_000)
        for name in ["clip.mkv", "clip.mp4"] {
            let exported = try await set.view(
                ["export", "film", "--from", iso(from), "--to", iso(to), "-o", scratch.file(name)])
            #expect(exported.status == 0, "\(exported.errors)")
            let clip = try await jpegs(name)
            #expect((39...41).contains(clip.count), "\(clip.count)")
            #expect(clip.allSatisfy { pictures.contains($0) })
            let probed = try await Programs.tool(
                [
                    "ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames",
                    "-of",
                    "csv=p=0", name,
                ], in: scratch)
            #expect(probed.output.trimmingCharacters(in: .whitespacesAndNewlines) == "mjpeg,\(clip.count)")
        }
        let again = try await set.view(
            ["export", "film", "--from", iso(from), "--to", iso(to), "-o", scratch.file("clip.mkv")])
        #expect(again.status == 73 && again.errors.contains("--force"))
        let backwards = try await set.view(
            ["export", "film", "--from", iso(to), "--to", iso(from), "-o", scratch.file("no.mkv")])
        #expect(backwards.status == 64 && backwards.errors.contains("is not before"))
        let nothing = try await set.view(
            ["export", "film", "--from", "1990-01-01", "--to", "1990-01-02", "-o", scratch.file("no.mkv")])
        #expect(nothing.status == 66 && nothing.errors.contains("nothing is recorded"))

        for arguments in [["recordings", "fim"], ["timeline", "fim"]] {
            let unknown = try await set.view(arguments)
            #expect(unknown.status == 66 && unknown.errors.contains("no camera 'fim'"), "\(unknown.errors)")
        }
        let noDay = try await set.view(["timeline", "film", "--day", "2026-02-30"])
        #expect(noDay.status == 64 && noDay.errors.contains("--day"), "\(noDay.errors)")

        let snapshot = try await set.view(["snapshot", "film", "--at", iso(end - 1_000_000), "-o", "-"])
        #expect(pictures.contains(snapshot.outputData))

        // Any player reads a file that is being written, whole or truncated.
        let path = try #require(
            FileManager.default.enumerator(atPath: scratch.file("data/recordings"))?.compactMap { $0 as? String }
                .first { $0.hasSuffix(".mkv") })
        let bytes = try scratch.data("data/recordings/\(path)")
        for (name, count) in [("whole.mkv", bytes.count), ("cut.mkv", bytes.count * 2 / 3)] {
            try bytes.prefix(count).write(to: URL(fileURLWithPath: scratch.file(name)))
            let frames = try await jpegs(name)
            #expect(frames.count > 10 && frames.allSatisfy { pictures.contains($0) }, "\(name)")
            let played = try await Programs.run(
                "/usr/bin/mpv", ["--no-config", "--vo=null", "--ao=null", "--untimed", "--msg-level=all=error", name],
                in: scratch)
            #expect(played.status == 0, "mpv \(name): \(played.output) \(played.errors)")
        }
    }

    @Test func `an export with missing frames names their times, and has its own exit status`() async throws {
        let source = try await film(20)
        let set = try await RunningSet(["film=\(source)"], record: "continuous", scratch: scratch)
        defer { set.up.kill() }
        _ = try await recorded(set, "film", seconds: 3)
        // The restarted archive completes the open file, and begins a new one.
        try await set.killService("archive")
        let (start, end) = try await recorded(set, "film", seconds: 8)
        let files = try #require(
            FileManager.default.enumerator(atPath: scratch.file("data/recordings"))?.compactMap { $0 as? String }
                .filter { $0.hasSuffix(".mkv") }.sorted())
        #expect(files.count == 2)
        let whole = try await set.view(
            ["export", "film", "--from", iso(start), "--to", iso(end), "-o", scratch.file("whole.mkv")])
        #expect(whole.status == 0, "\(whole.errors)")
        let frames = try await jpegs("whole.mkv").count

        // Removes the first file without its row in the index.
        try FileManager.default.removeItem(atPath: scratch.file("data/recordings/\(files[0])"))
        let partial = try await set.view(
            ["export", "film", "--from", iso(start), "--to", iso(end), "-o", scratch.file("partial.mkv")])
        #expect(partial.status == 79, "\(partial.status): \(partial.errors)")
        #expect(partial.errors.contains("missing"), "\(partial.errors)")
        let year = iso(start).prefix(4)
        #expect(partial.errors.contains(year), "with its times: \(partial.errors)")
        let left = try await jpegs("partial.mkv").count
        #expect(left > 0 && left < frames)
    }

    @Test func `complete recordings are compressed, and can still be exported and shown`() async throws {
        try FileManager.default.createDirectory(
            atPath: scratch.file("data"), withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try scratch.write("record:\n  mode: continuous\n  codec: h264\n", to: "data/policy.yaml", mode: 0o644)
        let first = try await RunningSet(["film=test:320x240@10"], record: "continuous", scratch: scratch)
        defer { first.up.kill() }
        let (start, end) = try await recorded(first, "film", seconds: 4)
        // The end of the archive completes what it records.
        first.up.send(SIGTERM)
        _ = try await first.up.finish()
        let set = try await RunningSet(
            ["film=test:320x240@10"], record: "continuous", scratch: scratch, password: first.password)
        defer { set.up.kill() }
        // The recording of the first set, and the open one of the second set.
        let listed = try await eventually("a recording of each set") {
            let list = try await set.view(["recordings", "film", "--json"]).json()["recordings"].values
            return list.count >= 2 ? list : nil
        }
        let newest = try await set.view(["recordings", "film", "--json", "--limit", "1"]).json()
        #expect(newest["recordings"].values.map { $0["start_us"] } == [listed[0]["start_us"]])
        #expect(newest["more_before_us"] == listed[0]["start_us"])
        let more = try await set.view(["recordings", "film", "--limit", "1"])
        #expect(more.output.contains("There is more from before"), "\(more.output)")
        let older = try await set.view([
            "recordings", "film", "--json", "--to", try #require(newest["more_before"].text),
        ]).json()
        #expect(older["recordings"].values.map { $0["start_us"] } == listed.dropFirst().map { $0["start_us"] })
        #expect(older["more_before_us"] == .null)
        let file = try FileManager.default.subpathsOfDirectory(atPath: scratch.file("data/recordings/film"))
            .filter { $0.hasSuffix(".mkv") }.min()
        let path = scratch.file("data/recordings/film/\(try #require(file))")
        try await eventually("a compressed file") {
            let probed = try await Programs.tool(
                ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", path], in: scratch)
            return probed.output.contains("h264")
        }
        try await eventually("its row") {
            let now = try await set.view(["recordings", "film", "--json"]).json()["recordings"].values
            return now.last?["start_us"] == listed.last?["start_us"]
        }
        let exported = try await set.view(
            ["export", "film", "--from", iso(start), "--to", iso(end), "-o", scratch.file("clip.mkv")])
        #expect(exported.status == 0, "\(exported.errors)")
        #expect(try await jpegs("clip.mkv").count >= 35)
        let snapshot = try await set.view(
            ["snapshot", "film", "--at", iso(start + 2_000_000), "-o", scratch.file("then.jpg")])
        #expect(try snapshot.status == 0 && scratch.data("then.jpg").starts(with: [0xff, 0xd8]), "\(snapshot.errors)")
        let verified = try await set.secam(["archive", "verify"])
        #expect(verified.status == 0, "\(verified.output)")
    }

    @Test func `a camera in motion mode is recorded from before a visit to after it`() async throws {
        let source = try await VisitFootage.make(seconds: 30, visit: 12..<15, speed: 120, in: scratch)
        try scratch.makeFolders("data")
        try scratch.setMode("data", 0o700)
        try scratch.write("record:\n  pre-roll: 3s\n  post-roll: 2s\n", to: "data/policy.yaml", mode: 0o644)
        let set = try await RunningSet(
            ["porch=\(source)"], motion: 1, record: "motion", scratch: scratch)
        defer { set.up.kill() }
        // The first recording is from before a motion service watched, when everything is recorded.
        let visit = try await eventually("a visit that is over and recorded", seconds: 120) {
            () -> (JSONValue, JSONValue)? in
            let events = try await set.view(["events", "porch", "--json"]).json()["events"].values
            guard let event = events.last(where: { $0["kind"].text == "motion" && $0["state"].text == "end" }),
                let start = event["start_us"].integer, let last = event["last_us"].integer
            else { return nil }
            let files = try await set.view(["recordings", "porch", "--json"]).json()["recordings"].values
            let file = files.first { file in
                file["open"] == .boolean(false) && (file["start_us"].integer ?? .max) <= start
                    && (file["end_us"].integer ?? 0) >= last
            }
            return file.map { (event, $0) }
        }
        let event = visit.0
        let file = visit.1
        let before = try Double(#require(event["start_us"].number) - #require(file["start_us"].number)) / 1e6
        let after = try Double(#require(file["end_us"].number) - #require(event["last_us"].number)) / 1e6
        #expect((2.8...3.3).contains(before), "\(before) s of pre-roll")
        // The end of an event is known some seconds after its last motion; the frames recorded until then stay.
        #expect((1.9...4).contains(after), "\(after) s of post-roll")
        let timeline = try await set.view(["timeline", "porch"])
        #expect(timeline.output.contains("#"), "\(timeline.output)")

        // The archive makes the thumbnail some time later.
        try await eventually("a thumbnail") {
            let saved = try await set.view(["events", "porch", "--thumbnails", scratch.file("pictures")])
            guard saved.status == 0 else { throw TestFailure(saved.errors) }
            return try !FileManager.default.contentsOfDirectory(atPath: scratch.file("pictures")).isEmpty
        }
        let name = try #require(
            try FileManager.default.contentsOfDirectory(atPath: scratch.file("pictures")).max())
        #expect(name.hasPrefix("porch 20") && name.hasSuffix(".jpg"))
        let probed = try await Programs.tool(
            [
                "ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width", "-of", "csv=p=0",
                "pictures/\(name)",
            ],
            in: scratch)
        #expect(probed.output == "mjpeg,320\n")
    }

    @Test func `recordings of hidden cameras do not exist for a user, and only admins protect`() async throws {
        let set = try await RunningSet(
            ["porch=test:160x120@10", "yard=test:160x120@10"], record: "continuous", scratch: scratch)
        defer { set.up.kill() }
        try await set.addUser("bert", password: "a long password", ["--role", "viewer", "--cameras", "yard"])
        let (start, end) = try await recorded(set, "porch", seconds: 3)
        _ = try await recorded(set, "yard", seconds: 3)
        let seen = try await set.view(["recordings", "--json"], user: "bert", password: "a long password")
        #expect(Set(try seen.json()["recordings"].values.map { $0["camera"].text }) == ["yard"])
        for camera in ["porch", "nowhere"] {
            let asked = try await set.view(
                ["snapshot", camera, "--at", iso((start + end) / 2), "-o", "-"], user: "bert",
                password: "a long password")
            #expect(asked.status == 66 && asked.outputData.isEmpty, "\(asked.errors)")
        }
        let forbidden = try await set.view(["protect", "yard"], user: "bert", password: "a long password")
        #expect(forbidden.status == 77 && forbidden.errors.contains("admin"), "\(forbidden.errors)")
        let kept = try await set.view(["protect", "yard"])
        #expect(kept.status == 0 && kept.output.contains("protected"), "\(kept.errors)")
        let released = try await set.view(["protect", "yard", "--release"])
        #expect(released.status == 0 && !released.output.contains("protected"))
    }

    @Test func `check, rebuild and verify report changed files and a damaged index`() async throws {
        let set = try await RunningSet(["porch=test:160x120@10"], record: "continuous", scratch: scratch)
        _ = try await recorded(set, "porch", seconds: 3)
        let busy = try await set.secam(["archive", "rebuild"])
        #expect(busy.status == 74 && busy.errors.contains("Stop it first"), "\(busy.errors)")
        set.up.send(SIGTERM)
        _ = try await set.up.finish()
        let checked = try await set.secam(["archive", "check"])
        #expect(checked.status == 0, "\(checked.output) \(checked.errors)")
        let verified = try await set.secam(["archive", "verify", "--json"])
        #expect(verified.status == 0, "\(verified.output) \(verified.errors)")
        #expect(try verified.json()["segments"].integer == 1)
        let path = try #require(
            FileManager.default.enumerator(atPath: scratch.file("data/recordings"))?.compactMap { $0 as? String }
                .first { $0.hasSuffix(".mkv") })
        try scratch.append("x", to: "data/recordings/\(path)")
        let changed = try await set.secam(["archive", "verify"])
        #expect(changed.status == 65 && changed.output.contains("changed"), "\(changed.output)")
        try scratch.write("no database", to: "data/recordings/.index/index.sqlite")
        let damaged = try await set.secam(["archive", "check"])
        #expect(damaged.status == 65 && damaged.errors.contains("rebuild"), "\(damaged.errors)")
        let rebuilt = try await set.secam(["archive", "rebuild"])
        #expect(rebuilt.status == 0 && rebuilt.output.contains("1 recordings"), "\(rebuilt.output) \(rebuilt.errors)")
        #expect(try await set.secam(["archive", "check"]).status == 0)

        let asked = try await set.secam(["archive", "remove", "porch"])
        #expect(asked.status != 0 && asked.errors.contains("--yes"), "\(asked.errors)")
        let removed = try await set.secam(["archive", "remove", "porch", "--yes"])
        #expect(removed.status == 0 && removed.output.contains("recordings removed"), "\(removed)")
        let unknown = try await set.secam(["archive", "remove", "nobody", "--yes"])
        #expect(unknown.status == 66, "\(unknown)")
    }
}
