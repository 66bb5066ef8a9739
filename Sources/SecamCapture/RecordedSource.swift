import SecamBase
import SecamMedia
import SecamWire

/// A recorded video, from a file or over HTTP, played at its own pace and in a loop. A single picture is read again every
/// second, so that it may change.
final class RecordedSource: PictureSource {
    /// Frames per second of a single picture.
    private static let stillRate = 1.0
    /// How far the pictures of an endless HTTP stream may come ahead of their times: it may send a buffer at first.
    private static let streamLead: Duration = .seconds(10)
    /// Number of attempts to read a single picture, which may be in the middle of a change.
    private static let stillAttempts = 5

    private let name: String
    private let reader: MediaReader
    private let pictures: MediaPictures
    private let loops: Bool
    private var clock: PlaybackClock
    /// The time between two readings of a single picture; `nil` for a video.
    private var stillInterval: Duration?
    private var stillFailures = 0
    /// When a single picture is read again.
    private var rereading: MonotonicTime?
    /// A frame that is not due yet.
    private var waiting: (frame: MediaFrame, due: MonotonicTime)?
    private var framesInLoop = 0

    var format: SourceFormat { pictures.format }

    /// - Parameter framesPerSecond: the rate that the user set; `nil` for the video's own times.
    convenience init(
        file path: String, framesPerSecond: Double?, timeout: Duration, _ cancellation: MediaCancellation
    ) throws(SourceFailure) {
        do throws(MediaError) {
            self.init(
                try MediaReader(url: path, options: .init(cameraTimeout: timeout), cancellation: cancellation),
                name: path, framesPerSecond)
        } catch {
            throw SourceFailure(error)
        }
    }

    /// - Parameter connection: an HTTP answer that is no JPEG.
    convenience init(_ connection: HTTPConnection, timeout: Duration) throws(SourceFailure) {
        do throws(MediaError) {
            self.init(
                try MediaReader(connection, options: .init(cameraTimeout: timeout)), name: connection.name, nil)
        } catch {
            throw SourceFailure(error)
        }
    }

    private init(_ reader: MediaReader, name: String, _ framesPerSecond: Double?) {
        self.reader = reader
        self.name = name
        // A file may claim an absurd rate.
        let ownRate = reader.format.framesPerSecond.flatMap { (0.01...1000).contains($0) ? $0 : nil }
        let rate = framesPerSecond ?? (reader.isSinglePicture ? Self.stillRate : ownRate ?? 25)
        loops = reader.isFinite
        if reader.isSinglePicture { stillInterval = Duration.seconds(1) / rate }
        pictures = MediaPictures(reader, framesPerSecond: rate)
        clock = PlaybackClock(
            framesPerSecond: rate, isFixed: framesPerSecond != nil,
            lead: reader.isFinite || reader.isPlaylist ? .zero : Self.streamLead)
    }

    func next(
        timeout: Duration, _ body: (Span<UInt8>, SourceFormat, _ timestamp: Int64) -> Void
    ) throws(SourceFailure) -> SourceOutcome {
        do throws(MediaError) {
            if let rereading {
                guard Pacing.wait(until: rereading, timeout: timeout) else { return .nothing }
                self.rereading = nil
                try readAgain()
            }
            if waiting == nil, let outcome = try read() { return outcome }
        } catch {
            if let outcome = retryStill() { return outcome }
            throw SourceFailure(error)
        }
        guard let (frame, due) = waiting, Pacing.wait(until: due, timeout: timeout) else { return .nothing }
        waiting = nil
        pictures.deliver(frame, time: MonotonicTime.now.microseconds, timestamp: WallClock.now, body)
        return .picture
    }

    /// Reads the next frame into `waiting`.
    ///
    /// - Returns: `nil`, or why there is none.
    private func read() throws(MediaError) -> SourceOutcome? {
        switch try reader.read() {
        case .frame(let frame):
            let time = frame.statedMicroseconds.map { Duration.microseconds($0) }
            let due = clock.due(time, now: .now)
            // The pace of a single picture is that of its readings.
            waiting = (frame, stillInterval == nil ? due : .now)
            framesInLoop += 1
            stillFailures = 0
            return nil
        case .damaged(let reason): return .damaged(reason)
        case .waiting(let reason): return .waiting(reason)
        case .end: return try endLoop()
        }
    }

    private func endLoop() throws(MediaError) -> SourceOutcome {
        guard framesInLoop > 0 else {
            if let outcome = retryStill() { return outcome }
            throw .noPicture(source: name)
        }
        guard loops else { throw .closed(source: name) }
        if framesInLoop == 1, stillInterval == nil { stillInterval = Duration.seconds(1) / Self.stillRate }
        guard let stillInterval else {
            try readAgain()
            return .nothing
        }
        rereading = .now + stillInterval
        return .nothing
    }

    private func readAgain() throws(MediaError) {
        framesInLoop = 0
        try reader.rewind()
        clock.restart()
    }

    /// Returns an outcome to try again to read a single picture; `nil` if it failed too often.
    private func retryStill() -> SourceOutcome? {
        guard let stillInterval, stillFailures < Self.stillAttempts else { return nil }
        stillFailures += 1
        rereading = .now + stillInterval
        return .nothing
    }
}
