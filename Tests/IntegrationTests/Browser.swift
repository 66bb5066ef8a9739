import Foundation
import SecamTestSupport

/// Chromium without a window, driven by chromedriver over the WebDriver protocol.
///
/// The tests drive the page as a user does, by clicks and keys, and read what it shows.
final class Browser: Sendable {
    private static let driver = "/usr/bin/chromedriver"
    private static let program = "/usr/bin/chromium"
    /// WebDriver's name of the field with an element's number.
    private static let elementField = "element-6066-11e4-a52e-4f735466cecf"

    static var isAvailable: Bool {
        [driver, program].allSatisfy { FileManager.default.isExecutableFile(atPath: $0) }
    }

    enum Key: String {
        case enter = "\u{E007}"
        case escape = "\u{E00C}"
    }

    private let child: ChildProgram
    private let address: String
    private let session: String

    /// Starts a browser with a profile of its own.
    private init(in scratch: ScratchFolder) async throws {
        let port = try Programs.freePort()
        child = try Programs.start(Self.driver, ["--port=\(port)"], in: scratch)
        address = "127.0.0.1:\(port)"
        let (child, address) = (child, address)
        try await eventually("chromedriver") { () -> Bool in
            if let ending = child.ending { throw TestFailure("chromedriver ended (\(ending)): \(child.errors)") }
            let status = try? Self.send("GET", "/status", to: address)
            return status?["ready"] == .boolean(true)
        }
        // Chromium's sandbox does not work for root. The certificate of a scratch folder is self-signed.
        let options: [String: Any] = [
            "binary": Self.program,
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--window-size=1000,700", "--user-data-dir=\(scratch.file("browser"))",
            ],
        ]
        let capabilities: [String: Any] = [
            "capabilities": ["alwaysMatch": ["acceptInsecureCerts": true, "goog:chromeOptions": options]]
        ]
        let answer = try Self.send("POST", "/session", capabilities, to: address)
        guard let session = answer["sessionId"].text else { throw TestFailure("no session: \(answer)") }
        self.session = session
    }

    /// Runs a browser for the time of `body`. A failure names what the page shows.
    static func with<Result>(
        _ scratch: ScratchFolder, _ body: (Browser) async throws -> Result
    ) async throws -> Result {
        let browser = try await Browser(in: scratch)
        defer { browser.close() }
        do {
            return try await body(browser)
        } catch {
            throw TestFailure("\(error)\nThe page shows:\n\((try? browser.text("body")) ?? "nothing")")
        }
    }

    private func close() {
        _ = try? command("DELETE", "")
        child.kill()
    }

    // MARK: - As a user

    func open(_ url: String) throws { try command("POST", "/url", ["url": url]) }

    /// Types into the element at a CSS selector, in place of what it contained.
    func type(_ text: String, into selector: String) throws {
        let element = try element(selector)
        try command("POST", "/element/\(element)/clear", [:])
        try command("POST", "/element/\(element)/value", ["text": text])
    }

    func click(_ selector: String) throws {
        try command("POST", "/element/\(element(selector))/click", [:])
    }

    /// Presses keys one after the other, wherever the focus is.
    func press(_ keys: String) throws {
        let actions = keys.flatMap { key in ["keyDown", "keyUp"].map { ["type": $0, "value": "\(key)"] } }
        try command("POST", "/actions", ["actions": [["type": "key", "id": "keyboard", "actions": actions]]])
    }

    func press(_ key: Key) throws { try press(key.rawValue) }

    /// Opens an empty tab in front of the page.
    ///
    /// - Returns: the tabs of the page and the new one.
    func openTab() throws -> (page: String, tab: String) {
        guard let page = try command("GET", "/window").text,
            let tab = try command("POST", "/window/new", ["type": "tab"])["handle"].text
        else { throw TestFailure("no tabs") }
        try command("POST", "/window", ["handle": tab])
        return (page, tab)
    }

    /// Closes the tab in front of the page.
    func returnTo(page: String) throws {
        try command("DELETE", "/window")
        try command("POST", "/window", ["handle": page])
    }

    // MARK: - What the page shows

    var title: String { get throws { try command("GET", "/title").text ?? "" } }

    /// Returns the visible text of an element; `nil` when there is no such element.
    func text(_ selector: String) throws -> String? {
        try run("return document.querySelector(arguments[0])?.innerText ?? null", [selector]).text
    }

    /// Whether an element is in the page and not hidden.
    func shows(_ selector: String) throws -> Bool {
        try run("return document.querySelector(arguments[0])?.checkVisibility() ?? false", [selector]) == .boolean(true)
    }

    /// Runs a function's body in the page. A promise is awaited.
    @discardableResult
    func run(_ script: String, _ arguments: [Any] = []) throws -> JSONValue {
        try command("POST", "/execute/sync", ["script": script, "args": arguments])
    }

    /// Returns the number of the frame that the camera's canvas shows: the cells of the test picture, which is at least
    /// 256 pixels wide. `nil` when it shows no such picture.
    func frameNumber(of camera: String) throws -> Int? {
        try run(
            """
            const picture = document.querySelector(`.tile[data-camera="${arguments[0]}"] canvas`);
            if (picture === null || picture.width < 256) return null;
            const context = new OffscreenCanvas(256, 8).getContext("2d", { willReadFrequently: true });
            context.drawImage(picture, 0, 0);
            const { data } = context.getImageData(0, 0, 256, 8);
            let number = 0;
            for (let bit = 0; bit < 32; bit++) {
                const value = data[4 * (4 * 256 + 8 * bit + 4) + 1];
                if (value > 96 && value < 160) return null;
                if (value >= 160) number += 2 ** bit;
            }
            return number;
            """, [camera]
        ).integer
    }

    // MARK: - WebDriver

    private func element(_ selector: String) throws -> String {
        let found = try command("POST", "/element", ["using": "css selector", "value": selector])
        guard let element = found[Self.elementField].text else { throw TestFailure("no element \(selector)") }
        return element
    }

    @discardableResult
    private func command(_ method: String, _ path: String, _ fields: [String: Any]? = nil) throws -> JSONValue {
        try Self.send(method, "/session/\(session)\(path)", fields, to: address)
    }

    /// Sends one command on a connection of its own.
    private static func send(
        _ method: String, _ path: String, _ fields: [String: Any]? = nil, to address: String
    ) throws -> JSONValue {
        let body = try fields.map { try JSONSerialization.data(withJSONObject: $0) } ?? Data()
        let head = """
            \(method) \(path) HTTP/1.1\r
            Host: \(address)\r
            Content-Type: application/json\r
            Content-Length: \(body.count)\r
            \r

            """
        let socket = try PlainSocket(address)
        try socket.send(Array(head.utf8) + body)
        var answer = Data()
        while true {
            // chromedriver leaves the connection open.
            if let content = content(of: answer) {
                let value = try JSONValue(content)["value"]
                guard let error = value["error"].text else { return value }
                throw TestFailure("\(path): \(error): \(value["message"].text ?? "")")
            }
            guard let bytes = socket.receive() else { throw TestFailure("no answer to \(path)") }
            answer += bytes
        }
    }

    /// Returns the body of a response; `nil` while it is not complete.
    private static func content(of response: Data) -> Data? {
        guard let end = response.firstRange(of: Data("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: response[..<end.lowerBound], as: UTF8.self).lowercased().split(separator: "\r\n")
        let length = lines.first { $0.hasPrefix("content-length:") }
            .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) }
        let content = response[end.upperBound...]
        return length == content.count ? Data(content) : nil
    }
}
