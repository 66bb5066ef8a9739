import Glibc
import Logging
import SecamBase
import SecamProcess
import Synchronization

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// The standard error of one child: a pipe from which a thread copies lines to this program's standard error, within the
/// limits of `OutputLimiter`.
final class ChildLog: Sendable {
    /// The end that the child writes to. Starting the child closes it in this process.
    let input: Int32
    private let service: String
    private let logger: Logger
    /// The end that this process reads.
    private let output: Int32
    /// The descriptor that receives the lines.
    private let target: Int32
    /// Closing the write end wakes the thread.
    private let wake: (read: Int32, write: Int32)
    private let state = Mutex(State())

    private struct State {
        var hasEnded = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private static let chunkBytes = 64 << 10

    /// - Parameters:
    ///   - service: the child's name in the warning about suppressed lines.
    ///   - target: the descriptor that receives the lines.
    init(of service: String, logger: Logger, target: Int32 = 2) throws {
        self.target = target
        self.service = service
        self.logger = logger
        guard let (output, input) = Pipe.open() else { throw Errno(rawValue: errno) }
        guard let wake = Pipe.open() else {
            let error = Errno(rawValue: errno)
            close(output)
            close(input)
            throw error
        }
        self.output = output
        self.wake = wake
        self.input = input
        DedicatedThread.start { [self] in
            copyLines()
            close(output)
            close(wake.read)
            let waiter = state.withLock { state in
                state.hasEnded = true
                return state.waiter.take()
            }
            waiter?.resume()
        }
    }

    /// Copies the child's remaining lines, and closes the pipe even when another process still holds the other end. The
    /// caller calls it once.
    func finish() async {
        close(wake.write)
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.waiter = continuation }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    private func copyLines() {
        var limiter = OutputLimiter()
        var chunk = [UInt8](repeating: 0, count: Self.chunkBytes)
        while waitForBytes() {
            let count = unsafe read(output, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            for line in limiter.receive(chunk[..<count]) { write(line) }
            if let lines = limiter.takeSuppressed() { reportSuppressed(lines) }
        }
        if let line = limiter.finish() { write(line) }
        if let lines = limiter.takeSuppressed(hasEnded: true) { reportSuppressed(lines) }
    }

    /// - Returns: false when the child has ended and everything is read.
    private func waitForBytes() -> Bool {
        while true {
            var descriptors = [
                pollfd(fd: output, events: Int16(POLLIN), revents: 0), pollfd(fd: wake.read, events: 0, revents: 0),
            ]
            guard unsafe poll(&descriptors, 2, -1) >= 0 else {
                if errno == EINTR { continue }
                return false
            }
            return descriptors[0].revents != 0
        }
    }

    private func reportSuppressed(_ lines: UInt64) {
        logger.warning("service output suppressed", metadata: ["service": "\(service)", "lines": "\(lines)"])
    }

    /// Writes a line in one call, so that the lines of several processes do not mix.
    private func write(_ line: [UInt8]) {
        _ = unsafe line.withUnsafeBytes { unsafe Glibc.write(target, $0.baseAddress, $0.count) }
    }
}
