import Foundation
import Glibc
import SecamTestSupport
import Testing

/// The gateway's web page in a real browser.
@Suite(.serialized, .enabled(if: Browser.isAvailable, "needs chromium and chromedriver: sh docker/deps.sh test"))
struct WebPageTests {
    private static let cameras = ["a=test:320x240@10", "b=test:320x240@10"]
    private static let password = "a viewer's password"

    /// Runs a set and a browser that has opened the page.
    private static func with(
        _ cameras: [String] = [RunningSet.camera], motion: Int = 0, _ body: (RunningSet, Browser) async throws -> Void
    ) async throws {
        try await RunningSet.with(cameras, motion: motion) { set in
            try await Browser.with(set.scratch) { browser in
                try browser.open("https://\(set.address)/")
                try await eventually("the form") { try browser.shows("#sign-in form") }
                try await body(set, browser)
            }
        }
    }

    private static func signIn(_ browser: Browser, user: String = "admin", password: String?) throws {
        try browser.type(user, into: "[name=user]")
        try browser.type(password ?? "", into: "[name=password]")
        try browser.press(.enter)
    }

    /// Waits for the answer to a sign-in, and returns the error; empty when the form has gone.
    private static func answer(of browser: Browser) async throws -> String {
        try await eventually("an answer to the sign-in") {
            guard try browser.shows("#sign-in") else { return "" }
            return try browser.text("#sign-in .error").flatMap { $0.isEmpty ? nil : $0 }
        }
    }

