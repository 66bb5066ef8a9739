import SecamMotionDetector
import Testing

@Suite struct SceneTests {
    @Test func `noise is no motion`() throws {
        for noise: Float in [0, 2, 5, 12] {
            let watched = try watch(Scene(noise: noise), seconds: 20)
            #expect(!watched.moving.contains(true), "noise of \(noise)")
            #expect(watched.starts.isEmpty)
        }
    }

    @Test func `a walker is one event with plausible times`() throws {
        let watched = try watch(seconds: 20) { scene, time in scene.walk(at: time, from: 5, to: 10) }
        let start = try #require(watched.starts.first)
        let end = try #require(watched.ends.first)
        #expect(watched.starts.count == 1)
        #expect(watched.ends.count == 1)
        #expect(watched.updates >= 3)
        #expect(start.id == end.id)
        #expect((6_000_000...7_000_000).contains(start.startMicroseconds))
        #expect((10_500_000...11_500_000).contains(end.lastMicroseconds))
        #expect((50...110).contains(Int(end.peakFrame)))
        #expect(end.peakMicroseconds == 1_000_000 + Int64(end.peakFrame) * 100_000)
        #expect(end.peakScore > 20)
        let borders = try #require(watched.borders)
        #expect((50...58).contains(borders.lowerBound))
        #expect((97...112).contains(borders.upperBound))
    }

    @Test func `boxes contain the walker`() throws {
        let watched = try watch(seconds: 10) { scene, time in scene.walk(at: time, from: 4, to: 9) }
        let box = try #require(watched.boxes[65].max { $0.score < $1.score })
        let x = (-8 + 0.5 * 168 + 4) / 160
        #expect(abs(box.x + box.width / 2 - x) < 0.06)
        #expect(abs(box.y + box.height / 2 - 50.0 / 90) < 0.06)
        #expect(box.width < 0.2 && box.height < 0.4)
    }

    @Test func `two visits are two events`() throws {
        let watched = try watch(seconds: 30) { scene, time in
            scene.walk(at: time, from: 4, to: 8)
            scene.walk(at: time, from: 16, to: 20)
        }
        #expect(watched.starts.map(\.id) == [1, 2])
        #expect(watched.ends.map(\.id) == [1, 2])
    }

    @Test func `a short pause does not end an event`() throws {
        let watched = try watch(seconds: 20) { scene, time in
            let way = time < 6 ? time : max(6, time - 2)
            scene.walk(at: way, from: 4, to: 9)
        }
        #expect(watched.starts.count == 1)
        #expect(watched.ends.count == 1)
    }

    @Test(arguments: [0.5, 0.75, 1.3, 1.8])
    func `switching lights on or off is no event`(gain: Float) throws {
        let watched = try watch(seconds: 20) { scene, time in
            if time >= 6, time < 12 { scene.light(gain: gain) }
        }
        #expect(watched.starts.isEmpty)
    }

    @Test func `a lamp that lights half of the room is no event`() throws {
        let watched = try watch(seconds: 20) { scene, time in
            if time >= 6, time < 12 { scene.light(columns: 0..<80, gain: 1.4) }
        }
        #expect(watched.starts.isEmpty)
    }

    @Test func `a cloud is no event`() throws {
        let watched = try watch(seconds: 30) { scene, time in
            let shade = Float(max(0, 1 - abs(time - 15) / 5))
            scene.light(gain: 1 - 0.5 * shade)
        }
        #expect(watched.starts.isEmpty)
    }

    @Test func `a walker is detected right after the lights went on`() throws {
        let watched = try watch(seconds: 20) { scene, time in
            scene.walk(at: time, from: 9, to: 14)
            if time >= 7 { scene.light(gain: 1.5) }
        }
        #expect(watched.starts.count == 1)
        #expect((8_000_000...11_500_000).contains(try #require(watched.starts.first).startMicroseconds))
    }

    @Test func `a swaying tree is learned`() throws {
        let watched = try watch(seconds: 60) { scene, time in
            for leaf in 0..<30 {
                let phase = Double(leaf) * 0.7
                let sway = 3 * sine(time * (1.5 + Double(leaf % 5) * 0.3) + phase)
                let (x, y) = (100 + Double(leaf % 6) * 8 + sway, 10 + Double(leaf / 6) * 7)
                scene.paint(x: x, y: y, width: 5, height: 4, value: 60)
            }
        }
        #expect(!watched.moving.dropFirst(150).contains(true))
    }

    @Test func `a shaking camera is no event`() throws {
        var watched = Watched()
        var scene = Scene(width: 200, height: 120)
        var detector = MotionDetector()
        for number in 0..<150 {
            scene.startMap()
            let whole = scene.map()
            let x = Int(10 + 4 * sine(Double(number) * 1.7))
            let y = Int(10 + 3 * sine(Double(number) * 2.9))
            var part: [UInt8] = []
            for row in y..<y + 90 { part += whole[row * 200 + x..<row * 200 + x + 160] }
            let report = try detector.process(
                part.span, width: 160, height: 90, timestampMicroseconds: Int64(number) * 100_000)
            watched.moving.append(report.isMoving)
        }
        #expect(!watched.moving.contains(true))
    }

    @Test func `an object that stops becomes background, and its departure is an event`() throws {
        let watched = try watch(seconds: 90) { scene, time in
            let x = time < 5 ? -40 : time < 8 ? -40 + (time - 5) * 35 : time < 70 ? 65 : 65 + (time - 70) * 40
            scene.paint(x: x, y: 40, width: 24, height: 16, value: 40)
        }
        #expect(!watched.moving[200..<690].contains(true))
        #expect(watched.moving[700..<715].contains(true))
        #expect(!watched.moving[780...].contains(true))
        #expect(watched.starts.count == 2)
    }

    @Test func `a slow walker is detected`() throws {
        let watched = try watch(seconds: 60) { scene, time in scene.walk(at: time, from: 5, to: 45) }
        #expect(watched.moving[50..<450].count { $0 } > 300)
    }

    @Test(arguments: [4.0, 5, 7.5, 12.5, 25])
    func `detection does not depend on the rate of maps`(rate: Double) throws {
        let watched = try watch(seconds: 20, mapsPerSecond: rate) { scene, time in
            scene.walk(at: time, from: 6, to: 11)
        }
        #expect(watched.starts.count == 1)
        #expect(watched.ends.count == 1)
    }
}
