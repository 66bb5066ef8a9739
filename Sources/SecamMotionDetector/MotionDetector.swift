/// Tells from a camera's luma maps when something moves in its picture, where, and which visits that makes.
///
/// One for each camera. Time is an argument; nothing is allocated from map to map as long as their size stays and
/// nobody keeps ``boxes``.
package struct MotionDetector: ~Copyable {
    /// Pixels that a side of a map must have.
    package static let smallestSide = 8
    /// Pixels that a side of a map may have.
    package static let largestSide = 1024
    /// How many objects are told of a map.
    package static let mostBoxes = 16
    /// Cells along the longer side at most; larger maps are averaged. Finer cells see more noise and no more visitors.
    static let mostCells = 160

    package private(set) var settings: MotionSettings
    /// What moves now, in no order.
    package private(set) var boxes: [MotionBox] = []
    /// The event that has not ended yet.
    package var event: MotionEvent? { events.current }

    private let tuning: DetectorParameters
    private var model: BackgroundModel?
    private var mapSize = (width: 0, height: 0)
    private var light = LightMeter()
    private var finder = RegionFinder()
    private var tracker: Tracker
    private var events: EventSegmenter
    private var last: Int64 = 0
    private var lightChanged: Int64?

    package init(settings: MotionSettings = .standard) {
        self.init(settings: settings, tuning: DetectorParameters())
    }

    init(settings: MotionSettings, tuning: DetectorParameters) {
        self.settings = settings
        self.tuning = tuning
        tracker = Tracker(tuning: tuning)
        events = EventSegmenter(tuning: tuning)
        boxes.reserveCapacity(Self.mostBoxes)
    }

    /// Watches with other settings from the next map on. What was learned stays.
    package mutating func apply(_ settings: MotionSettings) {
        guard settings != self.settings else { return }
        self.settings = settings
        model?.cells.watch(settings.zones)
        tracker.clear()
    }

    /// Nobody looks on: an event that has not ended ends with its last motion.
    package mutating func finish() -> MotionTransition? {
        tracker.clear()
        return events.interrupt()
    }

    /// - Parameters:
    ///   - luma: brightness, row after row without padding.
    ///   - timestampMicroseconds: after a step back, or more than 3 s without a map, an event has ended and the
    ///     background is learned anew.
    ///   - frameNumber: the camera's, for the event's peak.
    /// - Throws: ``MotionMapError``; then nothing has changed.
    package mutating func process(
        _ luma: Span<UInt8>, width: Int, height: Int, timestampMicroseconds now: Int64, frameNumber: UInt64 = 0
    ) throws(MotionMapError) -> MotionReport {
        let sides = Self.smallestSide...Self.largestSide
        guard sides.contains(width), sides.contains(height) else { throw .size(width: width, height: height) }
        guard luma.count == width * height else {
            throw .byteCount(bytes: luma.count, width: width, height: height)
        }
        boxes.removeAll(keepingCapacity: true)
        let elapsed = now.subtractingReportingOverflow(last)
        let isFirst = model == nil
        last = now
        var model = model.take() ?? newModel(width, height)
        defer { self.model = model }
        let isOtherSize = !isFirst && mapSize != (width, height)
        if isOtherSize { model = newModel(width, height) }
        mapSize = (width, height)
        model.cells.load(luma, width: width, height: height)
        let longest = Int64(tuning.longestGap * 1e6)
        if isFirst || isOtherSize || elapsed.overflow || !(0...longest).contains(elapsed.partialValue) {
            model.adopt()
            tracker.clear()
            lightChanged = nil
            return MotionReport(isMoving: false, transition: events.interrupt())
        }
        look(&model, at: now, seconds: Float(elapsed.partialValue) / 1e6)
        let isMoving = tell(model.cells, at: now)
        return MotionReport(
            isMoving: isMoving,
            transition: events.take(tracker, boxes, isMoving: isMoving, at: now, frameNumber: frameNumber))
    }

    private mutating func newModel(_ width: Int, _ height: Int) -> BackgroundModel {
        let factor = (max(width, height) + Self.mostCells - 1) / Self.mostCells
        let model = BackgroundModel(
            width: (width + factor - 1) / factor, height: (height + factor - 1) / factor, factor: factor,
            tuning: tuning)
        model.cells.watch(settings.zones)
        tracker.setSize(width: model.cells.width, height: model.cells.height)
        return model
    }

    private mutating func look(_ model: inout BackgroundModel, at now: Int64, seconds: Float) {
        let cells = model.cells
        let factor = settings.factor
        // Light first: a brighter picture must not look like a shifted one. What a shift hid of it comes after.
        model.followLight(light.measure(cells))
        model.steady()
        if !model.shift.isNone { model.followLight(light.measure(cells)) }
        guard model.compare(factor: factor) <= tuning.adoptShare else {
            // Tracks wait: whoever was here before the light changed is found again or forgotten.
            model.adopt()
            return
        }
        finder.find(cells, tuning, factor: factor)
        let lit = markLight()
        if lit > tuning.settleShare * Float(cells.count) { lightChanged = now }
        let isSettling = lightChanged.map { Float(now - $0) / 1e6 < tuning.settleSeconds } ?? false
        let leastArea = Float(settings.smallestObjectPercent) / 100 * Float(cells.count)
        tracker.follow(
            &finder, at: now, seconds: seconds, factor: factor, leastArea: leastArea, isSettling: isSettling)
        model.learn(seconds: seconds)
        for index in finder.runs.indices {
            let region = Int(finder.regionOfRun[index])
            let kind = region < 0 ? .flicker : finder.regions[region].kind
            model.learn(finder.runs[index], as: kind, seconds: seconds)
        }
    }

    /// Regions that are the background, only brighter or darker, are no objects.
    /// - Returns: how many cells they have.
    private mutating func markLight() -> Float {
        var lit: Float = 0
        for index in finder.regions.indices {
            let region = finder.regions[index]
            guard region.cells >= tuning.lightCells else { continue }
            let (residual, texture) = region.likeness
            let noise = tuning.lightTexture * region.restless / region.cells
            if residual < tuning.lightResidual, texture > noise * noise {
                finder.set(.light, ofRegion: index)
                lit += region.cells
            }
        }
        return lit
    }

    private mutating func tell(_ cells: Cells, at now: Int64) -> Bool {
        var isMoving = false
        for index in tracker.tracks.indices {
            let track = tracker.tracks[index]
            guard track.isMoving(at: now, tuning) else { continue }
            isMoving = true
            guard track.isSeen, boxes.count < Self.mostBoxes else { continue }
            boxes.append(
                MotionBox(
                    x: Double(track.left) / Double(cells.width), y: Double(track.top) / Double(cells.height),
                    width: Double(track.right - track.left + 1) / Double(cells.width),
                    height: Double(track.bottom - track.top + 1) / Double(cells.height), score: Double(track.score)))
        }
        return isMoving
    }
}

/// What the model sees, for people who tune by looking.
extension MotionDetector {
    /// Size of ``copyView(into:)``'s plane in cells.
    package var viewSize: (width: Int, height: Int) {
        guard let model else { return (0, 0) }
        return (model.cells.width, model.cells.height)
    }

    /// Writes, for each cell, by how much the last map differs from the background, 64 being one threshold.
    /// - Returns: whether there is a model, and room for it.
    package func copyView(into difference: inout MutableSpan<UInt8>) -> Bool {
        guard let cells = model?.cells, difference.count >= cells.count else { return false }
        for index in 0..<cells.count {
            difference[index] = UInt8(min(max(unsafe cells.ratio[index] * 64, 0), 255))
        }
        return true
    }
}
