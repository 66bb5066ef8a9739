import Foundation
import Glibc
import SecamTestSupport
import Testing

/// Motion events of cameras, from detection to viewers and hooks, through all services.
@Suite(.serialized) struct MotionTests {
    private let scratch: ScratchFolder

    init() throws { scratch = try ScratchFolder() }

    /// Twenty noisy seconds in a loop: something crosses the picture from the eighth to the twelfth.
    private func visit() async throws -> String {
        try await VisitFootage.make(seconds: 20, visit: 8..<12, speed: 90, in: scratch)
    }

    private func lines(_ text: String) throws -> [JSONValue] {
        try text.split(separator: "\n").map { try JSONValue(String($0)) }
    }

    @Test func `a visit is one event for viewers and hooks, and is listed later`() async throws {
        let source = try await visit()
        let policy = """
            hooks:
              - name: bell
                run: [/bin/sh, -c, 'echo "$SECAM_STATE $SECAM_CAMERA" >> \(scratch.file("bell"))']
              - name: gone
                run: [/nowhere/program]
            """
        try FileManager.default.createDirectory(
            atPath: scratch.file("data"), withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try scratch.write(policy, to: "data/policy.yaml", mode: 0o644)
        let set = try await RunningSet(["porch=\(source)"], motion: 1, scratch: scratch)
        defer { set.up.kill() }
        let viewer = try set.startView(["events", "--follow", "--json"])
        // The first event may be the rest of a visit; this waits for a whole one.
        let visit = try await eventually("a visit from start to end") { () -> [JSONValue]? in
            let told = try lines(viewer.output)
            let starts = Set(told.filter { $0["state"].text == "start" }.map { $0["id"].text })
            let end = told.first { $0["state"].text == "end" && starts.contains($0["id"].text) }
            return end.map { end in told.filter { $0["id"] == end["id"] } }
        }
        viewer.kill()
        let end = try #require(visit.last)
        #expect(visit.first?["state"].text == "start" && end["state"].text == "end")
        #expect(visit.dropFirst().dropLast().allSatisfy { $0["state"].text == "update" })
        #expect(visit.count > 10, "boxes follow what moves")
        #expect(visit.allSatisfy { $0["camera"].text == "porch" && $0["kind"].text == "motion" })
        let seconds = try (#require(end["last_us"].number) - #require(end["start_us"].number)) / 1e6
        #expect((2...7).contains(seconds), "\(end)")
        let box = visit.compactMap { $0["boxes"][0].values.first?.number }
        #expect(try #require(box.last) > #require(box.first), "it goes to the right")
        #expect(try #require(end["peak_frame"].integer) > 0)

        let list = try await set.view(["events", "--json"])
        #expect(list.status == 0, "\(list.errors)")
        let remembered = try list.json()["events"].values
        #expect(remembered.contains { $0["id"] == end["id"] && $0["state"].text == "end" })
        #expect(Set(remembered.map { $0["id"].text }).count == remembered.count, "each event once")
        let table = try await set.view(["events", "porch"])
        #expect(table.output.contains("motion"))
        let later = try await set.view(["events", "--json", "--since", "2100-01-01"])
        #expect(try later.json()["events"].values.isEmpty)

        try await eventually("the end at the hook") {
            scratch.text("bell").contains("end porch")
        }
        #expect(scratch.text("bell").hasPrefix("start porch\n"))
        try await eventually("the other hook's failure in the log") { set.up.errors.contains("hook=gone") }
    }

    @Test func `a changed policy applies without a restart, and an invalid one does not`() async throws {
        let set = try await RunningSet(["porch=test:320x240@10"], motion: 1, scratch: scratch)
        defer { set.up.kill() }
        let viewer = try set.startView(["events", "--follow", "--json"])
        try await eventually("motion before the test picture") {
            try lines(viewer.output).contains { $0["state"].text == "update" }
        }
        try scratch.write("cameras:\n  porch:\n    motion: off\n", to: "data/policy.yaml", mode: 0o644)
        try await eventually("the event's end") { try lines(viewer.output).contains { $0["state"].text == "end" } }
        try await set.waitForCamera("porch", "idle")
        #expect(try await set.status("motion")["cameras_assigned"].integer == 0)

        try scratch.write("cameras:\n  porch:\n    motoin: on\n", to: "data/policy.yaml", mode: 0o644)
        try await eventually("the invalid line in the log") {
            set.up.errors.contains("policy.yaml, line 3") && set.up.errors.contains("motoin")
        }
        #expect(try await set.status("motion")["cameras_assigned"].integer == 0, "the old policy stays in force")

        let count = try lines(viewer.output).count
        try scratch.write("motion: on\n", to: "data/policy.yaml", mode: 0o644)
        try await eventually("another event") {
            try lines(viewer.output).dropFirst(count).contains { $0["state"].text == "start" }
        }
        viewer.kill()
    }

    @Test func `users get no events of cameras that they may not see`() async throws {
        let set = try await RunningSet(["porch=test:320x240@10", "yard=test:160x120@10"], motion: 1, scratch: scratch)
        defer { set.up.kill() }
        try await set.addUser("bert", password: "a long password", ["--role", "viewer", "--cameras", "yard"])
        try await eventually("events of both cameras") {
            let events = try await set.view(["events", "--json"]).json()["events"].values
            return Set(events.map { $0["camera"].text }) == ["porch", "yard"]
        }
        let seen = try await set.view(["events", "--json"], user: "bert", password: "a long password")
        #expect(Set(try seen.json()["events"].values.map { $0["camera"].text }) == ["yard"])
        let asked = try await set.view(["events", "porch"], user: "bert", password: "a long password")
        #expect(asked.status == 66, "as a camera that does not exist")
    }

    /// A folder of surveillance videos, which are not part of the project.
    private static let footage = ProcessInfo.processInfo.environment["SECAM_FOOTAGE"] ?? ""

    private static let hasFootage = unsafe access("\(footage)/one-by-one.mkv", R_OK) == 0

    @Test(.enabled(if: MotionTests.hasFootage, "there is no footage"))
    func `people in recorded footage are events through the real services`() async throws {
        let path = URL(fileURLWithPath: "\(Self.footage)/one-by-one.mkv").standardizedFileURL.path
        let set = try await RunningSet(["hall=file:\(path)"], motion: 1, scratch: scratch)
        defer { set.up.kill() }
        let events = try await eventually("two events that are over", seconds: 90) { () -> [JSONValue]? in
            let events = try await set.view(["events", "--json"]).json()["events"].values
            let over = events.filter { $0["state"].text == "end" && $0["kind"].text == "motion" }
            return over.count >= 2 ? over : nil
        }
        for event in events {
            let box = event["peak_box"].values.compactMap(\.number)
            try #require(box.count == 4)
            #expect(box.allSatisfy { (0...1).contains($0) } && box[2] > 0 && box[3] > 0, "\(event)")
            #expect(try #require(event["score"].number) > 5)
        }
    }
}
