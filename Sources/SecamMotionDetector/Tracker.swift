/// Follows the regions: what is seen often enough, and moves or stands out, is an object.
struct Tracker: ~Copyable {
    static let mostTracks = 48
    private(set) var tracks: [Track]
    private let tuning: DetectorParameters
    /// The last column and row.
    private var lastX: Float = 0
    private var lastY: Float = 0

    init(tuning: DetectorParameters) {
        tracks = Array(repeating: Track(), count: Self.mostTracks)
        self.tuning = tuning
    }

    mutating func clear() {
        for index in tracks.indices { tracks[index].isActive = false }
    }

    /// For maps of another size; everything is forgotten.
    mutating func setSize(width: Int, height: Int) {
        lastX = Float(width - 1)
        lastY = Float(height - 1)
        clear()
    }

    /// When what moves now was first seen.
    func firstMotion(at now: Int64) -> Int64? {
        var first: Int64?
        for index in tracks.indices where tracks[index].isMoving(at: now, tuning) {
            first = min(first ?? .max, tracks[index].born)
        }
        return first
    }

    /// When what moves now was last seen moving.
    func lastMotion(at now: Int64) -> Int64? {
        var last: Int64?
        for index in tracks.indices where tracks[index].isMoving(at: now, tuning) {
            last = max(last ?? .min, tracks[index].moved)
        }
        return last
    }

    /// - Parameters:
    ///   - leastArea: what has a smaller box is no object, in cells.
    ///   - isSettling: the light has just changed: what is not yet known to be an object is light too.
    mutating func follow(
        _ finder: inout RegionFinder, at now: Int64, seconds: Float, factor: Float, leastArea: Float, isSettling: Bool
    ) {
        for index in tracks.indices {
            tracks[index].isSeen = false
            tracks[index].looks += 1
        }
        assign(&finder, seconds: seconds)
        for index in tracks.indices where tracks[index].isActive {
            gather(index, finder, at: now, seconds: seconds)
        }
        for index in finder.regions.indices {
            let region = finder.regions[index]
            if region.kind != .light, region.track < 0 { finder.set(track: begin(region, at: now), ofRegion: index) }
        }
        if !isSettling { judge(at: now, factor: factor, leastArea: leastArea) }
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
        let rested = Float(now - track.moved) / 1e6
        // Its border is in the background and not in the picture: something that was learned has gone.
        if rested >= tuning.ghostAfter, region.meanEdge > tuning.ghost * region.currentEdge { return .light }
        if track.isConfirmed { return rested > tuning.stillAfter ? .still : .mover }
        return rested > tuning.flickerStillAfter ? .still : .flicker
    }

    /// Each region to the track whose predicted box it overlaps most; those known for longer come first.
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

    private mutating func gather(_ index: Int, _ finder: borrowing RegionFinder, at now: Int64, seconds: Float) {
        var sum = Region()
        for region in finder.regions where region.track == index { sum.join(region) }
        guard sum.cells > 0 else { return }
        let (x, y) = (sum.centerX, sum.centerY)
        let elapsed = max(Float(now - tracks[index].seen) / 1e6, 0.01)
        tracks[index].speedX += 0.4 * ((x - tracks[index].centerX) / elapsed - tracks[index].speedX)
        tracks[index].speedY += 0.4 * ((y - tracks[index].centerY) / elapsed - tracks[index].speedY)
        let (sx, sy) = (x - tracks[index].centerX, y - tracks[index].centerY)
        tracks[index].path += (sx * sx + sy * sy).squareRoot()
        place(index, sum, at: now)
        tracks[index].hits += 1
        tracks[index].meanScore += (sum.score - tracks[index].meanScore) / min(tracks[index].hits, 8)
        if sum.moving >= max(2, tuning.movedShare * sum.cells), !sum.isEvenStep(tuning.evenShare) {
            tracks[index].moved = now
            tracks[index].movedHits += 1
        }
        let track = tracks[index]
        let dx = way(
            track.left - track.firstLeft, track.right - track.firstRight, track.left <= 0, track.right >= lastX)
        let dy = way(
            track.top - track.firstTop, track.bottom - track.firstBottom, track.top <= 0, track.bottom >= lastY)
        tracks[index].distance = max(tracks[index].distance, (dx * dx + dy * dy).squareRoot())
    }

    /// How far a box has gone along an axis: as far as both its edges. At the picture's border one edge tells. What
    /// only grows or shrinks may be a swaying branch, or somebody who comes nearer: counts in part.
    private func way(_ low: Float, _ high: Float, _ atStart: Bool, _ atEnd: Bool) -> Float {
        if atStart != atEnd { return (atStart ? high : low).magnitude }
        let both = low * high > 0 ? min(low.magnitude, high.magnitude) : 0
        return max(both, tuning.growth * (low - high).magnitude)
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
        tracks[index].seen = now
        tracks[index].isSeen = true
    }

    private mutating func begin(_ region: Region, at now: Int64) -> Int {
        guard let index = tracks.firstIndex(where: { !$0.isActive }) else { return -1 }
        tracks[index] = Track()
        tracks[index].isActive = true
        place(index, region, at: now)
        tracks[index].firstLeft = Float(region.left)
        tracks[index].firstTop = Float(region.top)
        tracks[index].firstRight = Float(region.right)
        tracks[index].firstBottom = Float(region.bottom)
        tracks[index].born = now
        tracks[index].moved = now
        tracks[index].hits = 1
        tracks[index].movedHits = 1
        tracks[index].looks = 1
        tracks[index].meanScore = region.score
        return index
    }

    /// Forgets what was not seen for long, and finds out what is an object.
    private mutating func judge(at now: Int64, factor: Float, leastArea: Float) {
        for index in tracks.indices where tracks[index].isActive {
            let track = tracks[index]
            let unseen = Float(now - track.seen) / 1e6
            if unseen > (track.isConfirmed ? tuning.lostSeconds : tuning.flickerLostSeconds) {
                tracks[index].isActive = false
            } else if !track.isConfirmed, track.isSeen, track.area >= leastArea {
                tracks[index].isConfirmed = isObject(track, factor: factor)
            }
        }
    }

    private func isObject(_ track: Track, factor: Float) -> Bool {
        let life = Float(track.seen - track.born) / 1e6
        let isOften = track.hits >= tuning.confirmHits || (life > tuning.slowSeconds && track.hits >= 2)
        guard isOften, life >= tuning.confirmSeconds, track.hits >= tuning.presence * track.looks,
            track.movedHits >= tuning.movedHits * track.hits
        else { return false }
        let restless = max(track.restless - tuning.baseThreshold / tuning.deviations, 0)
        let demand = tuning.confirmDistance * factor * (1 + tuning.restlessDemand * restless)
        if track.distance >= demand, track.distance >= tuning.straight * track.path { return true }
        return life >= tuning.clearSeconds && track.meanScore >= tuning.clearScore * factor
    }
}
