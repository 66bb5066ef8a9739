import SecamBase
import SecamJPEG
import SecamWire
import Testing

@testable import SecamBench

@Suite struct PictureStampTests {
    @Test(arguments: [0, 1, 2, 0x8000_0000, 0xdead_beef, UInt32.max])
    func `a stamp survives encoding and decoding`(number: UInt32) throws {
        var picture = [UInt8](repeating: 90, count: 320 * 48 * 2)
        PictureStamp.write(number, intoYUYV: &picture, width: 320)
        var encoder = try JPEGEncoder()
        let jpeg = try encoder.encode(picture.span, format: .yuyv, width: 320, height: 48, quality: 50) {
            [UInt8](copying: $0)
        }
        var reader = try StampReader()
        let stamp = reader.read(jpeg, received: 5)
        #expect(stamp?.number == number)
        #expect(stamp?.received == 5)
    }

    @Test func `garbage and narrow pictures have no stamp`() throws {
        var reader = try StampReader()
        #expect(reader.read([1, 2, 3], received: 0) == nil)
        #expect(reader.read([], received: 0) == nil)
        var encoder = try JPEGEncoder()
        let narrow = try encoder.encode(
            [UInt8](repeating: 9, count: 64 * 64).span, format: .gray8, width: 64, height: 64, quality: 50
        ) { [UInt8](copying: $0) }
        #expect(reader.read(narrow, received: 0) == nil)
    }
}

@Suite struct FrameClockTests {
    private static let log = """
        v4l2-shim: /dev/video0: stream begins at 1.000000, 15 fps
        v4l2-shim: /dev/video0: 7 frames, 0 dropped, 0.0 MB copied, 0.1 ms of CPU in the shim, 0.5 s
        v4l2-shim: /dev/video0: stream begins at 100.500000, 10 fps
        """

    @Test func `frames are counted from the last start of the stream`() throws {
        let clock = try #require(FrameClock(log: Self.log))
        #expect(clock.time(of: 0) == 100_600_000_000)
        let stamp = LoadReport.Stamp(number: 9, received: 101_512_000_000)
        #expect(clock.latency(of: stamp, cycle: nil) == 12_000)
    }

    @Test func `a repeating number means the newest frame with it`() throws {
        let clock = try #require(FrameClock(log: Self.log))
        // Number 2 of 4 has been there as frame 2, 6 and 10; at 101.65 s frame 10 (of 101.6 s) is the newest of all.
        #expect(clock.latency(of: LoadReport.Stamp(number: 2, received: 101_650_000_000), cycle: 4) == 50_000)
        #expect(clock.latency(of: LoadReport.Stamp(number: 3, received: 101_650_000_000), cycle: 4) == 350_000)
    }

    @Test(arguments: ["", "stream begins", "x: stream begins at y, 30 fps", "x: stream begins at 1.0, 0 fps"])
    func `a log without the start of a stream gives no clock`(log: String) {
        #expect(FrameClock(log: log) == nil)
    }
}

@Suite struct BenchReportTests {
    @Test func `a table aligns numbers at the right, and JSON has the same values`() {
        var part = BenchReport.Part("p", "Part", [.init("name", "name"), .init("ms", "time ms")])
        part.add([.text("one"), .number(1.234, digits: 2)])
        part.add([.text("three"), .number(nil, 2)])
        part.figures = [("fps", .number(30, digits: 1))]
        part.notes = ["a \"note\""]
        var report = BenchReport(machine: Machine(), versions: [("secam", "1")])
        report.parts = [part]
        let expected = """
            Part
              name   time ms
              one       1.23
              three        -
              fps 30.0
              * a "note"

            """
        #expect(report.table.hasSuffix(expected))
        #expect(
            report.json.hasSuffix(
                #""p":{"title":"Part","figures":{"fps":30.0},"rows":[{"name":"one","ms":1.23},"#
                    + #"{"name":"three","ms":null}],"notes":["a \"note\""]}}}"#))
    }

    @Test func `decimals are rounded and padded`() {
        #expect(Decimal.text(0.5, digits: 0) == "1")
        #expect(Decimal.text(1.005, digits: 3) == "1.005")
        #expect(Decimal.text(2, digits: 2) == "2.00")
        #expect(Decimal.text(-0.001, digits: 1) == "0.0")
        #expect(Decimal.text(-1.25, digits: 1) == "-1.3")
        #expect(Decimal.text(.infinity, digits: 1) == "-")
    }

    @Test func `percentiles are those of the nearest rank`() {
        let durations = Durations(microseconds: (1...100).reversed().map { $0 * 1000 })
        #expect(durations.milliseconds(0.5) == 50)
        #expect(durations.milliseconds(0.99) == 99)
        #expect(durations.milliseconds(1) == 100)
        #expect(Durations(microseconds: []).milliseconds(0.5) == nil)
    }

    @Test func `processor time is summed over the remaining threads`() {
        #expect(ProcessCost.nanoseconds(from: [1: 10, 2: 20, 3: 5], to: [1: 15, 2: 20, 4: 7]) == 12)
    }

    @Test func `the processor time and memory of this process are read`() throws {
        let process = try #require(Int32(SystemFile.read("/proc/self/stat")?.split(separator: " ").first ?? ""))
        #expect(ProcessCost.threads(of: process).isEmpty == false)
        #expect(ProcessCost.residentBytes(of: process) ?? 0 > 0)
        #expect(ProcessCost.threads(of: -1).isEmpty)
        #expect(ProcessCost.residentBytes(of: -1) == nil)
    }

    @Test func `the frame rate in the output of tjbench is read`() {
        let output = """
            Encode YUV    --> Frame rate:         460.628955 fps
            Comp from YUV --> Frame rate:         115.795548 fps
                              Output image size:  102382 bytes
            """
        #expect(EncodePart.frameRate(ofTjbench: output) == 115.795548)
        #expect(EncodePart.frameRate(ofTjbench: "") == nil)
        #expect(EncodePart.frameRate(ofTjbench: "Comp from YUV --> fps") == nil)
    }

    @Test func `the rate in the output of openssl speed is read`() {
        #expect(FanOutPart.bytesPerSecond(ofOpenSSL: "+H:16384\n+F:25:AES-128-GCM:2703144860.00\n") == 2_703_144_860)
        #expect(FanOutPart.bytesPerSecond(ofOpenSSL: "+F:25:AES-128-GCM:0.00") == nil)
        #expect(FanOutPart.bytesPerSecond(ofOpenSSL: "+H:16384\n+F:") == nil)
    }
}
