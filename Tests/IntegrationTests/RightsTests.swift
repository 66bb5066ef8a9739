import Foundation
import Glibc
import SecamTestSupport
import Testing

/// Users' rights in a running system.
@Suite(.serialized) struct RightsTests {
    private static let cameras = ["a=test:320x240@10", "b=test:320x240@10"]
    private static let password = "a viewer's password"

    @Test func `cameras that a viewer may not see do not exist for it`() async throws {
        try await RunningSet.with(Self.cameras) { set in
            try await set.addUser("vera", password: Self.password, ["--cameras", "a"])
            let cameras = try await set.cameras(user: "vera", password: Self.password)
            #expect(Set(cameras.keys) == ["a"])
            let hidden = try await set.view(
                ["live", "b", "--headless", "--frames", "1"], user: "vera", password: Self.password)
            let missing = try await set.view(
                ["live", "c", "--headless", "--frames", "1"], user: "vera", password: Self.password)
            #expect(hidden.status == 66 && missing.status == 66)
            #expect(hidden.errors.replacing("'b'", with: "'c'") == missing.errors, "no difference tells that b exists")
            let seen = try await set.view(
                ["live", "--headless", "--frames", "3", "--stats"], user: "vera", password: Self.password)
            #expect(seen.status == 0, "\(seen.errors)")
            #expect(try seen.json()["cameras"].names == ["a"])
        }
    }

    @Test func `changed rights apply to running sessions`() async throws {
        try await RunningSet.with(Self.cameras) { set in
            try await set.addUser("vera", password: Self.password, ["--cameras", "a"])
            let session = try set.startView(
                ["live", "--headless", "--stats"], user: "vera", password: Self.password)
            try await set.waitForFrames(3)
            let granted = try await set.secam(["user", "grant", "vera", "--cameras", "b"])
            #expect(granted.status == 0, "\(granted.errors)")
            // The flow that remains is that of the camera's events.
            try await eventually("the end of a's frames") {
                try await set.status("capture", "a")["flows_open"].integer == 1
            }
            try await set.waitForFrames(5)
            session.send(SIGINT)
            let finished = try await session.finish()
            #expect(finished.status == 0, "\(finished.errors)")
            let figures = try finished.json()["cameras"]
            #expect(try #require(figures["b"]["frames"].integer) > 0)
        }
    }

    @Test func `removing a user ends the user's sessions`() async throws {
        try await RunningSet.with(Self.cameras) { set in
            try await set.addUser("vera", password: Self.password)
            let session = try set.startView(["live", "--headless"], user: "vera", password: Self.password)
            try await set.waitForFrames(3)
            let removed = try await set.secam(["user", "remove", "vera"])
            #expect(removed.status == 0, "\(removed.errors)")
            let finished = try await session.finish()
            #expect(finished.status == 77)
            #expect(finished.errors.contains("revoked"))
            let later = try await set.view(["cameras"], user: "vera", password: Self.password)
            #expect(later.status == 77)
        }
    }

    @Test func `a new password ends sessions with the old one`() async throws {
        try await RunningSet.with { set in
            try await set.addUser("vera", password: Self.password)
            let session = try set.startView(["live", "--headless"], user: "vera", password: Self.password)
            try await set.waitForFrames(3)
            let changed = try await set.secam(["user", "passwd", "vera", "--password-stdin"], input: "another one\n")
            #expect(changed.status == 0, "\(changed.errors)")
            let finished = try await session.finish()
            #expect(finished.status == 77)
            let old = try await set.view(["cameras"], user: "vera", password: Self.password)
            #expect(old.status == 77)
            let new = try await set.view(["cameras"], user: "vera", password: "another one")
            #expect(new.status == 0, "\(new.errors)")
        }
    }

    @Test func `a wrong password and an unknown user get the same answer`() async throws {
        try await RunningSet.with { set in
            let wrong = try await set.view(["cameras"], password: "not this one")
            let unknown = try await set.view(["cameras"], user: "nobody", password: "not this one")
            #expect(wrong.status == 77 && unknown.status == 77)
            #expect(wrong.errors.contains("login refused"))
            #expect(wrong.errors == unknown.errors)
        }
    }

    @Test func `guessing locks a user, but no other user`() async throws {
        try await RunningSet.with { set in
            try await set.addUser("vera", password: Self.password)
            // The address is known for this user, so its own lock does not apply to her.
            let before = try await set.view(["cameras"], user: "vera", password: Self.password)
            #expect(before.status == 0)
            try await eventually("a lock") {
                try await set.view(["cameras"], password: "a guess").errors.contains("locked")
            }
            let other = try await set.view(["cameras"], user: "vera", password: Self.password)
            #expect(other.status == 0, "\(other.errors)")
            try await eventually("the lock is over") { try await set.view(["cameras"]).status == 0 }
        }
    }

    @Test func `logins, refusals and changes are in the audit log`() async throws {
        try await RunningSet.with { set in
            try await set.addUser("vera", password: Self.password)
            _ = try await set.view(["cameras"], user: "vera", password: Self.password)
            _ = try await set.view(["cameras"], user: "vera", password: "wrong")
            _ = try await set.view(["cameras"], user: "no\"body\n", password: "wrong")
            _ = try await set.secam(["user", "remove", "vera"])
            let text = try await eventually("the lines") {
                let text = set.scratch.text("data/audit.log") + set.scratch.text("data/audit-refusals.log")
                return text.contains("user-removed") && text.contains("no\\\"body") ? text : nil
            }
            let lines = try text.split(separator: "\n").map { try JSONValue(String($0)) }
            func has(_ event: String, _ user: String) -> Bool {
                lines.contains { $0["event"].text == event && $0["user"].text == user }
            }
            #expect(has("user-added", "vera"))
            #expect(has("login", "vera"))
            #expect(has("refusal", "vera"))
            #expect(has("refusal", "no\"body\n"))
            #expect(has("user-removed", "vera"))
            for line in lines { #expect(line.names == ["time", "event", "user", "address", "reason"]) }
            let logins = lines.filter { $0["event"].text == "login" }
            #expect(logins.allSatisfy { $0["address"].text?.hasPrefix("127.0.0.1:") == true })
            #expect(!text.contains(Self.password))
        }
    }
}
