import Glibc
import SecamBase

/// A writer of unchanged Motion JPEG to a Matroska file, with the time of every frame.
///
/// libavformat keeps the index in memory until the end, some 40 bytes per frame, so long recordings should be split.
///
/// A truncated file can be played up to its last whole cluster, which is at most one second long. An incomplete cluster
/// is in memory until ``flush()``.
package final class MatroskaWriter {
    /// Maximum duration of a cluster; large frames have a cluster each.
    static let clusterDuration: Duration = .milliseconds(999)
    private static let largestFrame = 64 << 20
    /// Maximum time from the start to the last frame; a longer one means a wrong clock.
    private static let longestDuration: Duration = .seconds(366 * 86_400)
    /// Permissions of a new file: recordings are private.
    package static let permissions: UInt32 = MatroskaFile.mode
    /// Allowed start times, UTC microseconds: up to the year 9999, the last that a date can express.
    package static let startTimes: ClosedRange<Int64> = 0...253_402_300_799 * 1_000_000

    package let path: String
    /// Number of frames written so far.
    package private(set) var frameCount = 0

    private let file: MatroskaFile
    private let startMicroseconds: Int64
    private var lastMicroseconds: Int64
    private var isFinished = false
    private var failure: MediaError?

    /// Creates the file and writes its header.
    ///
    /// - Parameters:
    ///   - width: pixels, as a hint for players; each JPEG has its own size.
    ///   - startMicroseconds: UTC since 1970; the file's date, and the time 0 of its frames. Players show it as DateUTC
    ///     (creation_time).
    ///   - title: a title for users, such as the camera's name; may be empty.
    ///   - tags: further names and values, for programs.
    ///   - container: the container format.
    ///   - replacing: overwrites an existing file, which is an error otherwise.
    package init(
        path: String, width: Int, height: Int, startMicroseconds: Int64, title: String = "",
        tags: KeyValuePairs<String, String> = [:], container: VideoContainer = .matroska, replacing: Bool = false
    ) throws(MediaError) {
        guard (1...MediaReader.largestSide).contains(width), (1...MediaReader.largestSide).contains(height) else {
            throw .pictureTooLarge(source: path, width: width, height: height)
        }
        guard Self.startTimes.contains(startMicroseconds) else {
            throw .invalidFrame(path: path, reason: "the start time \(startMicroseconds) µs is out of range")
        }
        self.path = path
        self.startMicroseconds = startMicroseconds
        lastMicroseconds = startMicroseconds
        file = try MatroskaFile(path: path, container: container, replacing: replacing)
        do {
            file.setMetadata("creation_time", Self.iso8601(startMicroseconds))
            if !title.isEmpty { file.setMetadata("title", title) }
            for (name, value) in tags { file.setMetadata(name, value) }
            try file.writeHeader(width: width, height: height, clusterDuration: Self.clusterDuration)
        } catch {
            // A file without a header is useless.
            if !replacing { unsafe unlink(path) }
            throw error
        }
    }

    deinit {
        // The error has no receiver here, and the file can be played without its index.
        try? finish()
    }

    /// Appends a frame.
    ///
    /// - Parameters:
    ///   - jpeg: a complete JPEG, written unchanged.
    ///   - timestampMicroseconds: UTC since 1970, not earlier than the previous frame; stored in milliseconds.
    /// - Throws: ``MediaError/outOfOrder(path:lastMicroseconds:givenMicroseconds:)`` and
    ///   ``MediaError/invalidFrame(path:reason:)`` leave the file unchanged. After any other error it cannot be
    ///   written.
    package func write(jpeg: RawSpan, timestampMicroseconds: Int64) throws(MediaError) {
        try requireUsable()
        try validate(jpeg)
        guard timestampMicroseconds >= lastMicroseconds else {
            throw .outOfOrder(
                path: path, lastMicroseconds: lastMicroseconds, givenMicroseconds: timestampMicroseconds)
        }
        guard timestampMicroseconds <= startMicroseconds + Self.longestDuration.microseconds else {
            throw .invalidFrame(path: path, reason: "its time is more than a year after the start of the file")
        }
        let milliseconds = (timestampMicroseconds - startMicroseconds + 500) / 1000
        try attempt { () throws(MediaError) in try file.write(jpeg, milliseconds: milliseconds) }
        lastMicroseconds = timestampMicroseconds
        frameCount += 1
    }

    /// Ends the cluster and passes all data to the system, so that it can be read.
    package func flush() throws(MediaError) {
        try requireUsable()
        try attempt { () throws(MediaError) in try file.flush() }
    }

    /// Flushes the file and waits until it is on the disk (fdatasync).
    package func synchronize() throws(MediaError) {
        try flush()
        try attempt { () throws(MediaError) in try file.synchronize() }
    }

    /// Writes the index and the duration, and closes the file. Further calls have no effect.
    package func finish() throws(MediaError) {
        guard !isFinished else { return }
        isFinished = true
        if let failure { throw failure }
        try file.end()
    }

    /// Closes the file without the data in memory, because another writer owns it now.
    package func abandon() { isFinished = true }

    private func requireUsable() throws(MediaError) {
        if let failure { throw failure }
        if isFinished { throw .finished(path: path) }
    }

    /// Runs a write and remembers its failure. Later writes fail too, because the file has a gap.
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
            throw .invalidFrame(
                path: path, reason: "\(jpeg.byteCount) bytes exceed the maximum of \(Self.largestFrame)")
        }
        let isJPEG = unsafe jpeg.withUnsafeBytes { unsafe $0.count >= 4 && $0[0] == 0xff && $0[1] == 0xd8 }
        guard isJPEG else { throw .invalidFrame(path: path, reason: "not a JPEG") }
    }

    /// Returns a time such as `2026-01-02T03:04:05.678901Z`.
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
