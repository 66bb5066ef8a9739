import SecamBase
import SecamMedia
import SecamMesh
import SecamPicture
import SecamWire

/// A picture on its way from the device to the ring.
struct CapturedPicture: Sendable {
    let sequence: UInt64
    /// Time of the capture, UTC microseconds.
    let timestamp: Int64
    let width: UInt16
    let height: UInt16
    /// The camera's own JPEG, when somebody wants it.
    let jpeg: ArraySlice<UInt8>?
    /// Of a raw picture, when somebody wants it: to make it here costs less than to send the picture elsewhere.
    let luma: Map?
    /// The job for the encoders, when they are to make something.
    let work: MeshMessage?
    /// The job's number.
    let job: UInt64
    let asked: RenditionSet

    /// Of everything that it holds.
    var byteCount: Int { (jpeg?.count ?? 0) + (luma?.bytes.count ?? 0) + (work?.count ?? 0) }

    /// A small picture of the brightness alone, rows without padding.
    struct Map: Sendable {
        let width: UInt16
        let height: UInt16
        let bytes: [UInt8]
    }
}

/// What the camera is to deliver at present.
struct CaptureDemand: Sendable, Equatable {
    var renditions: RenditionSet = []
    /// Least microseconds between two luma maps.
    var lumaInterval: Int64 = 0
    var quality: UInt8 = 80
    var subWidth: UInt16 = 640
}

/// What the capture thread tells the service.
enum CaptureEvent: Sendable {
    case picture(CapturedPicture)
    case damaged(String)
    case state(CameraState, SourceFormat?, detail: String)
}

/// The thread that owns the device: opens it while somebody needs pictures, reads it, and opens it again when it
/// was lost.
final class CaptureThread: Sendable {
    enum Command: Sendable {
        case demand(CaptureDemand)
    }

    private let commands = BlockingQueue<Command>()
    private let cancellation = MediaCancellation()

    /// - Parameters:
    ///   - open: opens the source; it may block.
    ///   - deliver: is told everything, on the capture thread.
    init(
        open: @escaping @Sendable (MediaCancellation) throws(SourceFailure) -> any PictureSource,
        deliver: @escaping @Sendable (CaptureEvent) -> Void, stopped: @escaping @Sendable () -> Void
    ) {
        let commands = commands
        let cancellation = cancellation
        DedicatedThread.start {
            var loop = CaptureLoop(
                open: { () throws(SourceFailure) in try open(cancellation) }, deliver: deliver, commands: commands)
            loop.run()
            stopped()
        }
    }

    func demand(_ demand: CaptureDemand) { commands.push(.demand(demand)) }

    func stop() {
        cancellation.cancel()
        commands.close()
    }
}

/// What the capture thread does.
private struct CaptureLoop {
    /// Microseconds without demand after which the device is stopped; viewers come and go.
    static let linger: Int64 = 3_000_000
    /// Microseconds between two tries to open a source that fails: the first and the longest.
    static let firstPause: Int64 = 250_000
    static let longestPause: Int64 = 5_000_000
    /// Microseconds to wait for a picture before looking at the commands again.
    static let patience: Int64 = 200_000

    let open: @Sendable () throws(SourceFailure) -> any PictureSource
    let deliver: @Sendable (CaptureEvent) -> Void
    let commands: BlockingQueue<CaptureThread.Command>
    var demand = CaptureDemand()
    var sequence: UInt64 = 0
    var lastJob: UInt64 = 0
    var lastLuma = Int64.min
    /// The source failed, and has given no picture since.
    var isFailing = false
    /// Microseconds before the next try.
    var pause = firstPause

    private var isWanted: Bool { !demand.renditions.isEmpty }

    /// Opens the device once at the start, so that people see at once whether it works; then whenever it is needed, and
    /// while it fails, since somebody may plug it in while nobody watches.
    mutating func run() {
        var isProbing = true
        while true {
            guard isProbing || isWanted else {
                guard waitForCommand(nil) else { return }
                continue
            }
            // While it fails it stays offline, since when it failed first.
            if !isFailing { deliver(.state(.starting, nil, detail: "")) }
            var opened: (any PictureSource)?
            do throws(SourceFailure) {
                let source = try open()
                opened = source
                guard try stream(source) else { return }
                isProbing = false
            } catch {
                // Said before the device is closed, which can take as long as it hangs.
                withExtendedLifetime(opened) { deliver(.state(.offline, nil, detail: error.description)) }
                opened = nil
                guard waitOut(pause) else { return }
                pause = min(pause * 2, CaptureLoop.longestPause)
                isProbing = true
                isFailing = true
            }
        }
    }

