import SecamTestSupport
import Testing

/// Common tools, at the HTTP interface of a running set.
struct ToolTests {
    /// Runs ffmpeg on a resource of the gateway and returns the number of decoded pictures.
    private func pictures(
        _ set: RunningSet, _ path: String, login: String = "", headers: String? = nil, count: Int
    ) async throws -> Int {
        let url = "https://\(login)\(set.address)\(path)"
        let finished = try await Programs.tool(
            ["ffmpeg", "-v", "error", "-tls_verify", "0"] + (headers.map { ["-headers", $0 + "\r\n"] } ?? [])
                + ["-i", url, "-frames:v", "\(count)", "-f", "framecrc", "-"],
            in: set.scratch)
        return finished.output.split(separator: "\n").count { !$0.hasPrefix("#") }
    }

    @Test func `ffmpeg reads streams and snapshots with a password and with a token`() async throws {
        try await RunningSet.with { set in
            let password = try #require(set.password)
            try await set.waitForCamera("demo", "online", "idle")
            let stream = "/api/v1/cameras/demo/stream.mjpeg?fps=5"
            #expect(try await pictures(set, stream, login: "admin:\(password)@", count: 5) == 5)

            let added = try await set.secam([
                "user", "token", "add", "admin", "--label", "wall", "--cameras", "demo", "--scopes", "live,snapshot",
                "--expires", "1d",
            ])
            #expect(added.status == 0)
            let token = added.output.split(separator: "\n").last.map(String.init) ?? ""
            try await eventually("the token to be known") {
                (try? await pictures(set, "/api/v1/cameras/demo/snapshot.jpg?token=\(token)", count: 1)) == 1
            }
            #expect(try await pictures(set, stream, headers: "Authorization: Bearer \(token)", count: 3) == 3)

            let list = try await set.secam(["user", "token", "list", "admin", "--json"]).json()
            #expect(list[0]["label"].text == "wall" && list[0]["cameras"][0].text == "demo")
            let removed = try await set.secam(["user", "token", "remove", "admin", list[0]["id"].text ?? ""])
            #expect(removed.status == 0)
            try await eventually("the token to be refused") {
                (try? await pictures(set, "/api/v1/cameras/demo/snapshot.jpg?token=\(token)", count: 1)) == nil
            }
        }
    }
}
