import NIOCore
import SecamTestSupport
import SecamUsers
import SecamWeb
import SecamWire
import Testing

@testable import SecamGateway

struct WebTests {
    // MARK: - Page and login

    @Test func `the codec of the page is served with headers that forbid everything else`() async throws {
        try await ViewerHarness.run { harness in
            let client = try await harness.web()
            let response = try await client.request("GET", "/secam.mjs")
            #expect(response.status == 200)
            #expect(response.header("Content-Type") == "text/javascript; charset=utf-8")
            let policy = try #require(response.header("Content-Security-Policy"))
            #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
            #expect(!policy.contains("unsafe"))
            #expect(response.header("X-Content-Type-Options") == "nosniff")
            #expect(response.header("Referrer-Policy") == "no-referrer")
            // The certificate is self-signed: a browser that insisted on another one would lock its user out.
            #expect(response.header("Strict-Transport-Security") == nil)
            let tag = try #require(response.header("ETag"))
            #expect(try await client.request("GET", "/secam.mjs", ["If-None-Match: \(tag)"]).status == 304)
            let head = try await client.request("HEAD", "/secam.mjs")
            #expect(head.header("Content-Length") == "\(response.body.count)")
            #expect(head.body.isEmpty)
        }
    }

    @Test func `a login creates a session whose cookie scripts and other sites cannot use`() async throws {
        try await ViewerHarness.run { harness in
            let client = try await harness.web()
            #expect(try await client.request("GET", "/api/v1/session").status == 401)
            let login = try await client.logIn("anna", ViewerHarness.password)
            #expect(login.status == 204)
            let cookies = login.headers.filter { $0.name == "Set-Cookie" }.map(\.value)
            #expect(cookies.contains { $0.hasPrefix("__Host-secam=") })
            #expect(cookies.allSatisfy { $0.hasSuffix("Secure; HttpOnly; SameSite=Strict") })
            #expect(cookies.allSatisfy { $0.contains("Path=/;") && !$0.contains("Domain") })
            let cookie = "Cookie: \(login.cookies.joined(separator: "; "))"
            let session = try await client.request("GET", "/api/v1/session", [cookie])
            #expect(
                session.text
                    == #"{"user":"anna","isAdministrator":true,"hasSecondFactor":false,"needsSecondFactor":false}"#
                    + "\n")
        }
    }

    @Test func `a wrong password, an unknown user and a lock are told apart only where that helps no guesser`()
        async throws
    {
        try await ViewerHarness.run { harness in
            let client = try await harness.web()
            let wrong = try await client.logIn("anna", "guess")
            let unknown = try await client.logIn("nobody", "guess")
            #expect(wrong.status == 401 && wrong.text == "{\"error\":\"credentials\"}\n")
            #expect(wrong.body == unknown.body && wrong.status == unknown.status)
            _ = try await client.logIn("anna", "guess")
            _ = try await client.logIn("anna", "guess")
            let locked = try await client.logIn("anna", ViewerHarness.password)
            #expect(locked.status == 429 && locked.text.hasPrefix("{\"error\":\"locked\",\"retryAfter\":"))
            #expect(locked.header("Retry-After").flatMap { Int($0) } ?? 0 > 0)
        }
    }

    @Test func `a browser that logged in before is not locked by guesses from elsewhere on its host`() async throws {
        try await ViewerHarness.run { harness in
            let cookies = try await harness.cookies()
            let device = try #require(cookies.first { $0.hasPrefix("__Host-secam-device=") })
            let client = try await harness.web()
            for _ in 0..<4 { _ = try await client.logIn("anna", "guess") }
            #expect(try await client.logIn("anna", ViewerHarness.password).status == 429)
            #expect(try await client.logIn("anna", ViewerHarness.password, ["Cookie: \(device)"]).status == 204)
        }
    }

    @Test func `a trusted proxy names the client for the session and the limits, and no other peer does`() async throws
    {
        func address(of response: WebClient.Response, _ client: WebClient) async throws -> String? {
            let cookie = "Cookie: \(response.cookies.joined(separator: "; "))"
            return try JSONValue(await client.request("GET", "/api/v1/sessions", [cookie]).text)[0]["address"].text
        }
        try await ViewerHarness.run({ $0.trustedProxies = ["127.0.0.1"] }) { harness in
            let client = try await harness.web()
            let forwarded = "X-Forwarded-For: 10.9.9.9, 203.0.113.7"
            #expect(
                try await address(of: client.logIn("anna", ViewerHarness.password, [forwarded]), client)
                    == "203.0.113.7")
            for malformed in ["", "x", "203.0.113.7:80", "203.0.113.300"] {
                let response = try await client.logIn(
                    "anna", ViewerHarness.password, ["X-Forwarded-For: \(malformed)"])
                #expect(try await address(of: response, client) == "127.0.0.1", "\(malformed)")
            }
            let guesser = "X-Forwarded-For: 198.51.100.1"
            for _ in 0..<4 { _ = try await client.logIn("anna", "guess", [guesser]) }
            #expect(try await client.logIn("anna", ViewerHarness.password, [guesser]).status == 429)
            #expect(try await client.logIn("anna", ViewerHarness.password, [forwarded]).status == 204)
        }
        try await ViewerHarness.run { harness in
            let client = try await harness.web()
            let response = try await client.logIn("anna", ViewerHarness.password, ["X-Forwarded-For: 203.0.113.7"])
            #expect(try await address(of: response, client) == "127.0.0.1")
        }
    }

    @Test func `addresses of proxies are read strictly`() {
        #expect(ProxyAddresses.parse("10.0.0.1, ::ffff:10.0.0.2,fd00::1") == ["10.0.0.1", "10.0.0.2", "fd00::1"])
        #expect(ProxyAddresses.parse("") == [])
        for text in ["proxy", "10.0.0.0/8", "10.0.0.1:80", "10.0.0.1,x"] { #expect(ProxyAddresses.parse(text) == nil) }
    }

    @Test func `signing out ends the session`() async throws {
        try await ViewerHarness.run { harness in
            let cookies = try await harness.cookies()
            let cookie = "Cookie: \(cookies.joined(separator: "; "))"
            let client = try await harness.web()
            let response = try await client.request("DELETE", "/api/v1/session", [cookie])
            #expect(response.status == 204)
            #expect(response.header("Set-Cookie")?.hasPrefix("__Host-secam=; Path=/; Max-Age=0;") == true)
            #expect(try await client.request("GET", "/api/v1/session", [cookie]).status == 401)
        }
    }

    @Test func `without the web, a client without ALPN and one with HTTP are refused`() async throws {
        try await ViewerHarness.run(isWebOn: false) { harness in
            let client = try await harness.web()
            #expect(await client.closed().isEmpty)
            _ = try await harness.loggedIn()
        }
    }

    // MARK: - WebSocket

    @Test func `a browser sees the cameras and gets the watched frames over a WebSocket`() async throws {
        try await ViewerHarness.run { harness in
            try harness.showCameras(["door", "yard"])
            let cookies = try await harness.cookies()
            let (client, cameras) = try await harness.webViewer(cookies)
            #expect(cameras.cameras.map(\.name.text) == ["door", "yard"])
            #expect(harness.figure(.viewers) == 1)
            client.send(Watch(camera: 1, rendition: .jpeg, credit: 3))
            var demands = harness.hub.demands.makeAsyncIterator()
            #expect(await demands.next() == .init(camera: 1, rendition: .jpeg, wanted: true))
            // One frame for each of the three forms of a WebSocket frame's length.
            for (index, bytes) in [30, 1000, 300_000].enumerated() {
                harness.publish(UInt64(index) + 1, bytes: bytes)
                let (envelope, message) = try await client.message()
                let (frame, payload) = try Frame.decode(message.span, envelope)
                #expect(frame.sequence == UInt64(index) + 1 && payload.count == bytes)
            }
            client.send(Ping(token: 5))
            #expect(try await client.next(Pong.self).token == 5)
            try await client.close()
            try await eventually("the viewer to be gone") { harness.figure(.viewers) == 0 }
            #expect(await demands.next() == .init(camera: 1, rendition: .jpeg, wanted: false))
        }
    }

    @Test func `a browser that stops reading skips frames`() async throws {
        try await ViewerHarness.run { harness in
            try harness.showCameras(["door"])
            let (client, _) = try await harness.webViewer(harness.cookies(), receiveBuffer: 64 << 10)
            client.send(Watch(camera: 1, rendition: .jpeg, credit: 1024))
            var demands = harness.hub.demands.makeAsyncIterator()
            _ = await demands.next()
            harness.publish(1, bytes: 400_000)
            #expect(try await client.nextFrame().sequence == 1)
            try await client.channel.setOption(.autoRead, value: false).get()
            var newest: UInt64 = 1
            while harness.figure(.framesSkipped) < 20, newest < 500 {
                newest += 1
                harness.publish(newest, bytes: 400_000)
                try await Task.sleep(for: .milliseconds(1))
            }
            #expect(harness.figure(.framesSkipped) >= 20)
            try await client.channel.setOption(.autoRead, value: true).get()
            var last: UInt64 = 1
            while last < newest {
                let sequence = try await client.nextFrame().sequence
                #expect(sequence > last)
                last = sequence
            }
        }
    }

    @Test func `a WebSocket needs the session and the page's own origin`() async throws {
        try await ViewerHarness.run { harness in
            let cookies = try await harness.cookies()
            let cookie = "Cookie: \(cookies.joined(separator: "; "))"
            let client = try await harness.web()
            func status(_ headers: [String], path: String = "/ws") async throws -> Int {
                try await harness.web().request("GET", path, headers).status
            }
            let origin = "Origin: \(client.origin)"
            #expect(try await status(WebClient.upgrade + [origin]) == 401)
            #expect(try await status(WebClient.upgrade + [cookie]) == 403)
            #expect(try await status(WebClient.upgrade + [cookie, "Origin: https://evil.example"]) == 403)
            #expect(try await status(WebClient.upgrade + [cookie, "Origin: null"]) == 403)
            #expect(try await status([cookie, origin]) == 426)
            func without(_ name: String, _ other: String? = nil) -> [String] {
                WebClient.upgrade.filter { !$0.hasPrefix(name) } + (other.map { [$0] } ?? []) + [cookie, origin]
            }
            #expect(try await status(without("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8")) == 426)
            #expect(try await status(without("Sec-WebSocket-Protocol")) == 400)
            #expect(try await status(without("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: chat")) == 400)
            #expect(try await status(without("Sec-WebSocket-Key", "Sec-WebSocket-Key: short")) == 400)
            #expect(try await status(without("none")) == 101)
        }
    }

    @Test func `the acceptance of a WebSocket is that of RFC 6455`() async throws {
        try await ViewerHarness.run { harness in
            let client = try await harness.web()
            let response = try await client.openWebSocket(harness.cookies())
            #expect(response.header("Sec-WebSocket-Accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            #expect(response.header("Sec-WebSocket-Protocol") == "secam.1")
        }
    }

    @Test func `frames that break the WebSocket protocol cost their sender the connection`() async throws {
        try await ViewerHarness.run { harness in
            let cookies = try await harness.cookies()
            func code(_ send: (WebClient) -> Void) async throws -> Int? {
                let (client, _) = try await harness.webViewer(cookies)
                send(client)
                var frame = try await client.frame()
                while frame.opcode != 8 { frame = try await client.frame() }
                _ = await client.closed()
                return frame.closeCode
            }
            let ping = Ping(token: 1).encoded()
            #expect(try await code { $0.sendFrame(0x82, ping, isMasked: false) } == 1002)
            #expect(try await code { $0.sendFrame(0x81, ping) } == 1003)
            #expect(try await code { $0.sendFrame(0xc2, ping) } == 1002)
            #expect(try await code { $0.sendFrame(0x80, ping) } == 1002)
            #expect(try await code { $0.sendFrame(0x83, ping) } == 1002)
            #expect(try await code { $0.sendFrame(0x09, []) } == 1002)
            #expect(try await code { $0.send([0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 1]) } == 1009)
            // A message of the WebSocket that is not one message of the viewer protocol.
            #expect(try await code { $0.sendFrame(0x82, ping + ping) } == 4400)
            #expect(try await code { $0.sendFrame(0x82, Array(ping.dropLast())) } == 4400)
            #expect(try await code { $0.sendFrame(0x88, [3, 232]) } == 1000)
            _ = try await harness.loggedIn()
        }
    }

    @Test func `a message may come in fragments, with a ping between them`() async throws {
        try await ViewerHarness.run { harness in
            let (client, _) = try await harness.webViewer(harness.cookies())
            let ping = Ping(token: 77).encoded()
            client.sendFrame(0x02, Array(ping.prefix(3)))
            client.sendFrame(0x89, [1, 2])
            client.sendFrame(0x00, [])
            client.sendFrame(0x80, Array(ping.dropFirst(3)))
            #expect(try await client.frame() == WebClient.Frame(opcode: 10, payload: [1, 2]))
            #expect(try await client.next(Pong.self).token == 77)
        }
    }

    @Test func `HELLO and LOGIN over a WebSocket are errors, and the connection stays`() async throws {
        try await ViewerHarness.run { harness in
            let (client, _) = try await harness.webViewer(harness.cookies())
            client.send(Hello(software: "test"))
            #expect(try await client.next(ErrorMessage.self).code == .unexpected)
            client.send(Login(username: "anna", password: ViewerHarness.password))
            #expect(try await client.next(ErrorMessage.self).code == .unexpected)
        }
    }

    @Test func `the gateway's end is announced with BYE and a code of its own`() async throws {
        var client: WebClient?
        try await ViewerHarness.run { harness in client = try await harness.webViewer(harness.cookies()).client }
        let viewer = try #require(client)
        #expect(try await viewer.next(Bye.self).reason == .shutdown)
        #expect(try await viewer.frame().closeCode == 4503)
    }

    // MARK: - The end of a session

    @Test func `signing out closes the session's WebSocket, and no other`() async throws {
        try await ViewerHarness.run { harness in
            let (first, second) = (try await harness.cookies(), try await harness.cookies())
            let (client, _) = try await harness.webViewer(first)
            let (other, _) = try await harness.webViewer(second)
            let cookie = "Cookie: \(first.joined(separator: "; "))"
            #expect(try await harness.web().request("DELETE", "/api/v1/session", [cookie]).status == 204)
            #expect(try await client.next(Bye.self).reason == .revoked)
            #expect(try await client.frame().closeCode == 4401)
            other.send(Ping(token: 3))
            #expect(try await other.next(Pong.self).token == 3)
        }
    }

    @Test(arguments: ["password", "removal", "command line"])
    func `a change of the account ends sessions with their WebSockets`(_ change: String) async throws {
        try await ViewerHarness.run { harness in
            try harness.users.add(Name("bert"), password: ViewerHarness.password, role: .viewer)
            let cookies = try await harness.cookies("bert")
            let (client, _) = try await harness.webViewer(cookies)
            let (native, _) = try await harness.loggedIn("anna")
            switch change {
            case "password": try harness.users.setPassword("another password", of: Name("bert"))
            case "removal": try harness.users.remove(Name("bert"))
            default: try harness.users.endSessions(of: Name("bert"))
            }
            #expect(try await client.next(Bye.self).reason == .revoked)
            #expect(try await client.frame().closeCode == 4401)
            let cookie = "Cookie: \(cookies.joined(separator: "; "))"
            #expect(try await harness.web().request("GET", "/api/v1/session", [cookie]).status == 401)
            native.send(Ping(token: 3))
            #expect(try await native.next(Pong.self).token == 3)
        }
    }

    @Test func `a right that is lost takes the camera away and keeps the session`() async throws {
        try await ViewerHarness.run { harness in
            try harness.users.add(Name("bert"), password: ViewerHarness.password, role: .viewer)
            try harness.showCameras(["door", "yard"])
            let (client, cameras) = try await harness.webViewer(harness.cookies("bert"))
            #expect(cameras.cameras.count == 2)
            try harness.users.grant(.only([Name("yard")]), to: Name("bert"))
            #expect(try await client.next(Cameras.self).cameras.map(\.name.text) == ["yard"])
            client.send(Watch(camera: 1, rendition: .jpeg, credit: 1))
            #expect(try await client.next(ErrorMessage.self).code == .noSuchCamera)
        }
    }
}
