import Foundation
import SecamTestSupport
import Testing

/// `secam-view` writes its keys to SSLKEYLOGFILE, and tshark shows the captured messages by proto-spec/secam.lua.
@Suite(.enabled(if: Dissection.isAvailable, "needs tshark: sh docker/deps.sh test")) struct DissectorTests {
    private let scratch: ScratchFolder

    init() throws { scratch = try ScratchFolder() }

    private var keys: String { scratch.file("keys") }

    /// Runs `secam-view` through a proxy, and returns the fields of all its messages.
    private func dissected(_ set: RunningSet, _ arguments: [String]) async throws -> Messages {
        let proxy = try CapturingProxy(to: set.address)
        let finished = try await Programs.run(
            "secam-view",
            arguments + ["--server", proxy.address, "--username", "admin", "--fingerprint", set.fingerprint],
            in: scratch, environment: ["SECAM_PASSWORD": set.password ?? "", "SSLKEYLOGFILE": keys])
        try #require(finished.status == 0, "\(finished.errors)")
        #expect(finished.errors.contains("warning: SSLKEYLOGFILE is set") && finished.errors.contains(keys))
        let port = try #require(proxy.address.split(separator: ":").last)
        let packets = try await Dissection.packets(
            of: proxy.capture, ["-o", "tls.keylog_file:\(keys)", "-d", "tcp.port==\(port),tls"], in: scratch)
        return Messages(packets: packets)
    }

    private struct Messages {
        var fields: [String: [String]] = [:]

        init(packets: [Dissection]) {
            for packet in packets { fields.merge(packet.fields) { $0 + $1 } }
        }

        subscript(_ name: String) -> [String] { fields["secam.\(name)"] ?? [] }

        /// The messages of each type by their codes.
        var types: [String: Int] { Dictionary(self["type"].map { ($0, 1) }, uniquingKeysWith: +) }

        /// Whether every message of the session was shown, from the first to the last.
        func checkSession() {
            #expect(self["malformed"].isEmpty)
            #expect(types["0x0040"] == 2, "HELLO of both ends")
            #expect(self["hello.protocol"] == ["1", "1"])
            #expect(self["login.username"] == ["admin"])
            #expect(self["login.password"].count == 1 && self["login.password"][0].hasSuffix(" bytes)"))
            #expect(self["welcome.role"] == ["1"])
            #expect(self["cameras.camera.name"].contains("demo"))
            #expect(self["bye.reason"].first == "1", "the viewer's last message")
        }
    }

    @Test func `every message of a live, a search and a replay session is shown with its fields`() async throws {
        let set = try await RunningSet(record: "continuous", scratch: scratch)
        defer { set.up.kill() }

        let live = try await dissected(set, ["live", "demo", "--headless", "--duration", "3", "--stats"])
        live.checkSession()
        #expect(live["watch.rendition"].contains("1"))
        let count = live["frame.sequence"].count
        #expect(count > 10 && live.types["0x0012"] == count && live["frame.payload"].count == count)
        #expect(Set(live["frame.width"]) == ["320"] && Set(live["frame.height"]) == ["240"])
        #expect(live["credit.frames"].count == live.types["0x0011"] ?? 0)

        let span = try await eventually("5 s of demo", seconds: 120) { () -> (Int, Int)? in
            let list = try await set.view(["recordings", "demo", "--json"]).json()["recordings"].values
            guard let start = list.last?["start_us"].integer, let end = list.first?["end_us"].integer,
                end - start > 5_000_000
            else { return nil }
            return (start, end)
        }
        let search = try await dissected(set, ["recordings", "demo"])
        search.checkSession()
        #expect(search["search.camera.name"].allSatisfy { $0 == "demo" } && !search["search.camera.name"].isEmpty)
        #expect(search["found.request"].allSatisfy { search["search.request"].contains($0) })
        #expect(search["found.last"].last == "1")
        #expect(search["found.recording.camera"].contains("demo") && !search["found.recording.frames"].isEmpty)

        let times = [span.0 + 1_000_000, span.0 + 4_000_000].map { microseconds in
            Date(timeIntervalSince1970: Double(microseconds) / 1e6)
                .formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true))
        }
        let replay = try await dissected(
            set, ["export", "demo", "--from", times[0], "--to", times[1], "-o", scratch.file("clip.mkv")])
        replay.checkSession()
        #expect(replay["replay.camera"].contains("demo") && replay["replay.content"].contains("0"))
        #expect(replay["frame.sequence"].count > 20)
        #expect(replay["close.reason"].contains("1"))
    }

    @Test func `the file of keys is the owner's alone, and without the variable there is none`() async throws {
        let set = try await RunningSet(scratch: scratch)
        defer { set.up.kill() }
        let listed = try await set.view(["cameras"])
        #expect(listed.status == 0 && !listed.errors.contains("SSLKEYLOGFILE"))
        _ = try await dissected(set, ["cameras"])
        #expect(scratch.mode("keys") == 0o600)
        let lines = scratch.text("keys").split(separator: "\n")
        #expect(lines.contains { $0.hasPrefix("CLIENT_TRAFFIC_SECRET_0 ") })

        let denied = try await Programs.run(
            "secam-view",
            ["cameras", "--server", set.address, "--username", "admin", "--fingerprint", set.fingerprint], in: scratch,
            environment: ["SECAM_PASSWORD": set.password ?? "", "SSLKEYLOGFILE": "/proc/none/keys"])
        #expect(denied.status == 74 && denied.errors.contains("cannot open /proc/none/keys"), "\(denied.errors)")
    }
}
