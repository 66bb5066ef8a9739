import SecamBase
import SecamMedia
import SecamMesh
import SecamPicture
import SecamSharedMemory
import SecamWire

/// A picture on its way from the device to the ring.
struct CapturedPicture: Sendable {
    let sequence: UInt64
    /// Time of capture, UTC microseconds.
    let timestamp: Int64
    let width: UInt16
    let height: UInt16
    /// Maximum width of its `sub` rendition, pixels.
    let subWidth: UInt16
    /// The camera's own JPEG, if demanded.
    let jpeg: ArraySlice<UInt8>?
    /// The luma map of a raw picture, if demanded: making it here costs less than sending the picture elsewhere.
    let luma: Map?
    /// The job for the encoders, if they have to make a rendition.
    let work: PictureWork?
    /// The job's number.
    let job: UInt64
    /// The renditions that the encoders have to make.
    let requested: RenditionSet

    /// Size of everything that the picture holds.
    var byteCount: Int { (jpeg?.count ?? 0) + (luma?.bytes.count ?? 0) + (work?.count ?? 0) }

    /// A luma map, rows without padding.
    struct Map: Sendable {
        let width: UInt16
        let height: UInt16
        let bytes: [UInt8]
    }
}

/// The renditions that the camera has to deliver at present, and how.
struct CaptureDemand: Sendable, Equatable {
    var renditions: RenditionSet = []
    /// Shortest time between two luma maps.
    var lumaInterval: Duration = .zero
    var quality: UInt8 = 80
    var subWidth: UInt16 = 640
}

/// An event that the capture thread delivers to the service.
enum CaptureEvent: Sendable {
    case picture(CapturedPicture)
    /// Pictures that were captured without a demand for this rendition.
    case skipped(Rendition, SequenceRange)
    case damaged(String)
    case state(CameraState, SourceFormat?, detail: String)
}

/// The thread that owns the device: opens it while pictures are demanded, reads it, and reopens it after a failure.
final class CaptureThread: Sendable {
    private let demands = BlockingQueue<CaptureDemand>()
    private let cancellation = MediaCancellation()

    /// - Parameters:
    ///   - passesDamaged: passes on JPEGs that are damaged, but can be shown.
    ///   - open: opens the source; it may block.
    ///   - memory: shared memory for raw pictures; `nil` for none.
    ///   - deliver: receives all events, on the capture thread.
    ///   - stopped: called when the thread ends.
    init(
        passesDamaged: Bool = false,
        open: @escaping @Sendable (MediaCancellation) throws(SourceFailure) -> any PictureSource,
        memory: PictureMemory? = nil,
        deliver: @escaping @Sendable (CaptureEvent) -> Void, stopped: @escaping @Sendable () -> Void
    ) {
        let demands = demands
        let cancellation = cancellation
        DedicatedThread.start {
            var loop = CaptureLoop(
                passesDamaged: passesDamaged, open: { () throws(SourceFailure) in try open(cancellation) },
                memory: memory, deliver: deliver, demands: demands)
            loop.run()
            stopped()
        }
    }

    func demand(_ demand: CaptureDemand) { demands.push(demand) }

    func stop() {
        cancellation.cancel()
        demands.close()
    }
}

/// The loop of the capture thread.
private struct CaptureLoop {
    /// Time without demand after which the device is closed; viewers come and go.
    static let idleTimeout: Duration = .seconds(3)
    /// Time with damaged pictures only, after which the source fails.
    static let damageTimeout: Duration = .seconds(5)
    /// Minimum number of damaged pictures before the source fails.
    static let minimumDamagedPictures = 3
    /// Time to wait for a picture before the next check for a changed demand.
    static let pictureTimeout: Duration = .milliseconds(200)

