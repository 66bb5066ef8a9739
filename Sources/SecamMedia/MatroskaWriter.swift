import Glibc

/// Records Motion JPEG as it is into a Matroska file, with the time of every frame.
///
/// libavformat keeps the index in memory until the end, some 40 bytes a frame: a long recording is best split.
///
/// The file can be played up to the last whole cluster wherever it is cut off; a cluster is at most
/// one second. What is not yet a whole cluster is in memory until ``flush()``.
package final class MatroskaWriter {
    /// How much of the recording a cluster holds at most; large frames have one each.
    private static let clusterMilliseconds: Int64 = 999
    private static let largestFrame = 64 << 20
    /// From the start to the last frame; more is a wrong clock.
    private static let longestMicroseconds: Int64 = 366 * 86_400 * 1_000_000
    /// UTC microseconds at which a file can begin: up to the year 9999, the last that a date can be written for.
    package static let startTimes: ClosedRange<Int64> = 0...253_402_300_799 * 1_000_000

    /// Where it is written.
    package let path: String
    /// How many frames are in it so far.
    package private(set) var frameCount = 0

    private let file: MatroskaFile
    private let startMicroseconds: Int64
    private var lastMicroseconds: Int64
    private var isFinished = false
    private var failure: MediaError?

    /// Creates the file and writes its head.
    ///
    /// - Parameters:
    ///   - width: pixels; for players, each JPEG has its own.
    ///   - startMicroseconds: UTC since 1970; the file's date, and the time 0 of its frames. A player shows it as
    ///     DateUTC (creation_time).
    ///   - title: for people, such as the camera's name; may be empty.
    ///   - tags: further names and values, for programs.
    ///   - container: another than Matroska, for programs that do not know that.
    ///   - replacing: whether a file that exists is overwritten; otherwise it is an error.
    package init(
        path: String, width: Int, height: Int, startMicroseconds: Int64, title: String = "",
        tags: KeyValuePairs<String, String> = [:], container: VideoContainer = .matroska, replacing: Bool = false
    ) throws(MediaError) {
        guard (1...MediaReader.largestSide).contains(width), (1...MediaReader.largestSide).contains(height) else {
            throw .pictureTooLarge(source: path, width: width, height: height)
        }
        guard Self.startTimes.contains(startMicroseconds) else {
            throw .invalidFrame(path: path, reason: "it cannot begin at \(startMicroseconds) µs since 1970")
        }
        self.path = path
        self.startMicroseconds = startMicroseconds
        lastMicroseconds = startMicroseconds
        file = try MatroskaFile(path: path, container: container, replacing: replacing)
        do {
            file.setMetadata("creation_time", Self.iso8601(startMicroseconds))
            if !title.isEmpty { file.setMetadata("title", title) }
            for (name, value) in tags { file.setMetadata(name, value) }
            try file.begin(width: width, height: height, clusterMilliseconds: Self.clusterMilliseconds)
        } catch {
            // A file without a head is of no use to anybody.
            if !replacing { unsafe unlink(path) }
            throw error
        }
    }

    deinit {
        // An error has nobody left to tell, and the file plays without its index too.
        try? finish()
    }

    /// Appends a frame.
    ///
    /// - Parameters:
    ///   - jpeg: a complete JPEG; written as it is.
    ///   - timestampMicroseconds: UTC since 1970, not before the frame before it; kept to the millisecond.
    /// - Throws: ``MediaError/outOfOrder(path:lastMicroseconds:givenMicroseconds:)`` and
    ///   ``MediaError/invalidFrame(path:reason:)`` leave the file as it was; after any other error it takes no more.
    package func write(jpeg: RawSpan, timestampMicroseconds: Int64) throws(MediaError) {
        try requireUsable()
        try validate(jpeg)
        guard timestampMicroseconds >= lastMicroseconds else {
            throw .outOfOrder(
                path: path, lastMicroseconds: lastMicroseconds, givenMicroseconds: timestampMicroseconds)
        }
        guard timestampMicroseconds <= startMicroseconds + Self.longestMicroseconds else {
            throw .invalidFrame(path: path, reason: "its time is more than a year after the start")
        }
        let milliseconds = (timestampMicroseconds - startMicroseconds + 500) / 1000
        try attempt { () throws(MediaError) in try file.write(jpeg, milliseconds: milliseconds) }
        lastMicroseconds = timestampMicroseconds
        frameCount += 1
    }

    /// Ends the cluster and hands everything written so far to the system: from then on it can be read.
    package func flush() throws(MediaError) {
        try requireUsable()
        try attempt { () throws(MediaError) in try file.flush() }
    }

    /// ``flush()``, and waits until all of it is on the disk (fdatasync).
    package func synchronize() throws(MediaError) {
        try flush()
        try attempt { () throws(MediaError) in try file.synchronize() }
    }

    /// Writes the index and the length, and closes the file. Again, it does nothing.
    package func finish() throws(MediaError) {
        guard !isFinished else { return }
        isFinished = true
        if let failure { throw failure }
        try file.end()
    }

    /// Closes the file as it is, without what is still in memory. For one that has become somebody else's.
    package func abandon() { isFinished = true }

    private func requireUsable() throws(MediaError) {
        if let failure { throw failure }
        if isFinished { throw .finished(path: path) }
    }

    /// What failed once is not tried again: the file has a hole there.
    private func attempt(_ body: () throws(MediaError) -> Void) throws(MediaError) {
        do {
            try body()
        } catch {
            failure = error
            throw error
        }
    }

    private func validate(_ jpeg: RawSpan) throws(MediaError) {
        guard jpeg.byteCount <= Self.largestFrame else {
            throw .invalidFrame(path: path, reason: "\(jpeg.byteCount) bytes are more than \(Self.largestFrame)")
        }
        let isJPEG = unsafe jpeg.withUnsafeBytes { unsafe $0.count >= 4 && $0[0] == 0xff && $0[1] == 0xd8 }
        guard isJPEG else { throw .invalidFrame(path: path, reason: "it is no JPEG") }
    }

    /// Such as `2026-01-02T03:04:05.678901Z`.
    static func iso8601(_ microseconds: Int64) -> String {
        let (second, micro) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        var time = time_t(second)
        var parts = unsafe tm()
        unsafe gmtime_r(&time, &parts)
        let date = unsafe [(Int(parts.tm_year) + 1900, 4), (Int(parts.tm_mon) + 1, 2), (Int(parts.tm_mday), 2)]
        let clock = unsafe [Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec)]
        func padded(_ number: Int, _ digits: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        return date.map(padded).joined(separator: "-") + "T" + clock.map { padded($0, 2) }.joined(separator: ":")
            + ".\(padded(Int(micro), 6))Z"
    }
}
