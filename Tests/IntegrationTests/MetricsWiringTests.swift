import Foundation
import SecamTestSupport
import Testing

/// The switch for metrics in each kind of installation. Metrics are off by default.
@Suite struct MetricsWiringTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("docker").path
    private let scratch = try! ScratchFolder()

    private static func has(_ command: String) -> Bool {
        let check = Process()
        check.executableURL = URL(fileURLWithPath: "/bin/sh")
        check.arguments = ["-c", "\(command) >/dev/null 2>&1"]
        guard (try? check.run()) != nil else { return false }
        check.waitUntilExit()
        return check.terminationStatus == 0
    }

    @Test(.enabled(if: MetricsWiringTests.has("docker compose version")), arguments: ["compose.yaml", "camera.yaml"])
    func `each service of a Compose file accepts SECAM_METRICS`(_ file: String) async throws {
        for address in ["", "0.0.0.0:9464"] {
            let shown = try await Programs.run(
                "/usr/bin/env",
                [
                    "docker", "compose", "--file", "\(Self.folder)/\(file)", "--profile", "*", "config", "--format",
                    "json",
                ], in: scratch,
                environment: [
                    "PATH": "/usr/local/bin:/usr/bin:/bin", "SECAM_METRICS": address,
                    "SECAM_JOIN_FILE": scratch.file("join"),
                ])
            #expect(shown.status == 0, "\(shown.errors)")
            let services = try shown.json()["services"]
            let names = services.names.subtracting(["init", "secam"])
            #expect(names.count >= 2)
            for name in names { #expect(services[name]["environment"]["SECAM_METRICS"].text == address, "\(name)") }
        }
    }

    @Test(.enabled(if: MetricsWiringTests.has("kubectl version --client")))
    func `each pod serves metrics with the component, and none without it`() async throws {
        let copy = scratch.file("k8s")
        try FileManager.default.copyItem(atPath: "\(Self.folder)/k8s", toPath: copy)
        let gateway = ["keys/gateway.key", "keys/allowed", "keys/operator-operator.join", "tls/tls-identity.pem"]
        for key in gateway + ["users.sqlite", "encode.join", "motion.join", "archive.join", "demo.join"] {
            let path = "k8s/keys/\(key)"
            try scratch.makeFolders(path.split(separator: "/").dropLast().joined(separator: "/"))
            try scratch.write("-", to: path)
        }
        func manifests() async throws -> String {
            let built = try await Programs.run("/usr/bin/env", ["kubectl", "kustomize", copy], in: scratch)
            #expect(built.status == 0, "\(built.errors)")
            return built.output
        }
        func count(_ text: String, _ part: String) -> Int { text.components(separatedBy: part).count - 1 }
        let off = try await manifests()
        #expect(!off.contains("SECAM_METRICS"))
        let list = "\(copy)/kustomization.yaml"
        try (String(contentsOfFile: list, encoding: .utf8) + "components: [metrics]\n").write(
            toFile: list, atomically: true, encoding: .utf8)
        let on = try await manifests()
        let pods = count(on, "kind: Deployment\n") + count(on, "kind: StatefulSet\n")
        // Scaling rules contain the names of their deployments.
        let scaled = count(on, "scaleTargetRef")
        #expect(count(on, "name: SECAM_METRICS") == pods - scaled && pods - scaled >= 5)
        #expect(on.contains("kubernetes.io/metadata.name: monitoring"))
    }
}
