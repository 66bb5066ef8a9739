import Testing

@testable import SecamMotionDetector

@Suite struct HostileMapTests {
    private let map = [UInt8](repeating: 100, count: 160 * 90)

    @Test(arguments: [(0, 0), (1, 1), (7, 90), (160, 7), (-160, -90), (1025, 90), (.max, .max), (.min, 1)])
    func `maps of absurd size are rejected`(width: Int, height: Int) throws {
        var detector = MotionDetector()
        var error: MotionMapError?
        do throws(MotionMapError) {
            _ = try detector.process(map.span, width: width, height: height, timestampMicroseconds: 0)
        } catch let thrown { error = thrown }
        #expect(error == .size(width: width, height: height))
    }

    @Test(arguments: [(160, 91), (160, 89), (1024, 1024), (8, 8)])
    func `maps whose size differs from their byte count are rejected`(width: Int, height: Int) throws {
        var detector = MotionDetector()
        var error: MotionMapError?
        do throws(MotionMapError) {
            _ = try detector.process(map.span, width: width, height: height, timestampMicroseconds: 0)
        } catch let thrown { error = thrown }
        #expect(error == .byteCount(bytes: map.count, width: width, height: height))
    }

    @Test func `an invalid map between valid ones has no effect`() throws {
        var scene = Scene()
        var detector = MotionDetector()
        var starts = 0
        for number in 0..<150 {
            scene.startMap()
            scene.walk(at: Double(number) / 10, from: 5, to: 10)
            let time = Int64(number) * 100_000
            _ = try? detector.process(map.span, width: 3, height: 3, timestampMicroseconds: time + .max / 2)
            let report = try detector.process(scene.map().span, width: 160, height: 90, timestampMicroseconds: time)
            if case .start = report.transition { starts += 1 }
        }
        #expect(starts == 1)
    }

    @Test func `the smallest and the largest map are processed`() throws {
        for (width, height) in [(8, 8), (8, 1024), (1024, 8), (1024, 1024), (161, 9), (319, 179)] {
            var detector = MotionDetector()
            for number in 0..<20 {
                let value = UInt8(number % 2 == 0 ? 0 : 255)
                let pixels = (0..<width * height).map { UInt8(truncatingIfNeeded: $0 &* 7) ^ value }
                _ = try detector.process(
                    pixels.span, width: width, height: height, timestampMicroseconds: Int64(number) * 100_000)
            }
        }
    }

    @Test func `a change of the map's size resets the detector without an event`() throws {
        var detector = MotionDetector()
        var time: Int64 = 0
        for size in [(160, 90), (320, 180), (90, 160), (160, 90)] {
            var scene = Scene(width: size.0, height: size.1)
            for _ in 0..<40 {
                scene.startMap()
                time += 100_000
                let report = try detector.process(
                    scene.map().span, width: size.0, height: size.1, timestampMicroseconds: time)
                #expect(report == MotionReport.quiet)
            }
        }
    }

    @Test(arguments: [-3_600_000_000, 3_600_000_000, Int64.max, Int64.min, 10_000_000])
    func `a clock jump ends the event and starts no other`(jump: Int64) throws {
        var scene = Scene()
        var detector = MotionDetector()
        var transitions: [MotionTransition] = []
        for number in 0..<150 {
            scene.startMap()
            if number < 70 { scene.walk(at: Double(number) / 10, from: 5, to: 10) }
            let (time, overflow) = (Int64(number) * 100_000).addingReportingOverflow(number < 70 ? 0 : jump)
            let report = try detector.process(
                scene.map().span, width: 160, height: 90,
                timestampMicroseconds: overflow ? Int64.max - 20_000_000 + Int64(number) * 100_000 : time)
            if let transition = report.transition { transitions.append(transition) }
            if number >= 71 { #expect(!report.isMoving) }
        }
        guard case .start(let start) = transitions.first, case .end(let end) = transitions.last else {
            Issue.record("missing start or end: \(transitions)")
            return
        }
        #expect(start.id == end.id)
        #expect(end.lastMicroseconds <= 7_000_000)
    }

    @Test func `maps with equal times are no motion`() throws {
        var scene = Scene()
        var detector = MotionDetector()
        for _ in 0..<100 {
            scene.startMap()
            let report = try detector.process(scene.map().span, width: 160, height: 90, timestampMicroseconds: 5)
            #expect(report == MotionReport.quiet)
        }
    }

    @Test func `random maps never trap`() throws {
        var scene = Scene(noise: 255)
        var detector = MotionDetector()
        for number in 0..<300 {
            scene.startMap()
            _ = try detector.process(
                scene.map().span, width: 160, height: 90, timestampMicroseconds: Int64(number) * 100_000)
        }
        for box in detector.boxes { #expect(box.x >= 0 && box.y >= 0 && box.x + box.width <= 1.0001) }
    }

    @Test func `alternating black and white maps are no motion`() throws {
        var detector = MotionDetector()
        for number in 0..<100 {
            let map = [UInt8](repeating: number % 2 == 0 ? 0 : 255, count: 160 * 90)
            let report = try detector.process(
                map.span, width: 160, height: 90, timestampMicroseconds: Int64(number) * 100_000)
            #expect(!report.isMoving)
        }
    }

    @Test func `equal maps give equal boxes`() throws {
        func run() throws -> [[MotionBox]] {
            try watch(seconds: 12) { scene, time in scene.walk(at: time, from: 4, to: 9) }.boxes
        }
        #expect(try run() == run())
    }
}

extension MotionReport {
    static var quiet: MotionReport { MotionReport(isMoving: false, transition: nil) }
}
