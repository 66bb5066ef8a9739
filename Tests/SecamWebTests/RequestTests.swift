import Foundation
import NIOCore
import NIOHTTP1
import SecamTestSupport
import Testing

@testable import SecamWeb

struct RequestTests {
    private func request(
        _ uri: String, _ headers: [(String, String)] = [("Host", "cam.example:7443")]
    ) throws(HTTPRequest.Malformed) -> HTTPRequest {
        try HTTPRequest(
            head: HTTPRequestHead(version: .http1_1, method: .GET, uri: uri, headers: HTTPHeaders(headers)),
            body: ByteBuffer())
    }

    @Test func `paths and queries are decoded once`() throws {
        let request = try request("/api/v1/cameras/front%20door%2Fa%2525/snapshot.jpg?fps=2&name=%C3%A4&flag")
        #expect(request.path == ["api", "v1", "cameras", "front door/a%25", "snapshot.jpg"])
        #expect(request.query == ["fps": "2", "name": "ä", "flag": ""])
        #expect(try self.request("/").path.isEmpty)
    }

    @Test(arguments: [
        "", "x", "*", "https://cam.example/", "/%", "/%4", "/%zz", "/%ff", "/?a=1&a=2", "/?a=%",
        "/?a=%ff",
    ])
    func `a malformed target is refused`(_ uri: String) {
        #expect(throws: HTTPRequest.Malformed.self) { try request(uri) }
    }

    @Test func `no path leaves the page's files`() throws {
        for path in [
            "/index.html%00", "/index.html%0d%0a", "/../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/./index.html",
            "//index.html", "/index.html/",
        ] {
            #expect(WebPage.file(try request(path).path) == nil)
        }
    }

    @Test func `a request needs exactly one host`() {
        #expect(throws: HTTPRequest.Malformed.self) { try request("/", []) }
        #expect(throws: HTTPRequest.Malformed.self) { try request("/", [("Host", "a"), ("Host", "b")]) }
    }

    @Test func `the origin is compared with the host, whose default port may be left out`() throws {
        func origin(_ text: String?, host: String = "cam.example:7443") throws -> HTTPRequest.Origin {
            try request("/", [("Host", host)] + (text.map { [("Origin", $0)] } ?? [])).origin
        }
        #expect(try origin(nil) == .none)
        #expect(try origin("https://cam.example:7443") == .own)
        #expect(try origin("https://CAM.example:7443") == .own)
        #expect(try origin("https://cam.example", host: "cam.example:443") == .own)
        #expect(try origin("http://cam.example:7443") == .foreign)
        #expect(try origin("https://cam.example") == .foreign)
        #expect(try origin("https://cam.example:7443.evil.example") == .foreign)
        #expect(try origin("null") == .foreign)
    }

    @Test func `a cookie is found by its whole name, and never twice`() throws {
        func cookie(_ text: String) throws -> String? {
            try request("/", [("Host", "a"), ("Cookie", text)]).cookie("__Host-secam")
        }
        #expect(try cookie("a=1; __Host-secam=2; __Host-secam-device=3") == "2")
        #expect(try cookie("__Host-secam-device=3") == nil)
        #expect(try cookie("__Host-secam=1; __Host-secam=2") == nil)
    }

    @Test func `JSON objects of plain values are read strictly`() {
        func fields(_ text: String) -> [String: JSONFields.Value]? { JSONFields.parse(Array(text.utf8)) }
        #expect(fields("{}") == [:])
        #expect(
            fields(#" { "a" : "x\n\"\u00e4\ud83d\ude00" , "b":true,"c":null,"d":-1.5e3,"e":[ "x" ,"y"],"f":[ ] } "#)
                == [
                    "a": .text("x\n\"ä😀"), "b": .flag(true), "c": .null, "d": .number(-1500),
                    "e": .texts(["x", "y"]), "f": .texts([]),
                ])
        for text in [
            "", "[]", "{", "{}}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{\"a\":1,\"a\":2}",
            "{\"a\":{}", "{\"a\":{1}}", "{\"a\":[1 2]}", "{\"a\":[\"b\",]}", "{\"a\":[\"b\"", "{a:1}",
            "{\"a\":\"\n\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\ud83d\"}",
            "{\"a\":\"\\ud83d\\u0041\"}", "{\"a\":+1}", "{\"a\":nan}", "{\"a\":\"x}", "{\"a\":tru}",
        ] { #expect(fields(text) == nil, "\(text)") }
        #expect(fields("{\"a\":{\"b\":[1]},\"c\":[[\"b\"]],\"d\":[1]}") == ["a": .other, "c": .other, "d": .other])
        func nested(_ depth: Int) -> String {
            "{\"a\":" + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
        }
        #expect(fields(nested(16)) == ["a": .other] && fields(nested(17)) == nil)
        #expect(JSONFields.parse([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) == nil)
    }

    @Test func `every file of the page is in the program`() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/SecamWeb/Page").standardizedFileURL
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
            !$0.hasPrefix(".") && $0 != "README.md"
        }
        #expect(Set(WebPage.files.keys).subtracting([""]) == Set(names))
        for name in names {
            let file = try #require(WebPage.file([name]))
            let isSame = try Data(file.content.readableBytesView) == Data(contentsOf: folder.appending(path: name))
            #expect(isSame, "\(name)")
        }
        let size = WebPage.files.filter { $0.key != "" }.values.reduce(0) { $0 + $1.content.readableBytes }
        #expect(size <= 150_000, "the page stays small")
        #expect(try request("/").path.isEmpty && WebPage.file([])?.type == "text/html; charset=utf-8")
    }
}
