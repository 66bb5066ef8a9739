import Foundation
import Glibc
import SecamTestSupport
import Testing

@Suite(.serialized) struct ViewerTests {
    @Test func `cameras are listed with their state, size and rate`() async throws {
        try await RunningSet.with(["b=test:64x64@5", "a=test:320x240@10"]) { set in
            let finished = try await set.view(["cameras", "--json"])
            #expect(finished.status == 0, "\(finished.errors)")
            let cameras = try finished.json()["cameras"].values
            #expect(cameras.map { $0["name"].text } == ["a", "b"])
            #expect(cameras[0]["width"].integer == 320)
            #expect(cameras[0]["height"].integer == 240)
            #expect(cameras[0]["fps"].number == 10)
            #expect(["online", "idle"].contains(cameras[0]["state"].text))
            #expect(try #require(cameras[0]["since_us"].integer) > 1_600_000_000_000_000)
            let table = try await set.view(["cameras"])
            #expect(table.output.split(separator: "\n").count == 3)
        }
    }

    @Test func `statistics have their documented form`() async throws {
        try await RunningSet.with(["a=test:320x240@10", "b=test:320x240@10"]) { set in
            let finished = try await set.view(["live", "--headless", "--frames", "10", "--stats"])
            #expect(finished.status == 0, "\(finished.errors)")
            let text = finished.output
            #expect(text.hasSuffix("\n") && text.dropLast().allSatisfy { $0 != "\n" }, "one line")
            let cameras = try finished.json()["cameras"]
            #expect(cameras.names == ["a", "b"])
            for name in ["a", "b"] {
                let figures = cameras[name]
                #expect(figures["frames"].integer == 10)
                // On a busy machine, a newer frame may replace one for which the viewer had no credit.
                #expect(try #require(figures["gaps"].integer) >= 0)
                #expect(try #require(figures["fps"].number) > 0)
                #expect(try #require(figures["bytes"].integer) > 10 * 1000)
                #expect(figures["latency_ms"].names == ["p50", "p99"])
                #expect(try #require(figures["latency_ms"]["p50"].number) >= 0)
                #expect(try #require(figures["latency_ms"]["p99"].number) >= figures["latency_ms"]["p50"].number!)
            }
        }
    }

    @Test func `a snapshot is a complete JPEG of a new frame`() async throws {
        try await RunningSet.with { set in
            let path = set.scratch.file("demo.jpg")
            let finished = try await set.view(["snapshot", "demo", "-o", path])
            #expect(finished.status == 0, "\(finished.errors)")
            let first = try SeenPicture(set.scratch.data("demo.jpg"))
            #expect((first.width, first.height) == (320, 240))
            let number = try #require(first.number)
            // Another viewer keeps the camera running, so that its frame numbers continue.
            let viewer = try set.startView(["live", "demo", "--headless"])
            try await set.waitForFrames(5)
            let one = try #require(try SeenPicture(try await set.snapshot("demo")).number)
            let two = try #require(try SeenPicture(try await set.snapshot("demo")).number)
            #expect(number >= 1 && two > one)
            viewer.kill()
            let again = try await set.view(["snapshot", "demo", "-o", path])
            #expect(again.status == 73)
            #expect(again.errors.contains("--force"))
        }
    }

    @Test func `the sub rendition is a smaller version of the picture`() async throws {
        try await RunningSet.with(["demo=test:1280x720@5"]) { set in
            let small = try SeenPicture(try await set.snapshot("demo", ["--rendition", "sub"]))
            #expect((small.width, small.height) == (640, 360))
        }
    }

    @Test func `a recording has every frame, and any player reads it`() async throws {
        try await RunningSet.with { set in
            let path = set.scratch.file("demo.mkv")
            let finished = try await set.view(
                ["live", "demo", "--headless", "--frames", "25", "--record", path, "--stats"])
            #expect(finished.status == 0, "\(finished.errors)")
            #expect(try finished.json()["cameras"]["demo"]["frames"].integer == 25)
            let probed = try await Programs.tool(
                [
                    "ffprobe", "-v", "error", "-count_frames", "-of", "json", "-show_entries",
                    "stream=codec_name,width,height,nb_read_frames", path,
                ], in: set.scratch)
            #expect(probed.errors.isEmpty, "\(probed.errors)")
            let stream = try probed.json()["streams"][0]
            #expect(stream["codec_name"].text == "mjpeg")
            #expect(stream["width"].integer == 320)
            #expect(stream["nb_read_frames"].text == "25")
            let again = try await set.view(["live", "demo", "--headless", "--frames", "1", "--record", path])
            #expect(again.status == 73)
        }
    }

    @Test func `a requested lower frame rate is delivered`() async throws {
        try await RunningSet.with { set in
            let finished = try await set.view(
                ["live", "demo", "--headless", "--frames", "6", "--fps", "2", "--stats"])
            #expect(finished.status == 0, "\(finished.errors)")
            #expect(try #require(try finished.json()["cameras"]["demo"]["fps"].number) < 4)
        }
    }

    @Test func `a camera without viewers captures no frames`() async throws {
        try await RunningSet.with { set in
            try await set.waitForCamera("demo", "idle")
            let seen = try await set.view(["live", "demo", "--headless", "--frames", "3"])
            #expect(seen.status == 0)
            try await set.waitForCamera("demo", "idle")
        }
    }

    @Test func `the error for an unknown camera names the known ones`() async throws {
        try await RunningSet.with { set in
            let finished = try await set.view(["live", "garden", "--headless", "--frames", "1"])
            #expect(finished.status == 66)
            #expect(finished.errors.contains("no camera 'garden'"))
            #expect(finished.errors.contains("there are: demo"))
            let bad = try await set.view(["snapshot", "a/b", "-o", "-"])
            #expect(bad.status == 64)
        }
    }

    @Test func `an unreachable gateway is named in the error`() async throws {
        let scratch = try ScratchFolder()
        let port = try Programs.freePort()
        let finished = try await Programs.run(
            "secam-view", ["cameras", "--server", "127.0.0.1:\(port)", "--username", "anna"], in: scratch,
            environment: ["SECAM_PASSWORD": "secret"])
        #expect(finished.status == 69)
        #expect(finished.errors.contains("127.0.0.1:\(port)"))
    }
}
