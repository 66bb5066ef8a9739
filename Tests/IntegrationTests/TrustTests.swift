import Foundation
import Glibc
import SecamTestSupport
import Testing

/// The trust of viewers in the gateway's certificate, and the gateway's checks of its certificate.
@Suite(.serialized) struct TrustTests {
    private let scratch = try! ScratchFolder()

    /// Creates a certificate for the loopback address, issued by a new authority in `ca.pem`.
    private func makeCertificate(days: Int = 30) async throws -> [String: String] {
        func openssl(_ arguments: [String]) async throws {
            try await Programs.tool(["openssl"] + arguments, in: scratch)
        }
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        try await openssl(
            ["req", "-x509"] + key + ["-keyout", "ca-key.pem", "-out", "ca.pem", "-days", "30", "-subj", "/CN=Test CA"])
        try await openssl(
            ["req", "-new"] + key + ["-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=gateway"])
        try scratch.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n", to: "names")
        try await openssl(
            [
                "x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial",
                "-days",
                "\(days)", "-extfile", "names", "-out", "certificate.pem",
            ])
        return ["SECAM_CERTIFICATE": scratch.file("certificate.pem"), "SECAM_KEY": scratch.file("key.pem")]
    }

    private func startGateway(_ certificate: String, _ key: String) async throws -> FinishedProgram {
        try await Programs.run(
            "secam-gateway",
            [
                "--data", scratch.file("data"), "--host", "127.0.0.1", "--port", "0", "--listen", "tcp://127.0.0.1:*",
                "--certificate", scratch.file(certificate), "--key", scratch.file(key),
            ],
            in: scratch)
    }

    @Test func `the first certificate is remembered, and another key is refused with an alarm`() async throws {
        let set = try await RunningSet(scratch: scratch)
        let first = try await set.view(["cameras"], trust: [])
        #expect(first.status == 0, "\(first.errors)")
        #expect(first.errors.contains(set.fingerprint))
        let again = try await set.view(["cameras"], trust: [])
        #expect(again.status == 0 && again.errors.isEmpty, "\(again.errors)")
        set.up.kill()

        // Another gateway takes its place.
        let port = try #require(set.address.split(separator: ":").last)
        try FileManager.default.removeItem(atPath: scratch.file("data/tls"))
        let other = try Programs.start(
            "secam-gateway",
            [
                "--data", scratch.file("data"), "--host", "127.0.0.1", "--port", "\(port)", "--listen",
                "tcp://127.0.0.1:*", "--ready-file", scratch.file("other"),
            ], in: scratch)
        try await eventually("the other gateway") { scratch.text("other").contains("fingerprint") }
        let refused = try await set.view(["cameras"], trust: [])
        #expect(refused.status == 77)
        #expect(refused.errors.contains("HAS CHANGED"))
        #expect(refused.errors.contains("known_hosts"))
        #expect(refused.output.isEmpty)
        let logins = scratch.text("data/audit.log").split(separator: "\n").filter { $0.contains("\"login\"") }
        #expect(logins.count == 2, "the password was not sent to the other one")
        other.kill()
    }