    let passesDamaged: Bool
    let open: @Sendable () throws(SourceFailure) -> any PictureSource
    let memory: PictureMemory?
    let deliver: @Sendable (CaptureEvent) -> Void
    let demands: BlockingQueue<CaptureDemand>
    var demand = CaptureDemand()
    var sequence: UInt64 = 0
    var lastJob: UInt64 = 0
    /// Capture time of the last luma map, UTC microseconds.
    var lastLuma: Int64?
    /// The last picture that was captured with a demand for each rendition.
    var lastDemanded: [Rendition: UInt64] = [:]
    /// The source failed and has delivered no picture since.
    var isFailing = false
    var retryPause = RetryPause()
    /// The present attempt to run the source: its first picture, its last good one, and the damaged ones since.
    var attempt = Attempt()
    var jpegChecks = JPEGCheckPolicy()
    let jpegDecoder = UprightJPEGDecoder()

    struct Attempt {
        var firstPicture: MonotonicTime?
        var lastGood = MonotonicTime.now
        var damaged = 0
        var format: SourceFormat?
        /// Why the source has no picture yet.
        var waitingFor: String?
        /// Why the current picture cannot be passed on.
        var problem: JPEGStructure.Problem?

        /// Whether the source may still deliver a first picture, by which it is known to work.
        var waitsForFirstPicture: Bool { waitingFor != nil && firstPicture == nil }
    }

    private var isWanted: Bool { !demand.renditions.isEmpty }

    /// Opens the device once at the start, so that a fault shows immediately. Afterwards opens it on demand, and while
    /// it fails, because it may be plugged in without a viewer.
    mutating func run() {
        var isProbing = true
        while true {
            guard isProbing || isWanted else {
                guard waitForDemand(timeout: nil) else { return }
                continue
            }
            // A source that keeps failing has been offline since its first failure, so it does not become `starting` again.
            if !isFailing { deliver(.state(.starting, nil, detail: "")) }
            var opened: (any PictureSource)?
            do throws(SourceFailure) {
                attempt = Attempt()
                jpegChecks = JPEGCheckPolicy()
                let source = try open()
                opened = source
                guard try stream(source) else { return }
                isProbing = false
            } catch {
                // Reported before the device is closed, because closing a device that hangs can take long.
                withExtendedLifetime(opened) { deliver(.state(.offline, nil, detail: error.description)) }
                opened = nil
                let length = attempt.firstPicture.map { attempt.lastGood - $0 }
                guard waitForDemands(for: retryPause.next(after: error.kind, run: length)) else { return }
                isProbing = true
                isFailing = true
            }
        }
    }

    /// Reads the source until it is no longer demanded.
    ///
    /// - Returns: `false` if the program stops.
    private mutating func stream(_ source: any PictureSource) throws(SourceFailure) -> Bool {
        var unwantedSince: MonotonicTime? = isWanted ? nil : MonotonicTime.now
        while true {
            guard waitForDemand(timeout: .zero) else { return false }
            if isWanted {
                unwantedSince = nil
            } else if let since = unwantedSince {
                if MonotonicTime.now - since > CaptureLoop.idleTimeout, !attempt.waitsForFirstPicture {
                    deliver(.state(.idle, source.format, detail: source.format.description))
                    return true
                }
            } else {
                unwantedSince = .now
            }
            attempt.problem = nil
            let outcome = try source.next(timeout: CaptureLoop.pictureTimeout) { bytes, format, timestamp in
                receive(bytes, timestamp, format)
            }
            switch outcome {
            case .damaged(let reason): try recordDamaged(reason)
            case .waiting(let reason): recordWaiting(reason)
            case .picture, .nothing:
                if let problem = attempt.problem { try record(problem) }
            }
        }
    }

    // MARK: Pictures

    /// Passes a picture on if viewers can show it.
    private mutating func receive(_ bytes: Span<UInt8>, _ timestamp: Int64, _ format: SourceFormat) {
        guard format.pixelFormat == .jpeg else { return accept(bytes, timestamp, format, nil) }
        let checksData = jpegChecks.checksData(byteCount: bytes.count)
        do throws(JPEGStructure.Problem) {
            let structure = try JPEGStructure(bytes, checksData: checksData)
            jpegChecks.recordWhole(byteCount: structure.byteCount)
            try receive(bytes, timestamp, format, structure)
        } catch {
            jpegChecks.recordDamaged()
            attempt.problem = error
            guard passesDamaged, let structure = try? JPEGStructure(bytes, checksData: false) else { return }
            try? receive(bytes, timestamp, format, structure)
        }
    }

