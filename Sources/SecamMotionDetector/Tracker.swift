/// A tracker of regions from map to map. A region that is seen often enough, and moves or stands out, is an object.
struct Tracker: ~Copyable {
    static let trackLimit = 48
    private(set) var tracks: [Track]
    private let parameters: DetectorParameters
    /// Numbers of the last column and row.
    private var lastX: Float = 0
    private var lastY: Float = 0

    init(parameters: DetectorParameters) {
        tracks = Array(repeating: Track(), count: Self.trackLimit)
        self.parameters = parameters
    }

    mutating func clear() {
        for index in tracks.indices { tracks[index].isActive = false }
    }

    /// Sets the size of the maps, in cells, and removes all tracks.
    mutating func setSize(width: Int, height: Int) {
        lastX = Float(width - 1)
        lastY = Float(height - 1)
        clear()
    }

    /// Returns the time of the first sighting of the objects that move now.
    func firstMotion(at now: Int64) -> Int64? {
        var first: Int64?
        for index in tracks.indices where tracks[index].isMoving(at: now, parameters) {
            first = min(first ?? .max, tracks[index].firstSeen)
        }
        return first
    }

    /// Returns the last time at which one of the objects that move now moved.
    func lastMotion(at now: Int64) -> Int64? {
        var last: Int64?
        for index in tracks.indices where tracks[index].isMoving(at: now, parameters) {
            last = max(last ?? .min, tracks[index].lastMoved)
        }
        return last
    }

    /// Assigns the regions of a map to tracks, and sets their kind.
    ///
    /// - Parameters:
    ///   - leastArea: minimum area of an object's box, cells.
    ///   - isSettling: the light has just changed, so regions that are not known objects are light too.
    mutating func follow(
        _ finder: inout RegionFinder, at now: Int64, seconds: Float, factor: Float, leastArea: Float, isSettling: Bool
    ) {
        for index in tracks.indices {
            tracks[index].isSeen = false
            tracks[index].maps += 1
        }
        assign(&finder, seconds: seconds)
        for index in tracks.indices where tracks[index].isActive {
            updateTrack(index, finder, at: now, seconds: seconds)
        }
        for index in finder.regions.indices {
            let region = finder.regions[index]
            if region.kind != .light, region.track < 0 {
                finder.set(track: startTrack(of: region, at: now), ofRegion: index)
            }
        }
        if !isSettling { classify(at: now, factor: factor, leastArea: leastArea) }
        for index in finder.regions.indices where finder.regions[index].kind != .light {
            let track = Int(finder.regions[index].track)
            let isKnown = track >= 0 && tracks[track].isConfirmed
            if isSettling, !isKnown {
                finder.set(.light, ofRegion: index)
                if track >= 0 { tracks[track].isActive = false }
            } else if track >= 0 {
                finder.set(kind(of: tracks[track], finder.regions[index], at: now), ofRegion: index)
            }
        }
    }

    private func kind(of track: Track, _ region: Region, at now: Int64) -> Region.Kind {
        let rested = Float(now - track.lastMoved) / 1e6
        // An outline in the background and not in the map belongs to an object that was learned and has left.
        if rested >= parameters.ghostSeconds, region.meanEdge > parameters.ghostEdgeRatio * region.currentEdge {
            return .light
        }
        if track.isConfirmed { return rested > parameters.restSeconds ? .still : .mover }
        return rested > parameters.flickerRestSeconds ? .still : .flicker
    }

    /// Returns the overlap of a region with a track's predicted box. Confirmed tracks have a higher weight.
    private func weight(_ track: Track, _ region: Region, _ seconds: Float) -> Float {
        let dx = track.speedX * seconds
        let dy = track.speedY * seconds
        let margin = 1.5 + 0.5 * (dx.magnitude + dy.magnitude)
        let (left, right) = (track.left + dx - margin, track.right + dx + margin)
        let (top, bottom) = (track.top + dy - margin, track.bottom + dy + margin)
        let width = min(right, Float(region.right)) - max(left, Float(region.left))
        let height = min(bottom, Float(region.bottom)) - max(top, Float(region.top))
        guard width >= 0, height >= 0 else { return 0 }
        return (width + 1) * (height + 1) * (track.isConfirmed ? 4 : 1)
    }

    private func assign(_ finder: inout RegionFinder, seconds: Float) {
        for index in finder.regions.indices where finder.regions[index].kind != .light {
            var best: Float = 0
            for (number, track) in tracks.enumerated() where track.isActive {
                let weight = weight(track, finder.regions[index], seconds)
                if weight > best {
                    best = weight
                    finder.set(track: number, ofRegion: index)
                }
            }
        }
    }

