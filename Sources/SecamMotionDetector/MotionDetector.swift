/// A detector of motion in the luma maps of one camera: its time, its place, and its segmentation into events.
///
/// Time is an argument. No memory is allocated per map while the size of the maps stays and no caller keeps ``boxes``.
package struct MotionDetector: ~Copyable {
    /// Minimum width and height of a map, pixels.
    package static let smallestSide = 8
    /// Maximum width and height of a map, pixels.
    package static let largestSide = 1024
    /// Maximum number of objects reported per map.
    package static let boxLimit = 16
    /// Maximum number of cells along the longer side. Larger maps are averaged, because finer cells only add noise.
    static let cellLimit = 160

    package private(set) var settings: MotionSettings
    /// The objects that move now, in no order.
    package private(set) var boxes: [MotionBox] = []
    /// The active event.
    package var event: MotionEvent? { events.current }

    private let parameters: DetectorParameters
    private var model: BackgroundModel?
    private var mapSize = (width: 0, height: 0)
    private var light = LightMeter()
    private var finder = RegionFinder()
    private var tracker: Tracker
    private var events: EventSegmenter
    private var last: Int64 = 0
    private var lightChanged: Int64?

    package init(settings: MotionSettings = .standard) {
        self.init(settings: settings, parameters: DetectorParameters())
    }

    init(settings: MotionSettings, parameters: DetectorParameters) {
        self.settings = settings
        self.parameters = parameters
        tracker = Tracker(parameters: parameters)
        events = EventSegmenter(parameters: parameters)
        boxes.reserveCapacity(Self.boxLimit)
    }

    /// Applies settings from the next map on. The background is kept.
    package mutating func apply(_ settings: MotionSettings) {
        guard settings != self.settings else { return }
        self.settings = settings
        model?.cells.setWatched(settings.zones)
        tracker.clear()
    }

    /// Ends the active event with its last motion, because no more maps follow.
    package mutating func finish() -> MotionTransition? {
        tracker.clear()
        return events.interrupt()
    }

    /// Processes the next map.
    ///
    /// - Parameters:
    ///   - luma: one byte per pixel, rows without padding.
    ///   - timestampMicroseconds: time of capture. A step back, or more than 3 s without a map, ends an event and
    ///     resets the background.
    ///   - frameNumber: the camera's number of the frame, for the event's peak.
    /// - Throws: ``MotionMapError``. The detector is unchanged then.
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
        let longest = Int64(parameters.longestGapSeconds * 1e6)
        if isFirst || isOtherSize || elapsed.overflow || !(0...longest).contains(elapsed.partialValue) {
            model.reset()
            tracker.clear()
            lightChanged = nil
            return MotionReport(isMoving: false, transition: events.interrupt())
        }
        followObjects(&model, at: now, seconds: Float(elapsed.partialValue) / 1e6)
        let isMoving = collectBoxes(model.cells, at: now)
        return MotionReport(
            isMoving: isMoving,
            transition: events.update(tracker, boxes, isMoving: isMoving, at: now, frameNumber: frameNumber))
    }

    private mutating func newModel(_ width: Int, _ height: Int) -> BackgroundModel {
        let factor = (max(width, height) + Self.cellLimit - 1) / Self.cellLimit
        let model = BackgroundModel(
            width: (width + factor - 1) / factor, height: (height + factor - 1) / factor, factor: factor,
            parameters: parameters)
        model.cells.setWatched(settings.zones)
        tracker.setSize(width: model.cells.width, height: model.cells.height)
        return model
    }

    private mutating func followObjects(_ model: inout BackgroundModel, at now: Int64, seconds: Float) {
        let cells = model.cells
        let factor = settings.factor
        // Light comes first, because a brighter picture must not look like a shifted one. The shift hides part of the
        // change, so light is measured again after it.
        model.followLight(light.measure(cells))
        model.compensateShift()
        if !model.shift.isNone { model.followLight(light.measure(cells)) }
        guard model.compare(factor: factor) <= parameters.resetShare else {
            // Tracks are kept: objects from before the change are found again or become lost.
            model.reset()
            return
        }
        finder.find(cells, parameters, factor: factor)
        let lit = markLight()
        if lit > parameters.settleShare * Float(cells.count) { lightChanged = now }
        let isSettling = lightChanged.map { Float(now - $0) / 1e6 < parameters.settleSeconds } ?? false
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

    /// Marks regions that are brighter or darker background as light.
    ///
    /// - Returns: their number of cells.
    private mutating func markLight() -> Float {
        var lit: Float = 0
        for index in finder.regions.indices {
            let region = finder.regions[index]
            guard region.cells >= parameters.lightCells else { continue }
            let (residual, texture) = region.likeness
            let noise = parameters.lightTexture * region.restless / region.cells
            if residual < parameters.lightResidual, texture > noise * noise {
                finder.set(.light, ofRegion: index)
                lit += region.cells
            }
        }
        return lit
    }

    /// Fills ``boxes``.
    ///
    /// - Returns: whether any object moves.
    private mutating func collectBoxes(_ cells: DetectorGrid, at now: Int64) -> Bool {
        var isMoving = false
        for index in tracker.tracks.indices {
            let track = tracker.tracks[index]
            guard track.isMoving(at: now, parameters) else { continue }
            isMoving = true
            guard track.isSeen, boxes.count < Self.boxLimit else { continue }
            boxes.append(
                MotionBox(
                    x: Double(track.left) / Double(cells.width), y: Double(track.top) / Double(cells.height),
                    width: Double(track.right - track.left + 1) / Double(cells.width),
                    height: Double(track.bottom - track.top + 1) / Double(cells.height), score: Double(track.score)))
        }
        return isMoving
    }
}

/// A view of the model, for tuning.
extension MotionDetector {
    /// Size of the plane of ``copyView(into:)``, cells.
    package var viewSize: (width: Int, height: Int) {
        guard let model else { return (0, 0) }
        return (model.cells.width, model.cells.height)
    }

    /// Writes the difference of the last map and the background for each cell; 64 is one threshold.
    ///
    /// - Returns: `false` if there is no model, or the destination is too small.
    package func copyView(into difference: inout MutableSpan<UInt8>) -> Bool {
        guard let cells = model?.cells, difference.count >= cells.count else { return false }
        for index in 0..<cells.count {
            difference[index] = UInt8(min(max(unsafe cells.ratio[index] * 64, 0), 255))
        }
        return true
    }
}
