import Glibc
import SecamTestSupport
import Testing

/// A viewer that watches while something goes wrong, and what it says at the end.
struct WatchedRun {
    let set: RunningSet
    let viewer: ChildProgram

    /// Starts watching and waits until the first frames have come.
    init(_ set: RunningSet, _ arguments: [String] = []) async throws {
        self.set = set
        viewer = try set.startView(["live", "demo", "--headless", "--stats"] + arguments)
        try await set.waitForFrames(5)
    }

    /// Ends the viewer as Ctrl-C does.
    ///
    /// - Returns: its figures of the camera.
    func end() async throws -> JSONValue {
        try #require(viewer.ending == nil, "the viewer must still be there; it said: \(viewer.errors)")
        viewer.send(SIGINT)
        let finished = try await viewer.finish()
        try #require(finished.status == 0, "\(finished.errors)")
        return try finished.json()["cameras"]["demo"]
    }
}
