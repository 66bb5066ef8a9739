import NIOCore
import SecamTestSupport
import SecamUsers
import SecamWeb
import SecamWire
import Testing

@testable import SecamGateway

/// Requests that break HTTP, or try to cost the gateway more than their sender.
struct HostileRequestTests {
    /// Sends bytes and returns the status of the response, 0 for none, when the connection is closed behind it.
    private func status(_ harness: ViewerHarness, _ bytes: String) async throws -> Int {
        let client = try await harness.web()
        client.send(bytes)
        let text = String(decoding: await client.closed(), as: UTF8.self)
        return Int(text.split(separator: " ").dropFirst().first ?? "") ?? 0
    }

    @Test func `malformed requests are refused and close the connection`() async throws {
        try await ViewerHarness.run { harness in
            for (request, expected) in [
                ("\0\0\0\0\r\n\r\n", 400), ("GET\r\n\r\n", 400), ("GET / HTTP/9.9\r\nHost: a\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
                ("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: a\r\n folded: y\r\n\r\n", 400),
                // Smuggling: two lengths.
                (
                    "POST /ws HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                    400
                ),
                ("POST /ws HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
                ("POST /ws HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
                ("POST /ws HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\na", 400),
                ("POST /ws HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 20_000))\r\n\r\n", 431),
                ("GET /\(String(repeating: "x", count: 20_000)) HTTP/1.1\r\nHost: a\r\n\r\n", 431),
                ("GET / HTTP/1.1\r\nHost: a\r\n\(String(repeating: "a: b\r\n", count: 100))\r\n", 431),
                (
                    "POST /api/v1/session HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n\(String(repeating: "x", count: 5000))",
                    413
                ),
            ] {
                #expect(try await status(harness, request) == expected, "\(request.prefix(60))")
            }
            _ = try await harness.loggedIn()
        }
    }

    @Test func `unknown resources and methods are refused, and the connection stays`() async throws {
        try await ViewerHarness.run { harness in
            let client = try await harness.web()
            for path in [
                "/none", "/api", "/api/v1", "/api/v2/cameras", "/api/v1/cameras/a/b", "/ws/x", "/../etc/passwd",
                "/.git/config", "/index.html%00", "/a%0d%0ab",
            ] {
                let response = try await client.request("GET", path)
                #expect(response.status == 404 && response.text == "{\"error\":\"notFound\"}\n", "\(path)")
            }
            for (method, path) in [
                ("PUT", "/"), ("POST", "/ws"), ("TRACE", "/api/v1/session"), ("DELETE", "/api/v1/cameras"),
            ] {
                let response = try await client.request(method, path)
                #expect(response.status == 405 && response.header("Allow") != nil, "\(method) \(path)")
            }
        }
    }

    @Test func `requests that change something are refused from other sites`() async throws {
        try await ViewerHarness.run { harness in
            let cookie = "Cookie: \(try await harness.cookies().joined(separator: "; "))"
            let client = try await harness.web()
            let foreign = "Origin: https://evil.example"
            #expect(try await client.request("DELETE", "/api/v1/session", [cookie, foreign]).status == 403)
            #expect(try await client.logIn("anna", ViewerHarness.password, [foreign]).status == 403)
            let form = try await client.request(
                "POST", "/api/v1/session", ["Content-Type: text/plain"],
                body: "{\"user\":\"anna\",\"password\":\"\(ViewerHarness.password)\"}")
            #expect(form.status == 400)
            #expect(try await client.request("GET", "/api/v1/session", [cookie]).status == 200)
        }
    }

    @Test func `forged cookies open nothing`() async throws {
        try await ViewerHarness.run { harness in
            let client = try await harness.web()
            let token = try #require(try await harness.cookies().first { $0.hasPrefix("__Host-secam=") })
            let digits = token.dropFirst("__Host-secam=".count)
            for cookie in [
                "", "x", String(digits.dropLast(2)), String(digits) + "00", String(digits.reversed()),
                String(repeating: "0", count: 64), "' OR 1=1 --",
            ] {
                let response = try await client.request("GET", "/api/v1/session", ["Cookie: __Host-secam=\(cookie)"])
                #expect(response.status == 401, "\(cookie)")
            }
            let twice = "Cookie: \(token); \(token)"
            #expect(try await client.request("GET", "/api/v1/session", [twice]).status == 401)
        }
    }

    @Test func `pipelined requests are answered in order, and a stranger's connection ends after some`() async throws {
        try await ViewerHarness.run { harness in
            let client = try await harness.web()
            client.send(String(repeating: "GET /api/v1/health HTTP/1.1\r\nHost: a\r\n\r\n", count: 300))
            let text = String(decoding: await client.closed(), as: UTF8.self)
            #expect(text.split(separator: "HTTP/1.1 200 OK").count == 256)
            #expect(text.split(separator: "Connection: close").count == 2)
        }
    }

    @Test func `a connection that sends no request, or no end of one, is closed`() async throws {
        for beginning in ["", "GET / HTT", "POST /api/v1/session HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"]
        {
            try await ViewerHarness.run({
                $0.webLimits.idleTimeout = .milliseconds(50)
                $0.webLimits.bodyTimeout = .milliseconds(50)
            }) { harness in
                let client = try await harness.web()
                client.send(beginning)
                #expect(await client.closed().isEmpty)
            }
        }
    }

    @Test func `a response that is not read is given up`() async throws {
        try await ViewerHarness.run({ $0.webLimits.responseTimeout = .milliseconds(200) }) { harness in
            let client = try await harness.web(receiveBuffer: 4096)
            #expect(try await client.request("GET", "/api/v1/health").status == 200)
            try await client.channel.setOption(.autoRead, value: false).get()
            client.send(String(repeating: "GET /secam.mjs HTTP/1.1\r\nHost: a\r\n\r\n", count: 200))
            try await eventually("the connection's place to be free") { harness.server.connectionCount == 0 }
        }
    }

    @Test func `idle connections without a login are limited, and viewers notice nothing`() async throws {
        try await ViewerHarness.run { harness in
            let (viewer, _) = try await harness.loggedIn()
            var idle: [WebClient] = []
            for _ in 0..<40 { idle.append(try await harness.web()) }
            viewer.send(Ping(token: 4))
            #expect(try await viewer.next(Pong.self).token == 4)
            // A newcomer makes room once it has had its time.
            try await eventually("an answer for one more connection") {
                (try? await harness.web().request("GET", "/api/v1/health").status) == 200
            }
        }
    }
}
