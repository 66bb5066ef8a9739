import SecamMotionDetector
import Testing

@Suite struct SettingsTests {
    @Test func `the sensitivity decides whether a distant walker is detected`() throws {
        func events(_ sensitivity: Int) throws -> Int {
            try watch(Scene(noise: 1), seconds: 20, settings: MotionSettings(sensitivity: sensitivity)) { scene, time in
                guard time >= 6, time < 14 else { return }
                let x = (time - 6) * 20
                for row in 60..<64 {
                    for column in max(0, Int(x))..<min(160, Int(x) + 3) {
                        scene.add(-10, x: column, y: row)
                    }
                }
            }.starts.count
        }
        #expect(try events(1) == 0)
        #expect(try events(90) >= 1)
    }

    @Test func `objects below the minimum size are not reported`() throws {
        func events(_ percent: Double) throws -> Int {
            try watch(seconds: 15, settings: MotionSettings(smallestObjectPercent: percent)) { scene, time in
                scene.walk(at: time, from: 5, to: 10)
            }.starts.count
        }
        #expect(try events(0.5) == 1)
        #expect(try events(10) == 0)
    }

    @Test func `motion in a zone to ignore is not reported`() throws {
        let lower = try MotionZone(
            .ignore, [.init(x: 0, y: 0.4), .init(x: 1, y: 0.4), .init(x: 1, y: 1), .init(x: 0, y: 1)])
        let watched = try watch(seconds: 15, settings: MotionSettings(zones: [lower])) { scene, time in
            scene.walk(at: time, from: 5, to: 10)
        }
        #expect(watched.starts.isEmpty)
    }

    @Test func `only motion in a zone to watch is reported`() throws {
        let right = try MotionZone(
            .watch, [.init(x: 0.5, y: 0), .init(x: 1, y: 0), .init(x: 1, y: 1), .init(x: 0.5, y: 1)])
        let watched = try watch(seconds: 20, settings: MotionSettings(zones: [right])) { scene, time in
            scene.walk(at: time, from: 5, to: 10)
        }
        #expect(watched.starts.count == 1)
        #expect((74...84).contains(try #require(watched.borders).lowerBound))
        #expect(watched.boxes.joined().allSatisfy { $0.x >= 0.49 })
    }

    @Test func `a zone to ignore takes precedence over a zone to watch`() throws {
        let all: [MotionZone.Point] = [.init(x: 0, y: 0), .init(x: 1, y: 0), .init(x: 1, y: 1), .init(x: 0, y: 1)]
        let zones = [try MotionZone(.watch, all), try MotionZone(.ignore, all)]
        let watched = try watch(seconds: 10, settings: MotionSettings(zones: zones)) { scene, time in
            scene.walk(at: time, from: 3, to: 8)
        }
        #expect(watched.starts.isEmpty)
    }

    @Test func `a zone that crosses itself covers its loops`() throws {
        let bowTie = try MotionZone(
            .watch, [.init(x: 0, y: 0), .init(x: 1, y: 1), .init(x: 1, y: 0), .init(x: 0, y: 1)])
        let watched = try watch(seconds: 15, settings: MotionSettings(zones: [bowTie])) { scene, time in
            scene.walk(at: time, from: 5, to: 10)
        }
        #expect(watched.starts.count == 1)
    }

    @Test func `changed settings keep the background`() throws {
        var scene = Scene()
        var detector = MotionDetector()
        var starts = 0
        for number in 0..<150 {
            scene.startMap()
            let time = Double(number) / 10
            if number == 50 { detector.apply(try MotionSettings(sensitivity: 60)) }
            scene.walk(at: time, from: 5.2, to: 10)
            let report = try detector.process(
                scene.map().span, width: 160, height: 90, timestampMicroseconds: Int64(number) * 100_000)
            if case .start = report.transition { starts += 1 }
        }
        #expect(starts == 1)
        #expect(detector.settings.sensitivity == 60)
    }

    @Test func `invalid settings are rejected`() {
        #expect(throws: MotionSettingsError.sensitivity(0)) { try MotionSettings(sensitivity: 0) }
        #expect(throws: MotionSettingsError.sensitivity(101)) { try MotionSettings(sensitivity: 101) }
        #expect(throws: MotionSettingsError.smallestObject(-1)) { try MotionSettings(smallestObjectPercent: -1) }
        #expect(throws: MotionSettingsError.smallestObject(100.5)) { try MotionSettings(smallestObjectPercent: 100.5) }
        #expect(throws: MotionSettingsError.self) { try MotionSettings(smallestObjectPercent: .nan) }
        let corner = MotionZone.Point(x: 0, y: 0)
        #expect(throws: MotionSettingsError.tooFewPoints(2)) { try MotionZone(.watch, [corner, corner]) }
        #expect(throws: MotionSettingsError.tooManyPoints(65)) {
            try MotionZone(.watch, Array(repeating: corner, count: 65))
        }
        #expect(throws: MotionSettingsError.pointOutside(index: 2, x: 1.2, y: 0)) {
            try MotionZone(.ignore, [corner, corner, .init(x: 1.2, y: 0)])
        }
        #expect(throws: MotionSettingsError.self) { try MotionZone(.ignore, [corner, corner, .init(x: .nan, y: 0)]) }
        #expect(throws: MotionSettingsError.tooManyZones(33)) {
            let zone = try MotionZone(.watch, [corner, corner, corner])
            _ = try MotionSettings(zones: Array(repeating: zone, count: 33))
        }
        #expect("\(MotionSettingsError.sensitivity(0))" == "the sensitivity is 0; it must be 1 to 100")
    }
}
