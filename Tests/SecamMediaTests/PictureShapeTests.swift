import Foundation
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamMedia

/// Turned pictures, and pixels that are not square.
@Suite struct PictureShapeTests {
    private let footage = try! Footage()

    /// Returns where the only bright quarter of a turned picture is.
    private func brightQuarter(_ luma: [UInt8], width: Int, height: Int) -> (right: Bool, bottom: Bool) {
        var sums = [0, 0, 0, 0]
        for y in 0..<height {
            for x in 0..<width {
                sums[(y * 2 / height) * 2 + x * 2 / width] += Int(luma[y * width + x])
            }
        }
        let index = sums.firstIndex(of: sums.max()!)!
        return (index % 2 == 1, index / 2 == 1)
    }

    /// Makes a video, bright in its upper left quarter, with a display matrix.
    private func video(_ name: String, matrix: [Int32]) throws -> String {
        _ = try footage.ffmpeg([
            "-f", "lavfi", "-i", "color=black:size=64x48:rate=10,drawbox=0:0:32:24:white:fill", "-frames:v", "2",
            "-c:v", "libx264", "-pix_fmt", "yuv420p", "plain.mp4",
        ])
        var data = try footage.data("plain.mp4")
        // The matrix of the track header: nine numbers before the size of the picture.
        let identity = Self.bytes([1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30])
        let range = try #require(data.range(of: Data(identity + Self.bytes([64 << 16, 48 << 16]))))
        data.replaceSubrange(range.lowerBound..<range.lowerBound + 36, with: Self.bytes(matrix))
        return try footage.write(name, data)
    }

    private static func bytes(_ numbers: [Int32]) -> [UInt8] {
        numbers.flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) } }
    }

    private static let one: Int32 = 1 << 16
    /// Matrices of a container, and where the upper left quarter is then.
    private static let turns: [([Int32], right: Bool, bottom: Bool)] = [
        ([0, one, 0, -one, 0, 0, 0, 0, 1 << 30], true, false),  // 90 degrees clockwise
        ([-one, 0, 0, 0, -one, 0, 0, 0, 1 << 30], true, true),
        ([0, -one, 0, one, 0, 0, 0, 0, 1 << 30], false, true),
        ([-one, 0, 0, 0, one, 0, 0, 0, 1 << 30], true, false),  // mirrored
    ]

    @Test(arguments: 0..<4) func `a display matrix turns the picture`(index: Int) throws {
        let (matrix, right, bottom) = Self.turns[index]
        let path = try video("turned.mp4", matrix: matrix)
        let reader = try MediaReader(url: path, options: MediaReader.Options(appliesShape: true))
        let frame = try #require(try reader.next())
        #expect((frame.width, frame.height) == (matrix[0] == 0 ? (48, 64) : (64, 48)))
        let quarter = brightQuarter([UInt8](reader.bytes(of: frame)), width: frame.width, height: frame.height)
        #expect(quarter == (right, bottom))
    }

    @Test func `Motion JPEG with a display matrix is decoded and turned`() throws {
        try footage.ffmpeg([
            "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10", "-frames:v", "2", "-c:v", "mjpeg", "plain.mov",
        ])
        try footage.ffmpeg(["-i", "plain.mov", "-c", "copy", "-metadata:s:v", "rotate=90", "turned.mov"])
        let turned = try MediaReader(url: footage.path("turned.mov"), options: MediaReader.Options(appliesShape: true))
        #expect(!turned.format.isMotionJPEG)
        let frame = try #require(try turned.next())
        #expect((frame.width, frame.height) == (48, 64))
        // Recordings are read as they are.
        #expect(try MediaReader(url: footage.path("turned.mov")).format.isMotionJPEG)
    }

    @Test func `EXIF orientations turn as a display matrix does`() {
        let quarter = PictureTransform(displayMatrix: Self.turns[0].0)
        #expect(PictureTransform(exifOrientation: 6) == quarter)
        #expect(PictureTransform(exifOrientation: 3) == PictureTransform(displayMatrix: Self.turns[1].0))
        #expect(PictureTransform(exifOrientation: 8) == PictureTransform(displayMatrix: Self.turns[2].0))
        #expect(PictureTransform(exifOrientation: 2) == PictureTransform(displayMatrix: Self.turns[3].0))
        #expect(PictureTransform(displayMatrix: [46_341, 46_341, 0, -46_341, 46_341, 0, 0, 0, 1 << 30]) == nil)
    }

    @Test(arguments: [("16/11", 94), ("8/9", 56), ("1/1", 64), ("1/1000", 64)])
    func `pixels become square`(aspect: String, width: Int) throws {
        let path = try footage.make(
            "aspect.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-vf", "setsar=\(aspect)")
        let reader = try MediaReader(url: path, options: MediaReader.Options(appliesShape: true))
        let frame = try #require(try reader.next())
        #expect((frame.width, frame.height) == (width, 48))
        #expect(frame.byteCount == width * 48 * 3 / 2)
        #expect(Set(reader.bytes(of: frame)).count > 10)
        let raw = try MediaReader(url: path)
        #expect(try raw.next()?.width == 64)
    }
}

@Suite struct AuthenticationProbeTests {
    @Test func `logins that are not supported are named`() {
        let answer = "RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n"
        let sha =
            answer + "WWW-Authenticate: Digest realm=\"cam\", nonce=\"1\", algorithm=SHA-256, qop=\"auth\"\r\n\r\n"
        #expect(AuthenticationProbe.advice(sha).contains("digest with SHA-256"))
        for line in [
            "Digest realm=\"cam\", nonce=\"1\"", "Digest realm=\"c\", algorithm=MD5", "Basic realm=\"cam\"",
            "digest algorithm=\"md5\"",
        ] {
            for challenge in ["WWW-Authenticate: \(line)\r\n", "www-authenticate:\(line)\r\n"] {
                #expect(AuthenticationProbe.advice(answer + challenge) == "Check the user and password")
            }
        }
        let both = sha.replacing("\r\n\r\n", with: "\r\nWWW-Authenticate: Basic realm=\"cam\"\r\n\r\n")
        #expect(AuthenticationProbe.advice(both) == "Check the user and password")
    }

    @Test func `host, port and path of an address are found`() throws {
        let plain = try MediaURL("rtsp://u:p@cam:8554/live?x=1")
        #expect((plain.host, plain.port, plain.pathAndQuery) == ("cam", 8554, "/live?x=1"))
        let bracketed = try MediaURL("http://[::1]:81")
        #expect((bracketed.host, bracketed.port, bracketed.pathAndQuery) == ("[::1]", 81, "/"))
        #expect(plain.hasLogin && !bracketed.hasLogin)
        #expect(try MediaURL("https://cam/a").port == nil)
    }
}
