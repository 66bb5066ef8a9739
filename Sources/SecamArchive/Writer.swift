import Logging
import SecamBase
import SecamRecording
import SecamWire

extension RecordingStore {
    /// The parts from which the writing thread makes its store.
    struct Configuration: Sendable {
        let index: RecordingIndex
        let writer: String
        let limits: StorageQuota
        let logger: Logger
        /// Held while the archive writes.
        let lock: VolumeLock
    }
}

/// The thread that writes to the disk, so that a slow disk does not delay the mesh.
final class Writer: Sendable {
    private let commands = BlockingQueue<WriterCommand>()
    private let ended = AsyncStream<Void>.makeStream()

    /// Starts the thread.
    ///
    /// - Parameter report: called on the writing thread.
    init(_ configuration: RecordingStore.Configuration, report: @escaping @Sendable (WriterReport) -> Void) {
        let commands = commands
        let ended = ended.continuation
        let compressor = Compressor { commands.push(.compressed($0, $1)) }
        DedicatedThread.start {
            WriterLoop(configuration: configuration, commands: commands, compressor: compressor, report: report).run()
            compressor.stop()
            ended.finish()
        }
    }

    /// Adds a command. Cameras take turns, so that one with many commands or large frames does not delay the others.
    func add(_ command: WriterCommand) {
        commands.push(command, for: command.camera?.text ?? "", cost: 1 + command.byteCount / Writer.bytesPerTurn)
    }

    /// The bytes of a frame for which its camera waits one turn: most frames are smaller.
    private static let bytesPerTurn = 256 << 10

    /// Executes the waiting commands, completes all segments and ends the thread.
    func stop() { commands.close() }

    func waitUntilStopped() async { for await _ in ended.stream {} }
}
