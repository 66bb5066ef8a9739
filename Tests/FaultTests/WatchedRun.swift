import Glibc
import SecamTestSupport
import Testing

/// A viewer during a fault, and its statistics at the end.
struct WatchedRun {
    let set: RunningSet
    let viewer: ChildProgram

    /// Starts the viewer and waits for the first frames.
    init(_ set: RunningSet, _ arguments: [String] = []) async throws {
        self.set = set
        viewer = try set.startView(["live", "demo", "--headless", "--stats"] + arguments)
        try await set.waitForFrames(5)
    }

    /// Ends the viewer like Ctrl-C.
    ///
    /// - Returns: its statistics of the camera.
    func end() async throws -> JSONValue {
        try #require(viewer.ending == nil, "the viewer ended early: \(viewer.errors)")
        viewer.send(SIGINT)
        let finished = try await viewer.finish()
        try #require(finished.status == 0, "\(finished.errors)")
        return try finished.json()["cameras"]["demo"]
    }
}

extension RunningSet {
    /// Stops the encoder that has the work. A camera prefers the faster encoder, so the other one may never get a
    /// frame.
    ///
    /// - Returns: the stopped encoder, once the camera has sent its frames to the other one.
    func stopEncoderAtWork() async throws -> Service {
        try await eventually("frames of a stopped encoder are resent") {
            let victim = try await busiestEncoder()
            let before = try await status("capture")["work_repeated"].integer ?? 0
            kill(victim.process, SIGSTOP)
            let isAtWork = try await waitUntil(within: .seconds(4)) {
                try await status("capture")["work_repeated"].integer ?? 0 > before
            }
            if isAtWork { return victim }
            // The camera now prefers the other encoder. This one must return before the other one is stopped.
            kill(victim.process, SIGCONT)
            try await eventually("the encoder has joined again") {
                let members = try await status()["services"].values
                let member = members.first { $0["pid"].integer == Int(victim.process) }
                return member?["silence_ms"].integer ?? .max < 1500
            }
            try await waitForFrames(30)
            return nil
        }
    }

    private func busiestEncoder() async throws -> Service {
        let before = try await jobsDone()
        return try await eventually("an encoder works") {
            let grown = try await jobsDone().map { ($0.key, $0.value - (before[$0.key] ?? 0)) }
            guard let most = grown.max(by: { $0.1 < $1.1 }), most.1 > 0 else { return nil }
            return try services().first { $0.process == most.0 }
        }
    }

    /// Returns the number of encoded frames by process.
    private func jobsDone() async throws -> [Int32: Int] {
        let encoders = try await status()["services"].values.filter { $0["role"].text == "encode" }
        let pairs = encoders.compactMap { encoder in
            encoder["pid"].integer.map { (Int32($0), encoder["jobs_done"].integer ?? 0) }
        }
        return Dictionary(pairs) { first, _ in first }
    }
}
