import CLinux
import Glibc
import SecamBase
package import SecamWire

/// A camera's socket, at which an encoder gets the descriptor of the memory file for a ticket. One thread uses it.
package final class MemoryListener {
    /// Visitors at once. Beyond it, the oldest makes room.
    private static let visitorLimit = 16
    /// Time for a visitor to present its ticket.
    private static let visitTimeout: Duration = .seconds(1)
    private static let backlog: CInt = 64
    /// Visitors that are accepted before those that have a ticket are served.
    private static let visitorsPerTurn = 16
    /// Pause after as many visitors in one turn, and without a free descriptor. A flood of visitors must not keep this
    /// thread busy.
    private static let pauseMicroseconds: UInt32 = 50_000

    /// A process that has connected.
    private struct Visitor {
        let descriptor: CInt
        let deadline: MonotonicTime
        var ticket: [UInt8] = []
    }

    /// The name of the socket's file.
    package let name: Name
    private let folder: SocketFolder
    private let descriptor: CInt
    private let file: stat
    private var visitors: [Visitor] = []

    /// Listens at a new socket in a folder, and removes sockets there that cameras left behind.
    package init(in path: String) throws(SharingFailure) {
        folder = try SocketFolder(path)
        let digits = String(UInt64.random(in: 0...UInt64.max), radix: 16)
        guard let name = try? Name("camera-\(digits)") else { preconditionFailure("digits are allowed in a name") }
        self.name = name
        let descriptor = UnixSocket.make()
        guard descriptor >= 0 else { throw SharingFailure(system: "cannot make a socket") }
        // Before the socket has a file, which gets these permissions.
        let status =
            fchmod(descriptor, 0o600) == 0
            ? unsafe folder.withAddress(of: name) { unsafe bind(descriptor, $0, $1) } : -1
        let isBound = status == 0
        guard isBound, listen(descriptor, MemoryListener.backlog) == 0, let file = folder.socketFile(name) else {
            let failure = SharingFailure(system: "cannot make a socket in the folder \(path)")
            close(descriptor)
            if isBound { folder.remove(name) }
            throw failure
        }
        self.descriptor = descriptor
        self.file = file
        folder.removeStale(comparedTo: file)
    }

    deinit {
        for visitor in visitors { close(visitor.descriptor) }
        close(descriptor)
        if folder.socketFile(name)?.st_ino == file.st_ino { folder.remove(name) }
    }

    /// Returns whether the socket's file is still in its folder.
    package func isReachable(in path: String) -> Bool {
        guard folder.socketFile(name)?.st_ino == file.st_ino, let now = try? SocketFolder(path) else { return false }
        return now.socketFile(name)?.st_ino == file.st_ino
    }

    /// Waits once for visitors, and serves them.
    ///
    /// - Parameters:
    ///   - waker: ends the wait.
    ///   - redeem: returns the memory file for a ticket; `nil` for a ticket that is not valid.
    /// - Returns: the reasons for which visitors got nothing.
    package func serve(
        until waker: Waker, redeem: ([UInt8]) -> MemoryFile?
    ) -> [SharingFailure] {
        var failures: [SharingFailure] = []
        var polled = [waker.descriptor, descriptor].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        for visitor in visitors { polled.append(pollfd(fd: visitor.descriptor, events: Int16(POLLIN), revents: 0)) }
        _ = unsafe poll(&polled, nfds_t(polled.count), timeout)
        for (index, entry) in polled.dropFirst(2).enumerated().reversed() {
            let isReadable = entry.revents != 0
            guard isReadable || visitors[index].deadline <= .now else { continue }
            let isDone = isReadable ? serve(&visitors[index], redeem, &failures) : true
            if isDone { close(visitors.remove(at: index).descriptor) }
        }
        if polled[1].revents != 0 { acceptVisitors(&failures) }
        return failures
    }

    /// Time until the first visitor must be gone, milliseconds; -1 without visitors.
    private var timeout: CInt {
        guard let first = visitors.map(\.deadline).min() else { return -1 }
        return CInt(clamping: max(0, (first - .now).milliseconds + 1))
    }

    private func acceptVisitors(_ failures: inout [SharingFailure]) {
        for _ in 0..<MemoryListener.visitorsPerTurn {
            let visitor = secam_accept4(
                descriptor, nil, nil, CInt(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue))
            guard visitor >= 0 else {
                // Without a free descriptor, the visitor stays in the queue.
                if errno != EAGAIN { usleep(MemoryListener.pauseMicroseconds) }
                return
            }
            guard UnixSocket.isOwn(visitor) else {
                close(visitor)
                failures.append(SharingFailure("the process at the socket belongs to another user"))
                continue
            }
            if visitors.count >= MemoryListener.visitorLimit { close(visitors.removeFirst().descriptor) }
            visitors.append(Visitor(descriptor: visitor, deadline: .now + MemoryListener.visitTimeout))
        }
        usleep(MemoryListener.pauseMicroseconds)
    }

    /// Reads a visitor's ticket, and answers it.
    ///
    /// - Returns: whether the visit is over.
    private func serve(
        _ visitor: inout Visitor, _ redeem: ([UInt8]) -> MemoryFile?, _ failures: inout [SharingFailure]
    ) -> Bool {
        var bytes = [UInt8](repeating: 0, count: WireLimits.ticket - visitor.ticket.count)
        let count = unsafe recv(visitor.descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return count == 0 || (errno != EAGAIN && errno != EINTR) }
        visitor.ticket += bytes.prefix(count)
        guard visitor.ticket.count == WireLimits.ticket else { return false }
        guard let file = redeem(visitor.ticket) else {
            failures.append(SharingFailure("the ticket is unknown, used or too old"))
            return true
        }
        do throws(SharingFailure) {
            let opened = try file.openForReading()
            defer { close(opened) }
            if secam_send_descriptor(visitor.descriptor, opened) != 1 {
                throw SharingFailure(system: "cannot hand out the memory file")
            }
        } catch {
            failures.append(error)
        }
        return true
    }
}

/// A thread's end of a pipe, by which other threads wake it.
package final class Waker: Sendable {
    let descriptor: CInt
    private let end: CInt

    package init() throws(SharingFailure) {
        guard let pipe = Pipe.open() else { throw SharingFailure(system: "cannot make a pipe") }
        (descriptor, end) = (pipe.read, pipe.write)
        for each in [descriptor, end] { _ = fcntl(each, F_SETFL, O_NONBLOCK) }
    }

    deinit {
        close(descriptor)
        close(end)
    }

    /// Wakes the thread, or lets its next wait end at once. Can be called on any thread.
    package func wake() {
        var byte: UInt8 = 0
        // A full pipe wakes it just as well.
        _ = unsafe write(end, &byte, 1)
    }

    /// Forgets earlier calls of `wake`.
    package func reset() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while unsafe read(descriptor, &bytes, bytes.count) > 0 {}
    }

    /// Waits for a call of `wake`.
    package func wait(_ timeout: Duration) {
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&polled, 1, CInt(clamping: timeout.milliseconds))
    }
}