    private mutating func receive(
        _ bytes: Span<UInt8>, _ timestamp: Int64, _ format: SourceFormat, _ structure: JPEGStructure
    ) throws(JPEGStructure.Problem) {
        guard max(structure.width, structure.height) <= WireLimits.side else {
            throw .unsupported(
                "a JPEG of \(structure.width)x\(structure.height); the limit is \(WireLimits.side) a side")
        }
        if structure.isDecodable, structure.orientation == 1 { return accept(bytes, timestamp, format, structure) }
        // Decoded here, because no other program shows such a picture, or shows it upright.
        guard
            let picture = jpegDecoder.decode(structure.completed(bytes), orientation: structure.orientation)
        else { throw .unsupported("a JPEG with unusual colours or subsampling that cannot be decoded") }
        let upright = SourceFormat(
            pixelFormat: .i420, width: picture.width, height: picture.height, bytesPerLine: 0,
            framesPerSecond: format.framesPerSecond, description: format.description + ", converted")
        accept(picture.bytes.span, timestamp, upright, nil)
    }

    private mutating func accept(
        _ bytes: Span<UInt8>, _ timestamp: Int64, _ format: SourceFormat, _ jpeg: JPEGStructure?
    ) {
        attempt.lastGood = .now
        attempt.damaged = 0
        // Only a picture proves that the source works: one that opens and then fails is still failing.
        if format != attempt.format {
            attempt.format = format
            if attempt.firstPicture == nil { attempt.firstPicture = .now }
            isFailing = false
            deliver(.state(.online, format, detail: format.description))
        }
        process(bytes, timestamp, format, jpeg)
    }

    private mutating func record(_ problem: JPEGStructure.Problem) throws(SourceFailure) {
        switch problem {
        case .damaged(let reason) where passesDamaged: deliver(.damaged(reason))
        case .damaged(let reason): try recordDamaged(reason)
        case .unsupported(let reason):
            throw SourceFailure(description: "the camera sends \(reason), which no viewer can show")
        }
    }

    private mutating func recordDamaged(_ reason: String) throws(SourceFailure) {
        sequence += 1
        attempt.damaged += 1
        recordDemanded(demand.renditions)
        deliver(.damaged(reason))
        guard attempt.damaged >= CaptureLoop.minimumDamagedPictures,
            MonotonicTime.now - attempt.lastGood > CaptureLoop.damageTimeout
        else { return }
        throw SourceFailure(
            description:
                "\(attempt.damaged) pictures in succession are damaged: \(reason). Check the camera and its cable")
    }

    private mutating func recordWaiting(_ reason: String) {
        guard reason != attempt.waitingFor, attempt.firstPicture == nil else { return }
        attempt.waitingFor = reason
        if !isFailing { deliver(.state(.starting, nil, detail: reason)) }
    }

    private mutating func process(
        _ bytes: Span<UInt8>, _ timestamp: Int64, _ format: SourceFormat, _ jpeg: JPEGStructure?
    ) {
        sequence += 1
        guard isWanted else { return }
        var requested = demand.renditions
        if requested.contains(.luma), !isLumaDue(at: timestamp) { requested.remove(.luma) }
        recordDemanded(requested)
        let size = jpeg.map { ($0.width, $0.height) } ?? (format.width, format.height)
        let wantsJPEG = jpeg != nil && requested.contains(.jpeg)
        if jpeg != nil { requested.remove(.jpeg) }
        guard wantsJPEG || !requested.isEmpty else { return }
        // Copied, because the device's buffer goes back to the driver.
        let whole = jpeg?.completed(bytes)
        do throws(PictureError) {
            let luma = jpeg == nil && requested.contains(.luma) ? try makeMap(bytes, format) : nil
            if luma != nil { requested.remove(.luma) }
            let work = requested.isEmpty ? nil : try makeWork(bytes, whole, format, size, requested)
            deliver(
                .picture(
                    CapturedPicture(
                        sequence: sequence, timestamp: timestamp, width: UInt16(size.0), height: UInt16(size.1),
                        subWidth: demand.subWidth, jpeg: wantsJPEG ? whole?[...] : nil, luma: luma, work: work,
                        job: lastJob, requested: requested)))
        } catch {
            deliver(.damaged("\(error)"))
        }
    }

