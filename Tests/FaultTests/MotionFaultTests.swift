import Glibc
import SecamTestSupport
import Testing

@Suite(.serialized) struct MotionFaultTests {
    private func events(_ viewer: ChildProgram) throws -> [JSONValue] {
        try viewer.output.split(separator: "\n").map { try JSONValue(String($0)) }
    }

    @Test func `killing the motion service during an event loses no end of an event`() async throws {
        try await RunningSet.with(motion: 1) { set in
            let viewer = try set.startView(["events", "--follow", "--json"])
            let first = try await eventually("an ongoing event") {
                try events(viewer).last { $0["state"].text == "update" }
            }
            try await set.killService("motion")
            try await eventually("its end") {
                try events(viewer).contains { $0["id"] == first["id"] && $0["state"].text == "end" }
            }
            try await eventually("an event of the new process") {
                try events(viewer).contains { $0["id"] != first["id"] && $0["state"].text == "start" }
            }
            viewer.kill()
        }
    }

    @Test func `another motion service takes over from one that hangs`() async throws {
        try await RunningSet.with(motion: 2) { set in
            let viewer = try set.startView(["events", "--follow", "--json"])
            let first = try await eventually("an ongoing event") {
                try events(viewer).last { $0["state"].text == "update" }
            }
            let owner = try await eventually("the service that watches") { try await set.processWithCamera("motion") }
            kill(owner, SIGSTOP)
            try await eventually("the end of the event and another event") {
                let lines = try events(viewer)
                return lines.contains { $0["id"] == first["id"] && $0["state"].text == "end" }
                    && lines.contains { $0["id"] != first["id"] && $0["state"].text == "start" }
            }
            kill(owner, SIGCONT)
            viewer.kill()
        }
    }

    @Test func `the absence and the return of the motion service are reported`() async throws {
        try await RunningSet.with(motion: 1) { set in
            let viewer = try set.startView(["events", "--follow", "--json"])
            try await eventually("motion") { try events(viewer).contains { $0["kind"].text == "motion" } }
            let process = try #require(try set.processes("motion").first)
            kill(process, SIGSTOP)
            let start = try await eventually("the absence is reported") {
                try events(viewer).first { $0["kind"].text == "unwatched" && $0["state"].text == "start" }
            }
            kill(process, SIGCONT)
            try await eventually("the return is reported") {
                try events(viewer).contains { $0["id"] == start["id"] && $0["state"].text == "end" }
            }
            viewer.kill()
        }
    }
}
