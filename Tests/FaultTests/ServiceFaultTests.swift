import Glibc
import SecamTestSupport
import Testing

@Suite(.serialized) struct ServiceFaultTests {
    @Test func `live view recovers after each service in turn is killed`() async throws {
        try await RunningSet.with { set in
            let run = try await WatchedRun(set)
            for role in ["encode", "capture", "gateway"] {
                try await set.killService(role)
                try await set.waitForCamera("demo", "online")
                try await set.waitForFrames(10)
            }
            #expect(run.viewer.errors.contains("connected again"), "the viewer has reconnected")
            let figures = try await run.end()
            #expect(try #require(figures["frames"].integer) >= 35)
        }
    }

    @Test func `with two encoders the death of one costs no frame`() async throws {
        // Few and small frames, so that a busy machine keeps up. By design, a frame that waits too long is dropped.
        try await RunningSet.with(["demo=test:160x120@5"], encoders: 2) { set in
            let run = try await WatchedRun(set)
            for _ in 0..<3 {
                // Stopped first, so that it holds frames when it dies.
                let victim = try await set.stopEncoderAtWork()
                try await set.killService("encode", victim.name)
                try await eventually("both encoders have joined") {
                    let members = try await set.status()["services"].values.compactMap { $0["pid"].integer }
                    return try set.processes("encode").allSatisfy { members.contains(Int($0)) }
                }
                try await set.waitForFrames(10)
            }
            let figures = try await run.end()
            let camera = try await set.status("capture")
            #expect(camera["frames_dropped"].integer == 0, "\(camera) \(set.up.errors)")
            // Frames that waited for a late one arrive together, and a viewer holds only the latest. Its gaps therefore
            // show nothing, but the camera must not have dropped a frame.
            #expect(try #require(figures["frames"].integer) > 0)
        }
    }

    @Test func `with two encoders neither a hang of one nor its recovery costs a frame`() async throws {
        try await RunningSet.with(["demo=test:160x120@5"], encoders: 2) { set in
            let run = try await WatchedRun(set)
            let victim = try await set.stopEncoderAtWork().process
            try await set.waitForFrames(20)
            kill(victim, SIGCONT)
            try await eventually("the encoder has joined again") {
                try await set.status()["services"].values.contains { $0["pid"].integer == Int(victim) }
            }
            try await set.waitForFrames(20)
            let figures = try await run.end()
            let camera = try await set.status("capture")
            #expect(camera["frames_dropped"].integer == 0, "\(camera) \(set.up.errors)")
            // Frames that waited for a late one arrive together, and a viewer holds only the latest. Its gaps therefore
            // show nothing, but the camera must not have dropped a frame.
            #expect(try #require(figures["frames"].integer) > 0)
        }
    }

    @Test func `without encoders frames are dropped and counted, and live view resumes when one returns`()
        async throws
    {
        // The queue is full soon.
        try await RunningSet.with(["demo=test:160x120@60"]) { set in
            let run = try await WatchedRun(set)
            let victim = try #require(try set.processes("encode").first)
            kill(victim, SIGSTOP)
            defer { kill(victim, SIGCONT) }
            try await eventually("dropped frames are counted") {
                try await set.status("capture", "demo")["frames_dropped"].integer ?? 0 > 0
            }
            let camera = try await set.status("capture", "demo")
            // The camera itself works: it waits once it has given up the silent encoder.
            #expect(["online", "waiting"].contains(camera["camera"]["state"].text))
            kill(victim, SIGCONT)
            try await set.waitForFrames(60)
            let dropped = try #require(try await set.status("capture", "demo")["frames_dropped"].integer)
            let figures = try await run.end()
            #expect(try #require(figures["gaps"].integer) >= 1)
            #expect(dropped > 0)
            #expect(set.up.errors.contains("frame dropped"), "the drop is logged")
        }
    }

    @Test func `a viewer that stops reading does not disturb another one`() async throws {
        try await RunningSet.with(["demo=test:640x480@15"]) { set in
            let stalled = try set.startView(["live", "demo", "--headless", "--stats"])
            try await set.waitForFrames(5)
            stalled.send(SIGSTOP)
            let other = try await set.view(["live", "demo", "--headless", "--stats", "--frames", "60"])
            #expect(other.status == 0)
            let figures = try other.json()["cameras"]["demo"]
            #expect(figures["frames"].integer == 60)
            stalled.send(SIGCONT)
            try await set.waitForFrames(5)
            stalled.send(SIGINT)
            let late = try await stalled.finish()
            #expect(late.status == 0)
            #expect(try #require(try late.json()["cameras"]["demo"]["frames"].integer) >= 5)
        }
    }

    @Test func `a camera survives the end of the gateway and joins the next one`() async throws {
        try await RunningSet.with { set in
            let before = try #require(try set.processes("capture").first)
            let encoder = try #require(try set.processes("encode").first)
            let joined = try await set.status("capture")["joined"].text
            try await set.killService("gateway")
            try await eventually("capture and encode have joined the new gateway") {
                let services = try? await set.status()["services"].values
                let capture = services?.first { $0["role"].text == "capture" }
                let encode = services?.first { $0["role"].text == "encode" }
                return capture?["pid"].integer == Int(before) && capture?["joined"].text != joined
                    && encode?["pid"].integer == Int(encoder)
            }
            #expect(try set.processes("capture") == [before])
            let seen = try await set.view(["live", "demo", "--headless", "--frames", "3"])
            #expect(seen.status == 0, "\(seen.errors)")
        }
    }

    @Test func `a killed camera is listed as offline until it returns`() async throws {
        try await RunningSet.with { set in
            let process = try #require(try set.processes("capture").first)
            kill(process, SIGSTOP)
            let camera = try await set.waitForCamera("demo", "offline")
            #expect(camera["detail"].text?.contains("capture service") == true)
            kill(process, SIGCONT)
            try await set.waitForCamera("demo", "online", "idle")
            let seen = try await set.view(["live", "demo", "--headless", "--frames", "3"])
            #expect(seen.status == 0, "\(seen.errors)")
        }
    }
}
