import Dispatch
import Glibc
import SecamMedia
import SecamWire
import Synchronization

/// Writes one camera's frames, unchanged, to a Matroska or MP4 file on a dispatch queue of its own.
///
/// The queue is bounded: when the disk is too slow, the recorder drops and counts frames, and delays no other work.
final class Recorder: Sendable {
    /// Bytes of frames in the queue.
    static let byteLimit = 64 << 20
    /// Frames in the queue.
    static let frameLimit = 1024

    private struct Waiting: Sendable {
        var frames: [ReceivedFrame] = []
        var bytes = 0
        var isScheduled = false
        var hasFailed = false
    }

    private let waiting = Mutex(Waiting())
    private let queue = DispatchQueue(label: "secam-view.recorder")
    private let file: Mutex<RecordingFile>
    private let failed: @Sendable (ClientError) -> Void

    /// - Parameter failed: called at most once, on the recorder's dispatch queue.
    /// - Throws: `fileExists` unless `replacing`; `file`.
    init(
        path: String, camera: Name, replacing: Bool, failed: @escaping @Sendable (ClientError) -> Void
    ) throws(ClientError) {
        file = Mutex(try RecordingFile(path: path, title: camera.text, replacing: replacing))
        self.failed = failed
    }

    /// Hands over a frame. It never blocks.
    ///
    /// - Returns: false when the queue is full and the frame is dropped.
    func offer(_ frame: ReceivedFrame) -> Bool {
        enum Answer { case queued, schedule, full }
        let answer: Answer = waiting.withLock { waiting in
            if waiting.hasFailed { return .queued }
            guard waiting.frames.count < Self.frameLimit, waiting.bytes + frame.payload.count <= Self.byteLimit else {
                return .full
            }
            waiting.frames.append(frame)
            waiting.bytes += frame.payload.count
            defer { waiting.isScheduled = true }
            return waiting.isScheduled ? .queued : .schedule
        }
        if answer == .schedule { queue.async { self.drain() } }
        return answer != .full
    }

    private func drain() {
        let frames = waiting.withLock { waiting in
            defer {
                waiting.frames = []
                waiting.isScheduled = false
            }
            return waiting.frames
        }
        for frame in frames {
            write(frame)
            waiting.withLock { $0.bytes -= frame.payload.count }
        }
    }

    private func write(_ frame: ReceivedFrame) {
        guard !waiting.withLock({ $0.hasFailed }) else { return }
        do {
            try file.withLock { file throws(ClientError) in try file.write(frame) }
        } catch {
            waiting.withLock { $0.hasFailed = true }
            failed(error)
        }
    }

    /// Writes the frames in the queue and completes the file.
    func finish() throws(ClientError) {
        queue.sync {}
        try file.withLock { file throws(ClientError) in try file.finish() }
    }

    /// Returns `file` for a single camera; otherwise with the camera's name before the extension.
    static func path(_ file: String, camera: Name, isOnly: Bool) -> String {
        isOnly ? file : insert("-\(camera.text)", into: file)
    }

    static func insert(_ text: String, into file: String) -> String {
        let nameStart = file.lastIndex(of: "/").map { file.index(after: $0) } ?? file.startIndex
        guard let dot = file[nameStart...].lastIndex(of: "."), dot > nameStart else { return file + text }
        return "\(file[..<dot])\(text)\(file[dot...])"
    }
}