    @Test func `a gateway can be trusted by its key's fingerprint`() async throws {
        let set = try await RunningSet(scratch: scratch)
        defer { set.up.kill() }
        let line = set.up.output.split(separator: "\n").first { $0.hasPrefix("  its key ") }
        let key = String(try #require(line?.split(separator: " ").last))
        #expect(key.hasPrefix("SPKI-SHA256:"))
        #expect(set.up.errors.contains("key=\(key)"), "the gateway logs it too")
        let trusted = try await set.view(["cameras"], trust: ["--fingerprint", key])
        #expect(trusted.status == 0, "\(trusted.errors)")
        let other = key.dropLast(4) + (key.hasSuffix("0000") ? "1111" : "0000")
        let refused = try await set.view(["cameras"], trust: ["--fingerprint", String(other)])
        #expect(refused.status != 0 && refused.errors.contains("is not the expected"), "\(refused.errors)")
        let odd = try await set.view(["cameras"], trust: ["--fingerprint", "SPKI-SHA256:12"])
        #expect(odd.status == 64 && odd.errors.contains("64 hexadecimal digits"), "\(odd.errors)")
    }

    @Test func `a gateway can be trusted by its certificate's fingerprint`() async throws {
        let set = try await RunningSet(scratch: scratch)
        defer { set.up.kill() }
        let right = try await set.view(["cameras"], trust: ["--fingerprint", set.fingerprint.uppercased()])
        #expect(right.status == 0, "\(right.errors)")
        let wrong = try await set.view(["cameras"], trust: ["--fingerprint", String(repeating: "0", count: 64)])
        #expect(wrong.status == 77)
        #expect(wrong.errors.contains(set.fingerprint))
        let bad = try await set.view(["cameras"], trust: ["--fingerprint", "12345"])
        #expect(bad.status == 64)
    }

    @Test func `a configured certificate is used, and is checked against its authority`() async throws {
        let environment = try await makeCertificate()
        let set = try await RunningSet(environment: environment, scratch: scratch)
        defer { set.up.kill() }
        let trusted = try await set.view(["cameras"], trust: ["--ca", scratch.file("ca.pem")])
        #expect(trusted.status == 0, "\(trusted.errors)")
        let printed = try await Programs.tool(
            ["openssl", "x509", "-in", scratch.file("certificate.pem"), "-noout", "-fingerprint", "-sha256"],
            in: scratch)
        #expect(printed.output.lowercased().filter(\.isHexDigit).hasSuffix(set.fingerprint))
        let unknown = try await set.view(["cameras"], trust: ["--ca", "/etc/ssl/certs/ca-certificates.crt"])
        #expect(unknown.status == 77, "\(unknown.errors)")
        let missing = try await set.view(["cameras"], trust: ["--ca", scratch.file("nothing.pem")])
        #expect(missing.status == 78, "\(missing.errors)")
        #expect(missing.errors.contains("nothing.pem"))
    }

    @Test func `a renewed certificate is used at once, without lost streams or alarms`() async throws {
        let environment = try await makeCertificate()
        let set = try await RunningSet(environment: environment, scratch: scratch)
        defer { set.up.kill() }
        let first = try await set.view(["cameras"], trust: [])
        #expect(first.status == 0, "\(first.errors)")
        let stream = try set.startView(["live", "demo", "--headless"])
        try await set.waitForFrames(5)
        let connections = try await set.status("gateway")["viewers"].integer

        // The same key in another certificate, and SIGHUP to every service.
        func renew(_ arguments: [String]) async throws {
            try await Programs.tool(
                ["openssl", "req", "-x509", "-days", "30", "-subj", "/CN=renewed", "-out", "renewed.pem"] + arguments,
                in: scratch)
        }
        try await renew(["-key", "key.pem"])
        try FileManager.default.removeItem(atPath: scratch.file("certificate.pem"))
        try FileManager.default.moveItem(atPath: scratch.file("renewed.pem"), toPath: scratch.file("certificate.pem"))
        let services = try set.services()
        for service in services { kill(service.process, SIGHUP) }
        try await eventually("the renewed certificate") {
            try await set.view(["cameras"], trust: ["--fingerprint", set.fingerprint]).status == 77
        }
        let renewed = try await set.view(["cameras"], trust: [])
        #expect(renewed.status == 0 && renewed.errors.isEmpty, "\(renewed.errors)")
        try await set.waitForFrames(5)
        #expect(stream.ending == nil, "\(stream.errors)")
        #expect(!stream.errors.contains("reconnecting"), "\(stream.errors)")
        #expect(try await set.status("gateway")["viewers"].integer == connections)
        #expect(try set.services() == services, "no service ended")

        // A certificate without its key is refused. A complete new pair is used, and raises an alarm at the viewer.
        try await renew(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "other-key.pem"])
        try FileManager.default.removeItem(atPath: scratch.file("certificate.pem"))
        try FileManager.default.moveItem(atPath: scratch.file("renewed.pem"), toPath: scratch.file("certificate.pem"))
        try await eventually("the refused pair") { set.up.errors.contains("certificate not loaded") }
        #expect(try await set.view(["cameras"], trust: []).status == 0)
        try FileManager.default.removeItem(atPath: scratch.file("key.pem"))
        try FileManager.default.moveItem(atPath: scratch.file("other-key.pem"), toPath: scratch.file("key.pem"))
        try await eventually("the alarm") {
            try await set.view(["cameras"], trust: []).errors.contains("HAS CHANGED")
        }
        stream.kill()
    }

