import Foundation
import Glibc
import SecamTestSupport
import Testing

/// `policy.yaml` at a start of the gateway and while it runs, and `secam policy`.
@Suite struct PolicyTests {
    private let scratch = try! ScratchFolder()
    private let policy = "data/policy.yaml"

    @Test func `a gateway starts with the last good policy when the file is invalid`() async throws {
        let set = try await RunningSet(["porch=test:320x240@10"], motion: 1, scratch: scratch)
        defer { set.up.kill() }
        func assigned() async throws -> Int? { try await set.status("motion")["cameras_assigned"].integer }
        try await eventually("motion detection") { try await assigned() == 1 }
        try scratch.write("motion: off\n", to: policy, mode: 0o644)
        try await eventually("no motion detection") { try await assigned() == 0 }
        #expect(try await set.status("gateway")["policy_invalid"].integer == 0)

        try scratch.write("motoin: on\n", to: policy, mode: 0o644)
        try await eventually("the invalid policy in the status") {
            try await set.status("gateway")["policy_invalid"].integer == 1
        }
        try await set.killService("gateway")
        try await eventually("the last good policy in the log") {
            set.up.errors.contains("policy invalid, last good policy in force")
        }
        try await eventually("the restarted gateway's status") {
            let gateway = try? await set.status("gateway")
            return gateway?["policy_invalid"].integer == 1
        }
        try await eventually("the motion service after the restart") { try await assigned() == 0 }
        let table = try await set.secam(["status"])
        #expect(table.output.contains("secam policy check"))
        #expect(table.output.contains("policy.yaml, line 1: the file: unknown key 'motoin'"), "\(table.output)")
        let problem = try await set.status()["problems"].values.first { $0["kind"].text == "policy-invalid" }
        #expect(problem?["cause"].text?.contains("motoin") == true)

        try scratch.write("motion: on\n", to: policy, mode: 0o644)
        try await eventually("motion detection by the corrected policy") { try await assigned() == 1 }
        #expect(try await set.status("gateway")["policy_invalid"].integer == 0)
    }

    @Test func `a policy that becomes readable is applied`() async throws {
        let set = try await RunningSet(["porch=test:320x240@10"], motion: 1, scratch: scratch)
        defer { set.up.kill() }
        try await eventually("motion detection") {
            try await set.status("motion")["cameras_assigned"].integer == 1
        }
        try scratch.write("motion: off\n", to: policy, mode: 0o666)
        try await eventually("the refused policy in the log") { set.up.errors.contains("chmod 644") }
        #expect(try await set.status("motion")["cameras_assigned"].integer == 1)
        #expect(unsafe chmod(scratch.file(policy), 0o644) == 0)
        try await eventually("no motion detection") {
            try await set.status("motion")["cameras_assigned"].integer == 0
        }
    }

    @Test func `policy files are checked without a gateway`() async throws {
        func check(_ arguments: String..., input: String? = nil) async throws -> FinishedProgram {
            try await Programs.run(
                "secam", ["policy", "check"] + arguments, in: scratch,
                environment: ["SECAM_DATA": scratch.file("data")], input: input)
        }
        let missing = try await check()
        #expect(missing.status == 66 && missing.errors.contains("data/policy.yaml"), "\(missing.errors)")
        let good = "cameras:\n  porch:\n    motion: off\n"
        let valid = try await check("-", input: good)
        #expect(valid.status == 0 && valid.output.contains("cameras with settings: 1"), "\(valid.errors)")
        let file = scratch.file("mine.yaml")
        try scratch.write(good + "record:\n  kep: 14d\n  codec: h265\n", to: "mine.yaml", mode: 0o644)
        let invalid = try await check(file)
        #expect(invalid.status == 1 && invalid.output.isEmpty)
        #expect(invalid.errors.contains("mine.yaml, line 5") && invalid.errors.contains("keep"), "\(invalid.errors)")
        #expect(invalid.errors.contains("mine.yaml, line 6: codec: expected jpeg or h264"), "\(invalid.errors)")
        #expect(unsafe chmod(file, 0o666) == 0)
        let exposed = try await check(file)
        #expect(exposed.status == 77 && exposed.errors.contains("chmod 644"), "\(exposed.errors)")
    }
}
