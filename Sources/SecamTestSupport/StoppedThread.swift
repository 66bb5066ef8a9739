import CLinux
import Foundation
import Glibc
import SecamBase

/// A stopped thread of another process whose other threads run, as in a hang.
///
/// The caller must be allowed to trace the process: a child that runs with `SECAM_DEBUG=1`, or any process as root.
package enum StoppedThread {
    /// Stops the thread until its process ends.
    ///
    /// - Parameter name: a prefix of the thread's name in /proc.
    package static func stop(_ name: String, of process: Int32) async throws {
        let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")
        let thread = threads.first { thread in
            let data = FileManager.default.contents(atPath: "/proc/\(process)/task/\(thread)/comm") ?? Data()
            return String(decoding: data, as: UTF8.self).hasPrefix(name)
        }
        guard let thread, let number = Int32(thread) else {
            throw TestFailure("process \(process) has no thread \(name)")
        }
        let isStopped = await withCheckedContinuation { continuation in
            // The tracing thread must live on, and wait for the end of the traced one.
            DedicatedThread.start {
                let isStopped = secam_stop_thread(number)
                continuation.resume(returning: isStopped)
                var status: Int32 = 0
                while isStopped, unsafe waitpid(number, &status, waitForAnyThread) == number, status & 0xFF == 0x7F {}
            }
        }
        guard isStopped else { throw TestFailure("thread \(name) of process \(process) cannot be traced") }
    }

    /// `__WALL` of Linux.
    private static let waitForAnyThread: Int32 = 0x4000_0000
}