    @Test func `an expired certificate ends the gateway with its date`() async throws {
        _ = try await makeCertificate(days: 0)
        let finished = try await startGateway("certificate.pem", "key.pem")
        #expect(finished.status == 78, "\(finished.errors)")
        #expect(finished.errors.contains("certificate.pem: the certificate expired on"))
    }

    @Test func `a key that does not match its certificate ends the gateway`() async throws {
        _ = try await makeCertificate()
        let finished = try await startGateway("certificate.pem", "ca-key.pem")
        #expect(finished.status == 78, "\(finished.errors)")
        #expect(finished.errors.contains("is not that of the certificate"))
    }

    @Test func `a malformed or missing certificate ends the gateway`() async throws {
        _ = try await makeCertificate()
        try scratch.write("no certificate", to: "junk.pem")
        let junk = try await startGateway("junk.pem", "key.pem")
        #expect(junk.status == 78, "\(junk.errors)")
        #expect(junk.errors.contains("junk.pem: no PEM certificate in the file"))
        let missing = try await startGateway("missing.pem", "key.pem")
        #expect(missing.status == 66, "\(missing.errors)")
        #expect(missing.errors.contains("missing.pem: No such file or directory"))
        let half = try await Programs.run(
            "secam-gateway", ["--data", scratch.file("data"), "--certificate", scratch.file("certificate.pem")],
            in: scratch)
        #expect(half.status == 64)
        #expect(half.errors.contains("--key"))
    }

    @Test func `secam up ends with its gateway when the certificate is unusable`() async throws {
        let environment = try await makeCertificate(days: 0)
        let up = try RunningSet.start([RunningSet.camera], environment: environment, scratch: scratch)
        let finished = try await up.finish()
        #expect(finished.status == 78, "\(finished.errors)")
        #expect(finished.errors.contains("expired"))
    }

    @Test func `a login is remembered on the machine until the user logs out`() async throws {
        try await RunningSet.with([RunningSet.camera]) { set in
            func view(_ command: String, password: String? = nil) async throws -> FinishedProgram {
                try await Programs.run(
                    "secam-view",
                    [command, "--server", set.address, "--username", "admin", "--fingerprint", set.fingerprint],
                    in: set.scratch, environment: password.map { ["SECAM_PASSWORD": $0] } ?? [:])
            }
            let early = try await view("logout")
            #expect(early.status == 77 && early.errors.contains("no login at"), "\(early.errors)")
            #expect(try await view("cameras", password: set.password).status == 0)
            #expect(try await view("cameras").status == 0, "without a password")
            let sessions = try await set.secam(["user", "sessions", "admin", "--json"])
            #expect(try sessions.json().values.filter { $0["client"].text?.contains("secam-view") == true }.count == 1)
            let logout = try await view("logout")
            #expect(logout.status == 0, "\(logout.errors)")
            let after = try await view("cameras")
            #expect(after.status == 64 && after.errors.contains("there is no password"), "\(after.errors)")
            #expect(try await set.secam(["user", "sessions", "admin", "--json"]).json().values.isEmpty)
        }
    }
}