    /// Reads the source until nobody needs it; `false` when the program stops.
    private mutating func stream(_ source: any PictureSource) throws(SourceFailure) -> Bool {
        // Only a picture shows that it works: a source that opens and then fails is still failing.
        var shown: SourceFormat?
        var unwantedSince: MonotonicTime? = isWanted ? nil : MonotonicTime.now
        while true {
            guard waitForCommand(0) else { return false }
            if isWanted {
                unwantedSince = nil
            } else if let since = unwantedSince {
                if MonotonicTime.now.since(since) > CaptureLoop.linger {
                    deliver(.state(.idle, source.format, detail: source.format.description))
                    return true
                }
            } else {
                unwantedSince = .now
            }
            let outcome = try source.next(waiting: CaptureLoop.patience) { bytes, format, timestamp in
                if format != shown {
                    shown = format
                    pause = CaptureLoop.firstPause
                    isFailing = false
                    deliver(.state(.online, format, detail: format.description))
                }
                take(bytes, timestamp, format)
            }
            if case .damaged(let reason) = outcome {
                sequence += 1
                deliver(.damaged(reason))
            }
        }
    }

    private mutating func take(_ bytes: Span<UInt8>, _ timestamp: Int64, _ format: SourceFormat) {
        sequence += 1
        guard isWanted else { return }
        let isJPEG = format.pixelFormat == .jpeg
        var asked = demand.renditions
        if asked.contains(.luma) {
            // Cameras are not exact: a frame a little early counts as due.
            let isDue = lastLuma == .min || abs(timestamp - lastLuma) >= demand.lumaInterval - 4000
            if isDue { lastLuma = timestamp } else { asked.remove(.luma) }
        }
        // The copy out of the device's buffer, which goes back to the driver.
        let jpeg = isJPEG && asked.contains(.jpeg) ? copy(bytes) : nil
        if isJPEG { asked.remove(.jpeg) }
        guard jpeg != nil || !asked.isEmpty else { return }
        do throws(PictureError) {
            let luma = !isJPEG && asked.contains(.luma) ? try makeMap(bytes, format) : nil
            if luma != nil { asked.remove(.luma) }
            let work = asked.isEmpty ? nil : try makeWork(bytes, format, asked)
            deliver(
                .picture(
                    CapturedPicture(
                        sequence: sequence, timestamp: timestamp, width: UInt16(format.width),
                        height: UInt16(format.height), jpeg: jpeg, luma: luma, work: work, job: lastJob,
                        asked: asked)))
        } catch {
            deliver(.damaged("\(error)"))
        }
    }

    private func copy(_ bytes: Span<UInt8>) -> ArraySlice<UInt8> {
        [UInt8](copying: bytes)[...]
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

    /// The message for the encoders. The picture is repacked straight into it: the only copy on its way out.
    private mutating func makeWork(
        _ bytes: Span<UInt8>, _ format: SourceFormat, _ asked: RenditionSet
    ) throws(PictureError) -> MeshMessage {
        let packed = Repack.result(of: format.pixelFormat)
        // Not to be guessed: whoever answers for a picture must have been given it.
        lastJob &+= UInt64.random(in: 1...1 << 32)
        let header = Work(
            job: lastJob, renditions: asked, quality: demand.quality, subWidth: demand.subWidth,
            format: packed ?? .jpeg, width: UInt16(format.width), height: UInt16(format.height))
        guard packed != nil else {
            return MeshMessage(header.encoded(payload: bytes.count), payload: copy(bytes))
        }
        let layout = try layout(of: format)
        let count = Repack.byteCount(of: layout)
        return try MeshMessage(header.encoded(payload: count), count: count) {
            (payload: inout MutableSpan<UInt8>) throws(PictureError) in
            try Repack.copy(bytes, layout: layout, into: &payload)
        }
    }

    /// Takes commands for that long; `false` when the program stops.
    private mutating func waitOut(_ microseconds: Int64) -> Bool {
        let end = MonotonicTime.now.advanced(byMicroseconds: microseconds)
        while true {
            let rest = end.since(.now)
            guard rest > 0 else { return true }
            guard waitForCommand(rest) else { return false }
        }
    }

    /// Takes all commands that are there, waiting for the first one; `false` when the program stops.
    private mutating func waitForCommand(_ microseconds: Int64?) -> Bool {
        var waiting = microseconds
        while true {
            switch commands.pop(waiting: waiting) {
            case .element(.demand(let demand)): self.demand = demand
            case .timedOut: return true
            case .closed: return false
            }
            waiting = 0
        }
    }
}
