import SecamBase
import SecamTLS
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamClient

@Suite("Addresses, passwords, texts and files")
struct SmallPartsTests {
    @Test(arguments: [
        ("localhost:4433", "localhost", 4433), ("[::1]:1", "::1", 1), ("10.0.0.1:65535", "10.0.0.1", 65535),
        ("Cam.Example:80", "cam.example", 80), ("[fe80::1%eth0]:5", "fe80::1%eth0", 5),
    ])
    func `an address is read as host and port`(_ text: String, _ host: String, _ port: Int) throws {
        let address = try ServerAddress(text)
        #expect(address.host == host)
        #expect(address.port == port)
        #expect(try ServerAddress(address.description) == address)
    }

    @Test(arguments: [
        "", "host", ":1", "host:", "host:0", "host:65536", "host:-1", "host:+1", "host:1x", "::1:443", "[::1]", "[]:1",
        "[host]:1", "a b:1", "a/b:1", "user@host:1",
    ])
    func `text that is not an address is refused`(_ text: String) {
        #expect(throws: ClientError.badServer(text)) { try ServerAddress(text) }
    }

    @Test func `the password comes from the option with a warning, else from the file, else from the environment`()
        throws
    {
        let folder = try ScratchFolder()
        let file = try folder.write("password", "from file\r\n")
        func password(_ argument: String?, _ file: String?, _ variable: String?) throws -> (String, [String]) {
            func text(_ secret: Secret) -> String {
                unsafe secret.withBytes { unsafe String(decoding: $0, as: UTF8.self) }
            }
            let source = try PasswordSource(argument: argument, file: file) { _ in variable }
            let words = Words()
            let password = try source.password(warn: words.showMessage) { Secret("from prompt") }
            return (text(password), words.all)
        }
        #expect(try password("seen", nil, "v").0 == "seen")
        #expect(try password("seen", nil, "v").1 == [PasswordSource.warning])
        #expect(try password(nil, file, "v") == ("from file", []))
        #expect(try password(nil, nil, "v") == ("v", []))
        #expect(try password(nil, nil, nil) == ("from prompt", []))
        #expect(throws: ClientError.self) { try password("seen", file, nil) }
    }

    @Test func `unusable password files and overlong passwords are refused`() throws {
        let folder = try ScratchFolder()
        let files = [
            folder.file("missing"), folder.path, try folder.write("empty", "\n"), try folder.write("two", "a\nb\n"),
            try folder.write("long", String(repeating: "x", count: 2000)),
        ]
        for file in files {
            #expect(throws: ClientError.self) {
                try PasswordSource.file(file).password(warn: { _ in }, ask: { Secret("") })
            }
        }
        #expect(throws: ClientError.passwordTooLong(bytes: 1025)) {
            try PasswordSource.environment(String(repeating: "x", count: 1025)).password(
                warn: { _ in }, ask: { Secret("") })
        }
    }

    @Test func `text from the gateway cannot control the terminal`() {
        let text = TerminalText.masked("a\u{1B}[2Jb\nc\u{202E}d")
        #expect(text == "a\u{FFFD}[2Jb\u{FFFD}c\u{FFFD}d")
        let error = ClientError.connection(
            server: try! ServerAddress("h:1"), .denied(.credentials, wait: 0, detail: "\u{1B}]0;x\u{7}"))
        #expect(!error.description.unicodeScalars.contains { $0.value < 0x20 })
    }

    @Test func `JSON text is escaped`() {
        #expect(JSONText.string("a\"b\\c\n\u{1}ü") == #""a\"b\\c\u000a\u0001ü""#)
        #expect(JSONText.number(1.0 / 3, digits: 2) == "0.33")
        #expect(JSONText.number(.nan, digits: 2) == "null")
    }

    @Test func `with several cameras, a recording has the camera's name before the extension`() throws {
        let yard = try Name("yard")
        #expect(Recorder.path("a/b.mkv", camera: yard, isOnly: true) == "a/b.mkv")
        #expect(Recorder.path("a/b.mkv", camera: yard, isOnly: false) == "a/b-yard.mkv")
        #expect(Recorder.path("a.d/b", camera: yard, isOnly: false) == "a.d/b-yard")
        #expect(Recorder.path("a/.mkv", camera: yard, isOnly: false) == "a/.mkv-yard")
    }

    @Test func `the back-off doubles after each failure up to ten seconds, shortened at random`() {
        var backoff = ReconnectBackoff()
        var random = SystemRandomNumberGenerator()
        var limit: Duration = .milliseconds(250)
        for _ in 0..<10 {
            #expect((limit / 2...limit).contains(backoff.next(using: &random)))
            limit = min(limit * 2, .seconds(10))
        }
        backoff.reset()
        #expect(backoff.next(using: &random) <= .milliseconds(250))
    }

    @Test func `a wrong password, a revoked account and another certificate are final`() throws {
        let digits = String(repeating: "ab", count: 32)
        let presented = PresentedCertificate(
            fingerprint: try CertificateFingerprint(digits), key: try PublicKeyFingerprint("SPKI-SHA256:\(digits)"))
        let final: [ConnectionEnd] = [
            .denied(.credentials, wait: 0, detail: ""), .bye(.revoked, detail: ""),
            .tls(.untrusted(serverName: "h", presented: presented, reason: "")), .unexpected(.login),
        ]
        for end in final { #expect(!end.isTemporary(hadLogin: true)) }
        #expect(ConnectionEnd.bye(.shutdown, detail: "").isTemporary(hadLogin: true))
        #expect(!ConnectionEnd.denied(.locked, wait: 5, detail: "").isTemporary(hadLogin: false))
        #expect(ConnectionEnd.denied(.locked, wait: 5, detail: "").shortestWait == .seconds(5))
    }

    @Test func `an existing file is replaced only on request`() throws {
        let folder = try ScratchFolder()
        let file = try folder.write("x", "old")
        #expect(throws: ClientError.fileExists(path: file)) { try FileIO.create(file, "new".utf8, replacing: false) }
        #expect(try FileIO.read(file, limit: 10) == Array("old".utf8))
        try FileIO.create(file, "new".utf8, replacing: true)
        #expect(try FileIO.read(file, limit: 10) == Array("new".utf8))
    }
}
