import Dispatch
import Glibc
import SecamMedia
import SecamWire
import Synchronization

/// Writes one camera's frames, as they are, to a Matroska file on a queue of its own.
///
/// The queue is bounded: when the disk is too slow, frames are left out of the recording and counted, and nothing else
/// waits.
final class Recorder: Sendable {
    /// Bytes of frames that may wait for the disk.
    static let byteLimit = 64 << 20
    /// Frames that may wait for the disk.
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

    /// - Parameter failed: called at most once, on the recorder's queue.
    /// - Throws: `fileExists` unless `replacing`; `file`.
    init(
        path: String, camera: Name, replacing: Bool, failed: @escaping @Sendable (ClientError) -> Void
    ) throws(ClientError) {
        file = Mutex(try RecordingFile(path: path, title: camera.text, replacing: replacing))
        self.failed = failed
    }

    /// Never waits.
    ///
    /// - Returns: false when the frame is left out because too much waits for the disk.
    func offer(_ frame: ReceivedFrame) -> Bool {
        enum Answer { case taken, schedule, full }
        let answer: Answer = waiting.withLock { waiting in
            if waiting.hasFailed { return .taken }
            guard waiting.frames.count < Self.frameLimit, waiting.bytes + frame.payload.count <= Self.byteLimit else {
                return .full
            }
            waiting.frames.append(frame)
            waiting.bytes += frame.payload.count
            defer { waiting.isScheduled = true }
            return waiting.isScheduled ? .taken : .schedule
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

    /// Writes what waits and completes the file.
    func finish() throws(ClientError) {
        queue.sync {}
        try file.withLock { file throws(ClientError) in try file.finish() }
    }

    /// `FILE` for one camera; with several, the camera's name goes before the extension.
    static func path(_ file: String, camera: Name, isOnly: Bool) -> String {
        isOnly ? file : insert("-\(camera.text)", into: file)
    }

    static func insert(_ text: String, into file: String) -> String {
        let nameStart = file.lastIndex(of: "/").map { file.index(after: $0) } ?? file.startIndex
        guard let dot = file[nameStart...].lastIndex(of: "."), dot > nameStart else { return file + text }
        return "\(file[..<dot])\(text)\(file[dot...])"
    }
}