    /// Records the demand for the present picture. For each of these renditions, reports the pictures since the last
    /// demand for it.
    private mutating func recordDemanded(_ renditions: RenditionSet) {
        for rendition in Rendition.allCases where renditions.contains(rendition) {
            if let skipped = SequenceRange((lastDemanded[rendition] ?? 0) + 1, through: sequence - 1) {
                deliver(.skipped(rendition, skipped))
            }
            lastDemanded[rendition] = sequence
        }
    }

    private mutating func isLumaDue(at timestamp: Int64) -> Bool {
        let interval = demand.lumaInterval.microseconds
        let isDue = lastLuma.map { FrameInterval.isDue(timestamp, after: $0, every: interval) } ?? true
        if isDue { lastLuma = timestamp }
        return isDue
    }

    private func makeMap(
        _ bytes: Span<UInt8>, _ format: SourceFormat
    ) throws(PictureError) -> CapturedPicture.Map {
        let factor = LumaMap.factor(width: format.width, height: format.height)
        let size = LumaMap.size(width: format.width, height: format.height, factor: factor)
        var map = [UInt8](repeating: 0, count: size.width * size.height)
        var span = map.mutableSpan
        try LumaMap.average(bytes, layout: try layout(of: format), factor: factor, into: &span)
        return CapturedPicture.Map(width: UInt16(size.width), height: UInt16(size.height), bytes: map)
    }

    private func layout(of format: SourceFormat) throws(PictureError) -> PictureLayout {
        try PictureLayout(
            format: format.pixelFormat, width: format.width, height: format.height,
            bytesPerLine: format.bytesPerLine == 0 ? nil : format.bytesPerLine)
    }

    /// Returns the job for the encoders. The picture is repacked straight into shared memory or, without it, into the
    /// message: the only copy on its way out.
    ///
    /// - Parameter jpeg: the picture as a complete JPEG; `nil` for a raw one.
    private mutating func makeWork(
        _ bytes: Span<UInt8>, _ jpeg: [UInt8]?, _ format: SourceFormat, _ size: (width: Int, height: Int),
        _ requested: RenditionSet
    ) throws(PictureError) -> PictureWork {
        let packed = Repack.result(of: format.pixelFormat)
        // Unpredictable, so that only an encoder that received the picture can answer for it.
        lastJob &+= UInt64.random(in: 1...1 << 32)
        let header = Work(
            job: lastJob, renditions: requested, quality: demand.quality, subWidth: demand.subWidth,
            format: packed ?? .jpeg, width: UInt16(size.width), height: UInt16(size.height))
        if let jpeg { return .message(MeshMessage(header.encoded(payload: jpeg.count), payload: jpeg[...])) }
        let layout = try layout(of: format)
        let count = Repack.byteCount(of: layout)
        let slot = try memory?.slot(length: count, now: .now) {
            (target: inout MutableSpan<UInt8>) throws(PictureError) in
            try Repack.copy(bytes, layout: layout, into: &target)
        }
        if let slot { return .slot(header: header, slot) }
        let message = try MeshMessage(header.encoded(payload: count), count: count) {
            (target: inout MutableSpan<UInt8>) throws(PictureError) in
            try Repack.copy(bytes, layout: layout, into: &target)
        }
        return .message(message)
    }

    /// Handles changes of the demand for a time.
    ///
    /// - Returns: `false` if the program stops.
    private mutating func waitForDemands(for duration: Duration) -> Bool {
        let end = MonotonicTime.now + duration
        while true {
            let rest = end - .now
            guard rest > .zero else { return true }
            guard waitForDemand(timeout: rest) else { return false }
        }
    }

    /// Waits for a change of the demand, then takes the last one that is queued.
    ///
    /// - Parameter timeout: for the first change; `nil` for no limit.
    /// - Returns: `false` if the program stops.
    private mutating func waitForDemand(timeout: Duration?) -> Bool {
        var timeout = timeout
        while true {
            switch demands.pop(timeout: timeout) {
            case .element(let demand): self.demand = demand
            case .timedOut: return true
            case .closed: return false
            }
            timeout = .zero
        }
    }
}
