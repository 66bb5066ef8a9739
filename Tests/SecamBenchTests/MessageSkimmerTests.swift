import NIOCore
import SecamWire
import Testing

@testable import SecamBench

@Suite struct MessageSkimmerTests {
    private static let picture: [UInt8] = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }

    private static func frame(_ sequence: UInt64) -> Frame {
        Frame(
            flow: 3, rendition: .jpeg, format: .jpeg, incarnation: 7, sequence: sequence, timestamp: 5, width: 640,
            height: 480)
    }

    private static var stream: [UInt8] {
        Pong(token: 1).encoded() + frame(1).encoded(payload: picture.count) + picture
            + frame(2).encoded(payload: 0) + Pong(token: 2).encoded()
    }

    /// Returns the decoded messages as text.
    private static func skim(_ bytes: [UInt8], step: Int, keepsPayloads: Bool) throws -> [String] {
        var skimmer = MessageSkimmer(keepsPayloads: keepsPayloads)
        var words: [String] = []
        for start in stride(from: 0, to: bytes.count, by: step) {
            var buffer = ByteBuffer(bytes: bytes[start..<min(start + step, bytes.count)])
            while let message = try skimmer.next(&buffer) {
                switch message {
                case .frame(let frame, let payload, let count):
                    words.append(
                        "frame \(frame.sequence) \(count) \(payload == picture || payload.isEmpty) \(payload.count)")
                case .other(let envelope, let whole):
                    words.append("\(try Pong.decode(whole.span, envelope).token)")
                }
            }
            #expect(buffer.readableBytes == 0)
        }
        return words
    }

    @Test(arguments: [1, 2, 7, 9, 100, 5000]) func `messages are the same for any size of reads`(
        step: Int
    ) throws {
        let header = Self.frame(1).encoded(payload: 0).count
        #expect(
            try Self.skim(Self.stream, step: step, keepsPayloads: false)
                == ["1", "frame 1 \(header + 1000) true 0", "frame 2 \(header) true 0", "2"])
        #expect(
            try Self.skim(Self.stream, step: step, keepsPayloads: true)
                == ["1", "frame 1 \(header + 1000) true 1000", "frame 2 \(header) true 0", "2"])
    }

    @Test func `a header longer than its message is refused`() throws {
        var bytes = Self.frame(1).encoded(payload: 10)
        bytes[Envelope.size] = 0xff
        bytes[Envelope.size + 1] = 0xff
        #expect(throws: WireError.badValue(field: "headerLength")) {
            _ = try Self.skim(bytes, step: 1000, keepsPayloads: false)
        }
    }

    @Test func `an unknown message and an oversized one are refused`() throws {
        #expect(throws: WireError.self) {
            _ = try Self.skim([4, 0, 0, 0, 0xff, 0xff, 1, 0], step: 8, keepsPayloads: false)
        }
        var long = Pong(token: 1).encoded()
        long[2] = 0x20
        #expect(throws: WireError.self) { _ = try Self.skim(long, step: 8, keepsPayloads: false) }
    }
}

@Suite struct MultipartSkimmerTests {
    private static let stream = Array(
        ("HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=x\r\n\r\n--x\r\n"
            + "Content-Type: image/jpeg\r\nContent-Length: 5\r\nX-Timestamp: 1\r\n\r\nabcde\r\n--x\r\n"
            + "content-length:2\r\n\r\nfg\r\n").utf8)

    private static func skim(_ bytes: [UInt8], step: Int, keeps: Bool = true) throws -> [String] {
        var skimmer = MultipartSkimmer(keepsPictures: keeps)
        var found: [String] = []
        for start in stride(from: 0, to: bytes.count, by: step) {
            var buffer = ByteBuffer(bytes: bytes[start..<min(start + step, bytes.count)])
            while let picture = try skimmer.next(&buffer) {
                found.append("\(picture.byteCount) \(String(decoding: picture.bytes, as: UTF8.self))")
            }
        }
        return found
    }

    @Test(arguments: [1, 3, 50, 1000]) func `pictures are the same for any size of reads`(step: Int) throws {
        #expect(try Self.skim(Self.stream, step: step) == ["5 abcde", "2 fg"])
        #expect(try Self.skim(Self.stream, step: step, keeps: false) == ["5 ", "2 "])
    }

    @Test(arguments: ["-1", "0", "9999999999", "x", ""]) func `an invalid length is refused`(length: String) {
        #expect(throws: MultipartSkimmer.Failure.badLength) {
            _ = try Self.skim(Array("Content-Length: \(length)\r\n\r\n".utf8), step: 100)
        }
    }

    @Test func `a header without an end is refused`() {
        #expect(throws: MultipartSkimmer.Failure.longHeader) {
            _ = try Self.skim([UInt8](repeating: 65, count: 9000), step: 100)
        }
    }
}
