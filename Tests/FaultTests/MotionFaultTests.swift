import Glibc
import SecamTestSupport
import Testing

@Suite(.serialized) struct MotionFaultTests {
    private func told(_ viewer: ChildProgram) throws -> [JSONValue] {
        try viewer.output.split(separator: "\n").map { try JSONValue(String($0)) }
    }

    @Test func `killing the motion service in the middle of an event loses no end`() async throws {
        try await RunningSet.with(motion: 1) { set in
            let viewer = try set.startView(["events", "--follow", "--json"])
            let first = try await eventually("an event that goes on") {
                try told(viewer).last { $0["state"].text == "update" }
            }
            try await set.killService("motion")
            try await eventually("its end") {
                try told(viewer).contains { $0["id"] == first["id"] && $0["state"].text == "end" }
            }
            try await eventually("another one, told by the new process") {
                try told(viewer).contains { $0["id"] != first["id"] && $0["state"].text == "start" }
            }
            viewer.kill()
        }
    }

    @Test func `another motion service takes over from one that hangs`() async throws {
        try await RunningSet.with(motion: 2) { set in
            let viewer = try set.startView(["events", "--follow", "--json"])
            let first = try await eventually("an event that goes on") {
                try told(viewer).last { $0["state"].text == "update" }
            }
            let owner = try await eventually("the one that watches") {
                try await set.status()["services"].values.first {
                    $0["role"].text == "motion" && $0["cameras_assigned"].integer == 1
                }?["pid"].integer
            }
            kill(Int32(owner), SIGSTOP)
            try await eventually("the event's end and another one") {
                let lines = try told(viewer)
                return lines.contains { $0["id"] == first["id"] && $0["state"].text == "end" }
                    && lines.contains { $0["id"] != first["id"] && $0["state"].text == "start" }
            }
            kill(Int32(owner), SIGCONT)
            viewer.kill()
        }
    }

    @Test func `that no motion service is there is told, and that one is back`() async throws {
        try await RunningSet.with(motion: 1) { set in
            let viewer = try set.startView(["events", "--follow", "--json"])
            try await eventually("motion") { try told(viewer).contains { $0["kind"].text == "motion" } }
            let process = try #require(try set.processes("motion").first)
            kill(process, SIGSTOP)
            let start = try await eventually("nobody watches") {
                try told(viewer).first { $0["kind"].text == "unwatched" && $0["state"].text == "start" }
            }
            kill(process, SIGCONT)
            try await eventually("somebody watches again") {
                try told(viewer).contains { $0["id"] == start["id"] && $0["state"].text == "end" }
            }
            viewer.kill()
        }
    }
}