    /// Waits until the camera's canvas shows other frames than now.
    private static func waitForPictures(of camera: String, _ browser: Browser) async throws {
        let before = try browser.frameNumber(of: camera)
        try await eventually("another picture of \(camera)") {
            guard let number = try browser.frameNumber(of: camera) else { return false }
            return try number != before && !browser.shows(#"[data-camera="\#(camera)"] .notice"#)
        }
    }

    @Test func `after sign-in, the pictures of all cameras move`() async throws {
        try await Self.with(Self.cameras) { set, browser in
            try Self.signIn(browser, password: set.password)
            for camera in ["a", "b"] {
                try await Self.waitForPictures(of: camera, browser)
                let first = try #require(try browser.frameNumber(of: camera))
                try await eventually("five frames more") { try browser.frameNumber(of: camera) ?? 0 >= first + 5 }
            }
            #expect(try browser.title == "secam")
            #expect(try browser.text("#summary") == "2 cameras")
            try browser.press("2")
            try await eventually("b alone") { try browser.shows(#".is-large[data-camera="b"]"#) }
            try browser.press("i")
            try await eventually("the details of b") {
                try browser.text(".is-large .details")?.contains("320×240 jpeg") == true
            }
            try browser.press(.escape)
            try await eventually("all cameras") { try !browser.shows(".is-large") }
        }
    }

    @Test func `a wrong password is refused, and many of them lock the form for a while`() async throws {
        try await Self.with { set, browser in
            try Self.signIn(browser, password: "a guess")
            #expect(try await Self.answer(of: browser) == "User or password is wrong.")
            try await eventually("a lock") {
                try Self.signIn(browser, password: "a guess")
                return try await Self.answer(of: browser).hasPrefix("Too many attempts.")
            }
            try await eventually("the end of the lock") {
                try browser.text("#sign-in .error") == "You can try again now."
            }
            try await eventually("a sign-in") {
                try Self.signIn(browser, password: set.password)
                return try await Self.answer(of: browser).isEmpty
            }
            try await Self.waitForPictures(of: "demo", browser)
        }
    }

    @Test func `a camera that is gone is offline, and its picture comes back by itself`() async throws {
        try await Self.with(Self.cameras) { set, browser in
            try Self.signIn(browser, password: set.password)
            try await Self.waitForPictures(of: "a", browser)
            let capture = try #require(try set.services().first { $0.role == "capture" && $0.name == "a" }).process
            kill(capture, SIGSTOP)
            defer { kill(capture, SIGCONT) }
            try await eventually("a is offline") {
                try browser.text(#"[data-camera="a"] .notice"#)?.hasPrefix("Offline since ") == true
            }
            try await eventually("the title") { try browser.title == "1 offline – secam" }
            try await Self.waitForPictures(of: "b", browser)
            kill(capture, SIGCONT)
            try await Self.waitForPictures(of: "a", browser)
            try await eventually("the title") { try browser.title == "secam" }
        }
    }

    @Test func `the page stays and goes on when the gateway restarts`() async throws {
        try await Self.with { set, browser in
            try Self.signIn(browser, password: set.password)
            try await Self.waitForPictures(of: "demo", browser)
            try browser.run("window.wasReloaded = false")
            try await set.killService("gateway")
            try await eventually("the loss is shown") { try browser.shows("#banner") }
            try await eventually("the connection is back") { try !browser.shows("#banner") }
            try await Self.waitForPictures(of: "demo", browser)
            #expect(try browser.run("return window.wasReloaded") == .boolean(false))
        }
    }

    @Test func `a camera that a user may no longer see leaves the page at once`() async throws {
        try await Self.with(Self.cameras) { set, browser in
            try await set.addUser("vera", password: Self.password, ["--cameras", "a,b"])
            try Self.signIn(browser, user: "vera", password: Self.password)
            try await Self.waitForPictures(of: "a", browser)
            let granted = try await set.secam(["user", "grant", "vera", "--cameras", "b"])
            #expect(granted.status == 0, "\(granted.errors)")
            try await eventually("a is gone") { try !browser.shows(#"[data-camera="a"]"#) }
            try await Self.waitForPictures(of: "b", browser)
            let removed = try await set.secam(["user", "remove", "vera"])
            #expect(removed.status == 0, "\(removed.errors)")
            try await eventually("the form") { try browser.shows("#sign-in form") }
            #expect(try !browser.shows(".tile"))
        }
    }

    @Test func `a hidden page asks for no frames`() async throws {
        try await Self.with { set, browser in
            try Self.signIn(browser, password: set.password)
            try await Self.waitForPictures(of: "demo", browser)
            let (page, _) = try browser.openTab()
            // The flow that remains is that of the camera's events.
            try await eventually("the end of the frames") {
                try await set.status("capture", "demo")["flows_open"].integer == 1
            }
            try browser.returnTo(page: page)
            try await Self.waitForPictures(of: "demo", browser)
        }
    }

    @Test func `motion shows on the picture and in the list of events`() async throws {
        try await Self.with(["demo=test:640x360@10"], motion: 1) { set, browser in
            try Self.signIn(browser, password: set.password)
            try await eventually("motion") { try browser.shows(#"[data-camera="demo"] .moving"#) }
            try browser.press("m")
            try await eventually("a box") { try browser.shows(#"[data-camera="demo"] .boxes rect"#) }
            try browser.press("e")
            try await eventually("the event") { try browser.text("#events li button")?.contains("demo") == true }
            let fits = try browser.run(
                "const wall = document.querySelector('#wall'); return wall.scrollWidth <= wall.clientWidth")
            #expect(fits == .boolean(true), "nothing scrolls sideways")
        }
    }

    @Test func `a user sets up a second factor with the page, and signs in with a code`() async throws {
        try await Self.with { set, browser in
            let password = try #require(set.password)
            try Self.signIn(browser, password: password)
            try await Self.waitForPictures(of: "demo", browser)
            try browser.press("q")
            try await eventually("the account") { try browser.shows(".factor-button") }
            try browser.click(".factor-button")
            try browser.type(password, into: "#second-factor [name=password]")
            try browser.press(.enter)
            try await eventually("the QR code") { try browser.shows(".qr path") }
            let typed = try #require(try browser.text(".secret"))
            let codes = try await Self.codes(typed, set.scratch)
            try browser.type("000000", into: "#second-factor [name=code]")
            try browser.press(.enter)
            try await eventually("the wrong code is refused") {
                try browser.text("#second-factor .error") == "The code is wrong or has expired."
            }
            try browser.type(codes.present, into: "#second-factor [name=code]")
            try browser.press(.enter)
            let recovery = try await eventually("the recovery codes") {
                try browser.text("#second-factor .codes").flatMap { $0.isEmpty ? nil : $0 }
            }
            #expect(recovery.split(separator: "\n").count == 10)
            try await eventually("the form again") { try browser.shows("#sign-in") }
            try browser.click("#second-factor .primary")
            try Self.signIn(browser, password: password)
            try await eventually("the form asks for a code") { try browser.shows("#sign-in [name=code]") }
            try browser.type(codes.next, into: "#sign-in [name=code]")
            try browser.press(.enter)
            try await Self.waitForPictures(of: "demo", browser)
        }
    }

    /// Returns the codes of this moment and of the next half minute.
    private static func codes(
        _ typedSecret: String, _ scratch: ScratchFolder
    ) async throws -> (present: String, next: String) {
        let secret = typedSecret.filter { $0 != " " }
        func code(after seconds: Double) async throws -> String {
            let time = ISO8601DateFormatter().string(from: Date(timeIntervalSinceNow: seconds))
            let arguments = ["oathtool", "--totp", "--base32", "--now", time, secret]
            return try await Programs.tool(arguments, in: scratch).output.trimmingCharacters(
                in: .whitespacesAndNewlines)
        }
        return (try await code(after: 0), try await code(after: 30))
    }

    @Test func `a user makes a token with the page, and a tool uses it`() async throws {
        try await Self.with { set, browser in
            let password = try #require(set.password)
            try Self.signIn(browser, password: password)
            try await Self.waitForPictures(of: "demo", browser)
            try browser.press("q")
            try await eventually("the account") { try browser.shows(".token-button") }
            try browser.click(".token-button")
            try browser.type("hall", into: "#token [name=label]")
            try browser.type(password, into: "#token [name=password]")
            try browser.press(.enter)
            let token = try await eventually("the token") {
                try browser.text("#token .codes").flatMap { $0.hasPrefix("secam_") ? $0 : nil }
            }
            let answer = try await Programs.tool(
                ["curl", "-sk", "-H", "Authorization: Bearer \(token)", "https://\(set.address)/api/v1/cameras"],
                in: set.scratch)
            #expect(answer.output.contains("\"demo\""))
            try browser.press(.enter)
            try await eventually("the list") { try browser.text("#account .tokens")?.contains("hall") == true }
            try browser.click("#account .tokens button")
            try await eventually("an empty list") { try browser.text("#account .tokens") == "" }
        }
    }

    @Test func `after sign-out, the browser has no session`() async throws {
        try await Self.with { set, browser in
            try Self.signIn(browser, password: set.password)
            try await Self.waitForPictures(of: "demo", browser)
            try browser.press("q")
            try await eventually("the session in the list") {
                try browser.text("#account .rows")?.contains("this session") == true
            }
            try browser.click("#account [data-action=sign-out]")
            try await eventually("the form") { try browser.shows("#sign-in form") }
            #expect(try !browser.shows(".tile"))
            try await eventually("the end of the session") {
                try browser.run("return (await fetch('/api/v1/session')).status").integer == 401
            }
            try browser.open("https://\(set.address)/")
            try await eventually("the form") { try browser.shows("#sign-in form") }
        }
    }
}