    private mutating func updateTrack(_ index: Int, _ finder: borrowing RegionFinder, at now: Int64, seconds: Float) {
        var sum = Region()
        for region in finder.regions where region.track == index { sum.join(region) }
        guard sum.cells > 0 else { return }
        let (x, y) = (sum.centerX, sum.centerY)
        let elapsed = max(Float(now - tracks[index].lastSeen) / 1e6, 0.01)
        tracks[index].speedX += 0.4 * ((x - tracks[index].centerX) / elapsed - tracks[index].speedX)
        tracks[index].speedY += 0.4 * ((y - tracks[index].centerY) / elapsed - tracks[index].speedY)
        let (sx, sy) = (x - tracks[index].centerX, y - tracks[index].centerY)
        tracks[index].path += (sx * sx + sy * sy).squareRoot()
        place(index, sum, at: now)
        tracks[index].sightings += 1
        tracks[index].meanScore += (sum.score - tracks[index].meanScore) / min(tracks[index].sightings, 8)
        if sum.moving >= max(2, parameters.movedShare * sum.cells), !sum.isEvenStep(parameters.evenShare) {
            tracks[index].lastMoved = now
            tracks[index].movedSightings += 1
        }
        let track = tracks[index]
        let dx = travel(
            track.left - track.firstLeft, track.right - track.firstRight, track.left <= 0, track.right >= lastX)
        let dy = travel(
            track.top - track.firstTop, track.bottom - track.firstBottom, track.top <= 0, track.bottom >= lastY)
        tracks[index].distance = max(tracks[index].distance, (dx * dx + dy * dy).squareRoot())
    }

    /// Returns how far a box has moved along an axis: as far as both of its edges. At the picture's border only one
    /// edge is known. Growing or shrinking counts in part: it may be a swaying branch, or a person who comes nearer.
    private func travel(_ low: Float, _ high: Float, _ atStart: Bool, _ atEnd: Bool) -> Float {
        if atStart != atEnd { return (atStart ? high : low).magnitude }
        let both = low * high > 0 ? min(low.magnitude, high.magnitude) : 0
        return max(both, parameters.growth * (low - high).magnitude)
    }

    private mutating func place(_ index: Int, _ region: Region, at now: Int64) {
        tracks[index].left = Float(region.left)
        tracks[index].top = Float(region.top)
        tracks[index].right = Float(region.right)
        tracks[index].bottom = Float(region.bottom)
        tracks[index].centerX = region.centerX
        tracks[index].centerY = region.centerY
        tracks[index].score = region.score
        tracks[index].restless = region.restless / region.cells
        tracks[index].lastSeen = now
        tracks[index].isSeen = true
    }

    private mutating func startTrack(of region: Region, at now: Int64) -> Int {
        guard let index = tracks.firstIndex(where: { !$0.isActive }) else { return -1 }
        tracks[index] = Track()
        tracks[index].isActive = true
        place(index, region, at: now)
        tracks[index].firstLeft = Float(region.left)
        tracks[index].firstTop = Float(region.top)
        tracks[index].firstRight = Float(region.right)
        tracks[index].firstBottom = Float(region.bottom)
        tracks[index].firstSeen = now
        tracks[index].lastMoved = now
        tracks[index].sightings = 1
        tracks[index].movedSightings = 1
        tracks[index].maps = 1
        tracks[index].meanScore = region.score
        return index
    }

    /// Removes lost tracks and confirms objects.
    private mutating func classify(at now: Int64, factor: Float, leastArea: Float) {
        for index in tracks.indices where tracks[index].isActive {
            let track = tracks[index]
            let unseen = Float(now - track.lastSeen) / 1e6
            if unseen > (track.isConfirmed ? parameters.lostSeconds : parameters.flickerLostSeconds) {
                tracks[index].isActive = false
            } else if !track.isConfirmed, track.isSeen, track.area >= leastArea {
                tracks[index].isConfirmed = isObject(track, factor: factor)
            }
        }
    }

    private func isObject(_ track: Track, factor: Float) -> Bool {
        let life = Float(track.lastSeen - track.firstSeen) / 1e6
        let isOften =
            track.sightings >= parameters.confirmSightings || (life > parameters.slowSeconds && track.sightings >= 2)
        guard isOften, life >= parameters.confirmSeconds, track.sightings >= parameters.presence * track.maps,
            track.movedSightings >= parameters.movedSightings * track.sightings
        else { return false }
        let restless = max(track.restless - parameters.baseThreshold / parameters.deviations, 0)
        let demand = parameters.confirmDistance * factor * (1 + parameters.restlessDemand * restless)
        if track.distance >= demand, track.distance >= parameters.straight * track.path { return true }
        return life >= parameters.clearSeconds && track.meanScore >= parameters.clearScore * factor
    }
}
