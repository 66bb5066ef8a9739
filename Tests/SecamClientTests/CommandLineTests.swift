import ArgumentParser
import SecamBase
import SecamProcess
import SecamTLS
import SecamTestSupport
import SecamWire
import Synchronization
import Testing

@testable import SecamClient

@Suite("The command line")
struct CommandLineTests {
    private func live(_ arguments: [String]) throws -> LiveCommand {
        try #require(try SecamView.parseAsRoot(arguments) as? LiveCommand)
    }

    private func plan(_ command: LiveCommand, _ environment: [String: String] = [:]) throws -> LoginPlan {
        try LoginPlan(command.connection, command.parent.leading) { environment[$0] }
    }

    @Test func `connection options may stand before the command, after it, without one, or in the environment`() throws
    {
        let options = ["--server", "h:1", "--username", "u", "--known-hosts", "/k"]
        for arguments in [options + ["live", "demo"], ["live", "demo"] + options, options + ["demo"]] {
            let command = try live(arguments)
            #expect(command.cameras == ["demo"])
            let plan = try plan(command)
            #expect(plan.server == (try ServerAddress("h:1")))
            #expect(plan.username == "u")
        }
        let command = try live(options)
        #expect(command.cameras == [])
        let fromEnvironment = try plan(
            try live(["live"]), ["SECAM_SERVER": "e:2", "SECAM_USERNAME": "v", "HOME": "/h", "SECAM_PASSWORD": "p"])
        #expect(fromEnvironment.server == (try ServerAddress("e:2")))
        #expect(fromEnvironment.password == .environment("p"))
    }

    @Test func `options after the command override those before it, and both override the environment`() throws {
        let command = try live(["--server", "a:1", "live", "--server", "b:1", "--username", "u"])
        #expect(try plan(command, ["SECAM_SERVER": "e:2", "HOME": "/h"]).server == (try ServerAddress("b:1")))
        let before = try live(["--server", "a:1", "live", "--username", "u"])
        #expect(try plan(before, ["SECAM_SERVER": "e:2", "HOME": "/h"]).server == (try ServerAddress("a:1")))
    }

    @Test(arguments: [
        ["--username", "u"], ["--server", "h:1"], ["--server", "h", "--username", "u"],
        ["--server", "h:1", "--username", "u", "--fingerprint", "zz"],
        ["--server", "h:1", "--username", "u", "--ca", "f", "--fingerprint", "zz"],
        ["--server", "h:1", "--username", "u", "--password", "p", "--password-file", "f"],
        ["--server", "h:1", "--username", String(repeating: "x", count: 65)],
    ])
    func `missing, invalid and contradictory connection options are refused`(_ arguments: [String]) throws {
        let command = try live(["live"] + arguments)
        let error = try #require(throws: ClientError.self) { try plan(command, ["HOME": "/h"]) }
        #expect(error.exitStatus == .usage)
    }

    @Test(arguments: [
        ["live", "--frames", "0"], ["live", "--frames", "-1"], ["live", "--duration", "0"], ["live", "--fps", "nan"],
        ["live", "--rendition", "luma"], ["live", "--force"], ["live", "--bogus"], ["snapshot", "demo"],
        ["snapshot", "-o", "f"], ["snapshot", "demo", "-o", "f", "--timeout", "0"], ["cameras", "extra"],
    ])
    func `invalid arguments are refused with the status for wrong usage`(_ arguments: [String]) {
        do {
            _ = try SecamView.parseAsRoot(arguments)
            Issue.record("\(arguments) was accepted")
        } catch {
            #expect(SecamView.exitCode(for: error).rawValue == 64)
        }
    }

