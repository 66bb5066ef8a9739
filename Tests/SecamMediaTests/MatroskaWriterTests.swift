import Foundation
import SecamMedia
import Testing

@Suite struct MatroskaWriterTests {
    static let start: Int64 = 1_767_323_045_678_901  // 2026-01-02T03:04:05.678901Z

    let footage: Footage
    let jpegs: [Data]

    init() throws {
        footage = try Footage()
        jpegs = try MediaReader(url: try footage.make("in.mkv", "-c:v", "mjpeg", "-q:v", "2")).frames().map(\.bytes)
    }

    func makeWriter(_ name: String, title: String = "", replacing: Bool = false) throws -> MatroskaWriter {
        try MatroskaWriter(
            path: footage.path(name), width: Footage.width, height: Footage.height, startMicroseconds: Self.start,
            title: title, replacing: replacing)
    }

    func write(_ writer: MatroskaWriter, _ jpeg: Data, _ microseconds: Int64) throws {
        try unsafe writer.write(jpeg: Array(jpeg).span.bytes, timestampMicroseconds: Self.start + microseconds)
    }

    @Test func `frames are read back unchanged, with their uneven times`() throws {
        let times: [Int64] = [
            0, 33_333, 66_667, 66_667, 500_000, 1_700_000, 1_733_000, 9_000_000, 9_000_400, 60_000_000,
        ]
        let writer = try makeWriter("out.mkv")
        for (jpeg, time) in zip(jpegs, times) { try write(writer, jpeg, time) }
        try writer.finish()
        #expect(writer.frameCount == times.count)
        let frames = try MediaReader(url: footage.path("out.mkv")).frames()
        #expect(frames.map(\.bytes) == jpegs)
        #expect(frames.map(\.frame.timestampMicroseconds) == times.map { ($0 + 500) / 1000 * 1000 })
        #expect(
            try footage.packets("out.mkv").compactMap(Double.init) == times.map { Double(($0 + 500) / 1000) / 1000 })
    }

    @Test func `an MP4 keeps the times and separates two equal ones`() throws {
        let times: [Int64] = [0, 33_333, 66_667, 66_667, 500_000, 1_700_000, 60_000_000]
        let writer = try MatroskaWriter(
            path: footage.path("out.mp4"), width: Footage.width, height: Footage.height, startMicroseconds: Self.start,
            container: .mp4)
        for (jpeg, time) in zip(jpegs, times) { try write(writer, jpeg, time) }
        try writer.finish()
        #expect(try MediaReader(url: footage.path("out.mp4")).frames().map(\.bytes) == Array(jpegs.prefix(times.count)))
        let written = try footage.packets("out.mp4").compactMap(Double.init)
        #expect(written.map { Int64(($0 * 1000).rounded()) } == times.map { ($0 + 500) / 1000 })
    }

    @Test func `title, date and duration are in the file`() throws {
        let writer = try makeWriter("out.mkv", title: "front door \u{1f6aa}")
        for index in 0..<10 { try write(writer, jpegs[index], Int64(index) * 100_000) }
        try writer.finish()
        let tags = try footage.run(
            "ffprobe",
            [
                "-v", "error", "-show_entries", "format=duration:format_tags:stream=codec_name,width,height", "-of",
                "default=nw=1", "out.mkv",
            ])
        #expect(tags.contains("TAG:title=front door \u{1f6aa}\n"))
        #expect(tags.contains("TAG:creation_time=2026-01-02T03:04:05.678901Z\n"))
        #expect(tags.contains("codec_name=mjpeg\nwidth=64\nheight=48\n"))
        #expect(tags.contains("duration=0.9") || tags.contains("duration=1.0"))
    }

    @Test func `a truncated file can be played up to its end`() throws {
        let writer = try makeWriter("out.mkv")
        for index in 0..<100 { try write(writer, jpegs[index % 10], Int64(index) * 100_000) }
        try writer.finish()
        let data = try footage.data("out.mkv")
        for part in 2...9 {
            let path = try footage.write("cut.mkv", data.prefix(data.count * part / 10))
            let frames = try MediaReader(url: path).frames()
            // All frames but the truncated one, less the size of the index at the end of the file.
            #expect(frames.count >= part * 10 - 2)
            for (index, frame) in frames.enumerated() {
                #expect(frame.bytes == jpegs[index % 10])
                #expect(frame.frame.timestampMicroseconds == Int64(index) * 100_000)
            }
            #expect(try footage.packets("cut.mkv").count >= frames.count)
        }
    }

    @Test func `the file on the disk is at most one second behind`() throws {
        let writer = try makeWriter("out.mkv")
        for index in 0..<35 { try write(writer, jpegs[index % 10], Int64(index) * 100_000) }
        try writer.flush()
        #expect(try MediaReader(url: footage.path("out.mkv")).frames().count == 35)
        for index in 35..<50 { try write(writer, jpegs[index % 10], Int64(index) * 100_000) }
        try writer.synchronize()
        let path = try footage.write("copy.mkv", try footage.data("out.mkv"))
        #expect(try MediaReader(url: path).frames().count == 50)
        try write(writer, jpegs[0], 5_000_000)
        try writer.finish()
        #expect(try MediaReader(url: footage.path("out.mkv")).frames().count == 51)
    }

    @Test func `no cluster is longer than a second`() throws {
        let small = try MediaReader(
            url: try footage.make("small.mkv", "-vf", "scale=16:16", "-c:v", "mjpeg", "-q:v", "31")
        ).frames()[0].bytes
        let times = (0..<40).map { Int64($0) * 150_000 }
        let writer = try makeWriter("out.mkv")
        for time in times { try write(writer, small, time) }
        try writer.finish()
        let clusters = clusterMilliseconds(Array(try footage.data("out.mkv")))
        #expect(clusters.count > 5 && clusters.count < times.count, "\(clusters)")
        for time in times.map({ $0 / 1000 }) {
            let cluster = try #require(clusters.last { $0 <= time })
            #expect(time - cluster < 1000)
        }
    }

    /// Returns the time of every cluster (RFC 9559, 5.1.3: ID 1F43B675, its length, a checksum, then Timestamp, ID E7).
    func clusterMilliseconds(_ bytes: [UInt8]) -> [Int64] {
        bytes.indices.dropLast(20).compactMap { start in
            guard bytes[start..<start + 4].elementsEqual([0x1f, 0x43, 0xb6, 0x75]) else { return nil }
            var timestamp = start + 5 + bytes[start + 4].leadingZeroBitCount
            if bytes[timestamp] == 0xbf { timestamp += 6 }  // CRC-32
            guard bytes[timestamp] == 0xe7 else { return nil }
            let length = Int(bytes[timestamp + 1] & 0x7f)
            return bytes[timestamp + 2..<timestamp + 2 + length].reduce(0) { $0 << 8 | Int64($1) }
        }
    }

    @Test func `a frame earlier than the last one is rejected and leaves the file usable`() throws {
        let writer = try makeWriter("out.mkv")
        try write(writer, jpegs[0], 100_000)
        #expect(
            throws: MediaError.outOfOrder(
                path: writer.path, lastMicroseconds: Self.start + 100_000, givenMicroseconds: Self.start + 99_999)
        ) { try write(writer, jpegs[1], 99_999) }
        try write(writer, jpegs[2], 100_000)
        try writer.finish()
        #expect(try MediaReader(url: footage.path("out.mkv")).frames().map(\.bytes) == [jpegs[0], jpegs[2]])
    }

    @Test(arguments: [[], [0xff, 0xd8], [0x89, 0x50, 0x4e, 0x47, 1, 2, 3]] as [[UInt8]])
    func `data other than JPEG are rejected and leave the file usable`(bytes: [UInt8]) throws {
        let writer = try makeWriter("out.mkv")
        #expect(throws: MediaError.self) { try write(writer, Data(bytes), 0) }
        try write(writer, jpegs[0], 0)
        try writer.finish()
        #expect(try MediaReader(url: footage.path("out.mkv")).frames().count == 1)
    }

    @Test func `absurd times and sizes are errors, not traps`() throws {
        let writer = try makeWriter("out.mkv")
        for time in [Int64.max, .min, 0] {
            #expect(throws: MediaError.self) {
                try unsafe writer.write(jpeg: Array(jpegs[0]).span.bytes, timestampMicroseconds: time)
            }
        }
        for start in [Int64.max, .min, -1] {
            #expect(throws: MediaError.self) {
                _ = try MatroskaWriter(path: footage.path("a.mkv"), width: 64, height: 48, startMicroseconds: start)
            }
        }
        for size in [0, -1, 16_385, .max] {
            #expect(throws: MediaError.pictureTooLarge(source: footage.path("a.mkv"), width: size, height: 48)) {
                _ = try MatroskaWriter(path: footage.path("a.mkv"), width: size, height: 48, startMicroseconds: 0)
            }
        }
        #expect(!FileManager.default.fileExists(atPath: footage.path("a.mkv")))
    }

    @Test func `an existing file is replaced only on request`() throws {
        let path = try footage.write("out.mkv", Data("precious".utf8))
        #expect(throws: MediaError.fileExists(path: path)) { _ = try makeWriter("out.mkv") }
        #expect(try footage.data("out.mkv") == Data("precious".utf8))
        let writer = try makeWriter("out.mkv", replacing: true)
        try write(writer, jpegs[0], 0)
        try writer.finish()
        #expect(try MediaReader(url: path).frames().count == 1)
    }

    @Test func `a folder that does not exist is reported`() throws {
        #expect(throws: MediaError.self) { _ = try makeWriter("no/such/folder.mkv") }
    }

    @Test func `a full disk is reported, at the header and later`() throws {
        #expect(throws: MediaError.diskFull(path: "/dev/full")) {
            _ = try MatroskaWriter(
                path: "/dev/full", width: 64, height: 48, startMicroseconds: 0, replacing: true)
        }
    }

    @Test func `a failed write makes all later ones fail`() throws {
        // A pipe without a reader behaves like a disk that accepts no more data.
        let path = footage.path("pipe")
        try #require(unsafe mkfifo(path, 0o600) == 0)
        let reading = unsafe open(path, O_RDONLY | O_NONBLOCK)
        let writer = try MatroskaWriter(
            path: path, width: 64, height: 48, startMicroseconds: Self.start, replacing: true)
        signal(SIGPIPE, SIG_IGN)
        close(reading)
        try write(writer, jpegs[0], 0)
        #expect(throws: MediaError.self) { try writer.flush() }
        #expect(throws: MediaError.self) { try write(writer, jpegs[1], 100_000) }
        #expect(throws: MediaError.self) { try writer.finish() }
    }

    @Test func `a released writer finishes its file`() throws {
        do {
            let writer = try makeWriter("out.mkv")
            for index in 0..<10 { try write(writer, jpegs[index], Int64(index) * 100_000) }
        }
        #expect(try MediaReader(url: footage.path("out.mkv")).format.durationMicroseconds ?? 0 >= 900_000)
    }

    @Test func `a finished file rejects further frames`() throws {
        let writer = try makeWriter("out.mkv")
        try write(writer, jpegs[0], 0)
        try writer.finish()
        try writer.finish()
        #expect(throws: MediaError.finished(path: writer.path)) { try write(writer, jpegs[1], 100_000) }
    }
}
