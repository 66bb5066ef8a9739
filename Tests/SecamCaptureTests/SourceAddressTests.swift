import SecamMedia
import SecamProcess
import SecamWire
import Testing

@testable import SecamCapture

@Suite struct SourceAddressTests {
    @Test(arguments: [
        ("v4l2:/dev/video0", SourceAddress.device("/dev/video0")),
        ("file:/a b/c.mkv", .file("/a b/c.mkv", framesPerSecond: nil)),
        ("file:c.mkv?fps=2.5", .file("c.mkv", framesPerSecond: 2.5)),
        ("rtsp://host/stream", .stream("rtsp://host/stream")),
        ("https://user:word@host/x?y=z", .stream("https://user:word@host/x?y=z")),
        ("test:64x4096@240", .test(width: 64, height: 4096, framesPerSecond: 240)),
    ])
    func `a valid source address is parsed`(text: String, address: SourceAddress) throws {
        #expect(try SourceAddress(text) == address)
    }

    @Test(arguments: [
        "", "/dev/video0", "v4l2:", "ftp://host/x", "test:640x480", "test:640@30", "test:63x480@30", "test:640x480@0",
        "test:640x480@241", "test:8192x8192@1", "file:x?fps=0", "file:x?fps=fast", "file:x?fps=nan",
    ])
    func `an invalid source address is rejected with the valid forms`(text: String) {
        let error = #expect(throws: SourceAddress.Invalid.self) { _ = try SourceAddress(text) }
        #expect(error?.description.contains("use v4l2:/dev/videoN, file:PATH[?fps=N]") == true)
    }

    @Test(arguments: [
        "rtsp://admin:wo#rd@host/x", "rtsp://admin:wo?rd@host", "http://admin:wo/rd@host:80/x",
    ])
    func `an address whose login is not percent-encoded is rejected with advice`(text: String) {
        let error = #expect(throws: SourceAddress.Invalid.self) { _ = try SourceAddress(text) }
        #expect(error?.description.contains("write @ as %40, # as %23, ? as %3F and / as %2F") == true)
        #expect(error?.description.contains("rd@") == false)
    }

    @Test(arguments: ["rtsp://u:p@[::1]:554/x", "rtsp://[fe80::1]/x", "http://host:/x", "http://a@b:c@host:80/@x"])
    func `an ambiguous address is accepted`(text: String) throws {
        #expect(try SourceAddress(text) == .stream(SecretURL(text)))
    }

    @Test func `a failure with an ambiguous address advises how to encode a login`() throws {
        var configuration = try CaptureConfiguration(
            Settings(commandLine: ["source": "test:64x64@1", "join": "none"], environment: [:]))
        configuration.source = .stream("http://127.0.0.1:1#s3cret@host/")
        let failure = #expect(throws: SourceFailure.self) {
            _ = try configuration.open(MediaCancellation())
        }
        #expect(failure?.description.contains("write @ as %40") == true)
        #expect(failure?.description.contains("s3cret") == false)
    }

    @Test func `a separate login is added to a stream that has none`() throws {
        let login = try #require(
            try CameraLogin(Settings(commandLine: [:], environment: ["SECAM_CREDENTIALS": "admin:p@ss#w?rd"])))
        #expect("\(login)" == "…")
        let source = try SourceAddress("rtsp://host/x").adding(login)
        #expect(source == .stream("rtsp://admin:p%40ss%23w%3Frd@host/x"))
        #expect(!"\(source)".contains("rd"))
        #expect(throws: SourceAddress.Invalid.self) { try SourceAddress("rtsp://u:p@host/x").adding(login) }
        #expect(throws: SourceAddress.Invalid.self) { try SourceAddress("test:640x480@30").adding(login) }
    }
}
