import Dispatch
import Glibc
public import Logging
import Synchronization

/// Every login and refusal and every change of an account, in an append-only file of mode 0600, one JSON object a
/// line; and through the logger at `info`, lockouts and revocations at `notice`.
///
/// Several processes may write the same file. When it grows past its size it becomes `.1`, the old `.1` becomes
/// `.2` and so on; when somebody else moved it away, a new one is begun. Calls return at once: a slow disk must not
/// hold up an event loop.
public final class AuditLog: Sendable {
    public let path: String
    private let maximumBytes: Int
    private let keptFiles: Int
    private let logger: Logger
    private let writer = DispatchQueue(label: "audit-log")
    private let pending = Atomic<Int>(0)
    private let lost = Atomic<Int>(0)
    private let isFailing = Atomic<Bool>(false)
    /// Used on `writer` only, and by `init` and `deinit`.
    private let descriptor: Mutex<CInt>

    /// Lines that may wait for the disk; those beyond it are counted, and their number is written when it has time.
    static let pendingLines = 10_000

    /// - Parameters:
    ///   - maximumBytes: of one file.
    ///   - keptFiles: old files that are kept besides.
    /// - Throws: `file` when it cannot be opened or made.
    public init(
        path: String, maximumBytes: Int = 8 << 20, keptFiles: Int = 9, logger: Logger
    ) throws(UsersError) {
        precondition(maximumBytes > 0 && keptFiles > 0, "AuditLog: size out of range")
        self.path = path
        self.maximumBytes = maximumBytes
        self.keptFiles = keptFiles
        self.logger = logger
        descriptor = Mutex(try Self.open(path))
    }

    deinit {
        _ = descriptor.withLock { close($0) }
    }

    /// - Parameters:
    ///   - user: as the peer gave it; escaped here.
    ///   - address: of the peer, or where a change was made.
    ///   - reason: one or a few words.
    public func record(_ event: AuditEvent, user: String, address: String, reason: String = "") {
        let isNotable = event == .lockout || event == .revocation
        logger.log(
            level: isNotable ? .notice : .info, "\(event.rawValue)",
            metadata: [
                "user": "\(AuditLine.escape(user))", "address": "\(AuditLine.escape(address))",
                "reason": "\(AuditLine.escape(reason))",
            ])
        guard pending.add(1, ordering: .relaxed).newValue <= Self.pendingLines else {
            pending.subtract(1, ordering: .relaxed)
            lost.add(1, ordering: .relaxed)
            return
        }
        let line = AuditLine.format(
            time: Self.now(), event: event, user: user, address: address, reason: reason)
        writer.async {
            self.append(line)
            self.pending.subtract(1, ordering: .relaxed)
        }
    }

    /// Waits until everything recorded so far is in the file. Not for event loops.
    public func flush() {
        writer.sync {}
    }

    private func append(_ line: String) {
        var text = line
        let missed = lost.exchange(0, ordering: .relaxed)
        if missed > 0 {
            text += AuditLine.format(
                time: Self.now(), event: .refusal, user: "", address: "", reason: "\(missed) lines were lost")
        }
        do {
            try descriptor.withLock { descriptor throws(UsersError) in try write(Array(text.utf8), &descriptor) }
            isFailing.store(false, ordering: .relaxed)
        } catch {
            lost.add(1 + missed, ordering: .relaxed)
            if !isFailing.exchange(true, ordering: .relaxed) {
                logger.error("the audit log cannot be written; lines are lost", metadata: ["reason": "\(error)"])
            }
        }
    }

    private func write(_ bytes: [UInt8], _ descriptor: inout CInt) throws(UsersError) {
        // Another process must not move the file between the check and the write.
        try lockCurrentFile(&descriptor)
        defer { flock(descriptor, LOCK_UN) }
        // Again after each change of the file, which others may fill before it is locked here.
        while case let size = try size(of: descriptor), size > 0, size + bytes.count > maximumBytes {
            try rotate()
            try lockCurrentFile(&descriptor)
        }
        guard unsafe Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw .last(path: path, operation: "write")
        }
    }

    private func size(of descriptor: CInt) throws(UsersError) -> Int {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .last(path: path, operation: "read") }
        return Int(status.st_size)
    }

    /// Locks the file that has the log's name now, opening it anew when that is another one than before.
    private func lockCurrentFile(_ descriptor: inout CInt) throws(UsersError) {
        while true {
            while flock(descriptor, LOCK_EX) != 0 {
                guard errno == EINTR else { throw .last(path: path, operation: "lock") }
            }
            var held = stat()
            var named = stat()
            if unsafe fstat(descriptor, &held) == 0, unsafe stat(path, &named) == 0, held.st_ino == named.st_ino,
                held.st_dev == named.st_dev
            {
                return
            }
            let fresh = try Self.open(path)
            close(descriptor)
            descriptor = fresh
        }
    }

    private func rotate() throws(UsersError) {
        for number in stride(from: keptFiles - 1, through: 1, by: -1) {
            unsafe rename("\(path).\(number)", "\(path).\(number + 1)")
        }
        guard unsafe rename(path, "\(path).1") == 0 else { throw .last(path: path, operation: "rename") }
    }

    private static func open(_ path: String) throws(UsersError) -> CInt {
        let descriptor = unsafe Glibc.open(path, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .last(path: path, operation: "open") }
        guard fchmod(descriptor, 0o600) == 0 else {
            close(descriptor)
            throw .last(path: path, operation: "restrict the permissions of")
        }
        return descriptor
    }

    /// UTC microseconds.
    private static func now() -> Int64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000
    }
}
