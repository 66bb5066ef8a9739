@testable import SecamMotionDetector

/// A virtual camera picture: a textured wall with noise, and the objects that a test paints.
struct Scene {
    var width = 160
    var height = 90
    var noise: Float = 2
    private var seed: UInt64 = 0x9E37_79B9_7F4A_7C15
    private(set) var pixels: [Float] = []

    init(width: Int = 160, height: Int = 90, noise: Float = 2) {
        self.width = width
        self.height = height
        self.noise = noise
    }

    /// Returns a number in -1…1, from the same sequence in each run.
    mutating func random() -> Float {
        seed ^= seed << 13
        seed ^= seed >> 7
        seed ^= seed << 17
        return Float(Int32(truncatingIfNeeded: seed >> 32)) / Float(Int32.max)
    }

    /// Starts a map with the wall, whose bricks have 12 × 6 pixels.
    mutating func startMap() {
        pixels.removeAll(keepingCapacity: true)
        for y in 0..<height {
            for x in 0..<width {
                let brick = ((x / 12) * 7 + (y / 6) * 13) % 5
                pixels.append(90 + Float(brick) * 10 + Float(x) * 0.1)
            }
        }
    }

    mutating func paint(x: Double, y: Double, width: Double, height: Double, value: Float) {
        let (left, top) = (max(0, Int(x)), max(0, Int(y)))
        let (right, bottom) = (min(self.width, Int(x + width)), min(self.height, Int(y + height)))
        guard left < right, top < bottom else { return }
        for row in top..<bottom { for column in left..<right { pixels[row * self.width + column] = value } }
    }

    mutating func add(_ value: Float, x: Int, y: Int) {
        pixels[y * width + x] += value
    }

    mutating func light(gain: Float, offset: Float = 0) {
        for index in pixels.indices { pixels[index] = pixels[index] * gain + offset }
    }

    mutating func light(columns: Range<Int>, gain: Float) {
        for row in 0..<height { for column in columns { pixels[row * width + column] *= gain } }
    }

    mutating func map() -> [UInt8] {
        pixels.map { UInt8(min(max($0 + noise * random(), 0), 255)) }
    }
}

/// Returns an approximation of the sine by parabolas, for swaying objects.
func sine(_ angle: Double) -> Double {
    let turns = angle / 6.283185307179586
    let part = 2 * (turns - turns.rounded(.down)) - 1
    return -4 * part * (1 - part.magnitude)
}

/// The reports of a detector about a scene.
struct Watched {
    var moving: [Bool] = []
    var starts: [MotionEvent] = []
    var updates = 0
    var ends: [MotionEvent] = []
    var boxes: [[MotionBox]] = []

    /// The numbers of the first and the last map with motion.
    var borders: ClosedRange<Int>? {
        guard let first = moving.firstIndex(of: true), let last = moving.lastIndex(of: true) else { return nil }
        return first...last
    }
}

/// Runs a detector on a scene, by default with ten maps per second.
func watch(
    _ scene: Scene = Scene(), seconds: Double, settings: MotionSettings = .standard, mapsPerSecond: Double = 10,
    _ paint: (inout Scene, Double) -> Void = { _, _ in }
) throws -> Watched {
    var scene = scene
    var detector = MotionDetector(settings: settings)
    var watched = Watched()
    for number in 0..<Int(seconds * mapsPerSecond) {
        let time = Double(number) / mapsPerSecond
        scene.startMap()
        paint(&scene, time)
        let report = try detector.process(
            scene.map().span, width: scene.width, height: scene.height,
            timestampMicroseconds: 1_000_000 + Int64(time * 1e6), frameNumber: UInt64(number))
        watched.moving.append(report.isMoving)
        watched.boxes.append(Array(detector.boxes))
        switch report.transition {
        case .start(let event): watched.starts.append(event)
        case .update: watched.updates += 1
        case .end(let event): watched.ends.append(event)
        case nil: break
        }
    }
    return watched
}

extension Scene {
    /// Paints a person of 8 × 20 pixels who crosses the picture from the left between two times.
    mutating func walk(at time: Double, from start: Double, to end: Double, value: Float = 30) {
        guard time >= start, time < end else { return }
        let way = (time - start) / (end - start)
        paint(x: -8 + way * Double(width + 8), y: 40, width: 8, height: 20, value: value)
    }
}