    @Test func `cameras are listed as a table and as JSON`() throws {
        var one = try ScriptedGateway.Camera(1, "demo")
        one.state = .offline
        let hidden = Cameras.Camera(
            camera: 2, state: .idle, recording: .stopped, width: 0, height: 0, frameRate: 0, since: 0,
            name: try Name("yard"), detail: "\u{1B}[31m")
        let table = CameraList.table([one.listed, hidden]).split(separator: "\n")
        #expect(table.count == 3)
        #expect(table[1].hasPrefix("demo  offline  -          64x48  30.0"))
        #expect(table[2].hasPrefix("yard  idle     STOPPED"))
        #expect(!CameraList.table([hidden]).unicodeScalars.contains("\u{1B}"))
        #expect(
            CameraList.json([hidden]) == """
                {"cameras":[{"name":"yard","state":"idle","recording":"stopped","width":null,"height":null,\
                "fps":null,"since_us":0,"detail":"\\u001b[31m"}]}
                """)
    }

    @Test func `a query returns its answer, or throws why there is none`() throws {
        var camera = try ScriptedGateway.Camera(1, "demo")
        camera.pictures = [TestJPEG.bytes]
        let fixture = try Fixture(ScriptedGateway.Behaviour(cameras: [camera]))
        let arguments = [
            "live", "--server", fixture.gateway.address, "--username", "anna", "--known-hosts",
            fixture.folder.file("hosts"), "--fingerprint", "\(fixture.gateway.fingerprint)",
        ]
        let login = try GatewayLogin(try plan(try live(arguments), ["SECAM_PASSWORD": "secret"])) { _ in }
        let list = try CameraQuery<[Cameras.Camera]> { event throws(ClientError) in
            if case .cameras(let cameras) = event { cameras } else { nil }
        }.run(login, login.settings(), timeout: .seconds(60))
        #expect(list.map(\.name.text) == ["demo"])
        let wrong = try GatewayLogin(try plan(try live(arguments), ["SECAM_PASSWORD": "wrong"])) { _ in }
        let error = try #require(throws: ClientError.self) {
            try CameraQuery<Bool> { _ throws(ClientError) in nil }
                .run(wrong, wrong.settings(), timeout: .seconds(60))
        }
        #expect(error.exitStatus == .noPermission)
        try fixture.gateway.stop()
    }

    @Test func `a device token is stored for its user and gateway, and sent at the next login`() throws {
        let logins = Mutex<[Login]>([])
        var behaviour = ScriptedGateway.Behaviour()
        let token = [UInt8](repeating: 7, count: WireLimits.deviceToken)
        behaviour.token = token
        behaviour.onLogin = { login in logins.withLock { $0.append(login) } }
        let fixture = try Fixture(behaviour)
        let environment = ["SECAM_PASSWORD": "secret", "XDG_STATE_HOME": fixture.folder.file("state")]
        let arguments = [
            "live", "--server", fixture.gateway.address, "--username", "anna", "--fingerprint",
            "\(fixture.gateway.fingerprint)",
        ]
        for _ in 0..<2 {
            let login = try GatewayLogin(try plan(try live(arguments), environment)) { _ in }
            _ = try CameraQuery<Bool> { event throws(ClientError) in
                if case .cameras = event { true } else { nil }
            }.run(login, login.settings(), timeout: .seconds(60))
        }
        #expect(logins.withLock { $0.map(\.token) } == [DeviceToken.none, token])
        #expect(logins.withLock { $0.allSatisfy(\.remember) })
        let tokens = DeviceTokens(path: fixture.folder.file("state/secam/devices"))
        let server = try ServerAddress(fixture.gateway.address)
        #expect(try tokens.token(for: "anna", at: server) == token)
        #expect(try tokens.token(for: "bert", at: server) == nil)
        #expect(try tokens.token(for: "anna", at: ServerAddress("other:1")) == nil)
        #expect(fixture.folder.mode("state/secam/devices") == 0o600)
        try fixture.gateway.stop()
    }

    @Test func `a gateway with another key than the accepted one is refused`() throws {
        let fixture = try Fixture(ScriptedGateway.Behaviour())
        let hosts = KnownHosts(path: fixture.folder.file("hosts"))
        let plan = try plan(
            try live(["live", "--server", fixture.gateway.address, "--username", "anna", "--known-hosts", hosts.path]),
            ["SECAM_PASSWORD": "secret"])
        try hosts.add(plan.server, try PublicKeyFingerprint("SPKI-SHA256:" + String(repeating: "ab", count: 32)))
        var login = try GatewayLogin(plan) { _ in }
        let error = try #require(throws: ClientError.self) {
            try login.run { (login) throws(ClientError) in
                try CameraQuery<Bool> { event throws(ClientError) in
                    if case .cameras = event { true } else { nil }
                }.run(login, login.settings(), timeout: .seconds(60))
            }
        }
        #expect(
            error
                == .certificateChanged(
                    server: plan.server, seen: fixture.gateway.fingerprint, file: hosts.path, lines: [1]))
        try fixture.gateway.stop()
    }
}
