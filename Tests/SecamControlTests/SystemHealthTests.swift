import SecamTestSupport
import SecamWire
import Testing

@testable import SecamControl

@Suite struct SystemHealthTests {
    private func member(_ role: Role, _ name: String, _ figures: [Figure]) throws -> Status.Member {
        Status.Member(
            role: role, process: 1, joined: 0, silence: 0, name: try Name(name), endpoint: "", software: "secam",
            camera: nil, figures: figures)
    }

    @Test func `a problem has the cause that its service reports`() throws {
        let gateway = try member(.gateway, "gateway", [Figure(.policyInvalid, 1), Figure(.camerasUnrecorded, 2)])
        let archive = try member(
            .archive, "attic", [Figure(.diskLow, 1), Figure(.camerasFailing, 2), Figure(.bytesFree, 3 << 20)])
        let causes = [
            Status.MemberCause(role: .gateway, name: gateway.name, Cause(.policyInvalid, "policy.yaml:3: no 'recrod'")),
            Status.MemberCause(role: .archive, name: archive.name, Cause(.diskLow, "other files take 9 MiB")),
            Status.MemberCause(role: .archive, name: archive.name, Cause(.camerasFailing, "read-only")),
        ]
        let health = SystemHealth(Status(time: 0, members: [gateway, archive], causes: causes))
        let causesByKind = Dictionary(health.problems.map { ($0.kind, $0.cause) }) { first, _ in first }
        #expect(
            causesByKind == [
                "policy-invalid": "policy.yaml:3: no 'recrod'", "disk-low": "other files take 9 MiB",
                "recording-stopped": "attic: read-only",
            ])
        #expect(health.text.contains("\n  cause: policy.yaml:3: no 'recrod'\n"))
        let problems = try JSONValue(health.json).values
        #expect(problems.first { $0["kind"].text == "disk-low" }?["cause"].text == "other files take 9 MiB")
    }

    @Test func `a problem without a reported cause has none`() throws {
        let archive = try member(.archive, "attic", [Figure(.diskLow, 1)])
        let health = SystemHealth(Status(time: 0, members: [archive]))
        #expect(health.problems.map(\.cause) == [""])
        #expect(!health.text.contains("cause"))
    }
}
