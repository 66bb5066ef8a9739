import CZeroMQ
import Glibc

/// Waits until sockets have messages or another thread calls `wake`. All other methods belong to the loop's thread.
///
/// libzmq's own `zmq_poll` queries every socket before and after it waits, so each message costs more the more cameras
/// there are. Here the kernel reports the sockets with activity. libzmq signals a socket's descriptor only for activity
/// that the socket has not noticed yet, and each call on the socket may notice it. So a socket that was used is queried
/// before the thread waits again.
@safe final class SocketPoller: @unchecked Sendable {
    private let epoll: Int32
    private let wakeDescriptor: Int32
    /// The watches by descriptor. Holding the owner of a socket keeps the socket open while it is watched.
    private var watches: [Int32: (watch: SocketWatch, owner: AnyObject)] = [:]
    fileprivate var used: [SocketWatch] = []
    private var events: [epoll_event] = unsafe []

    init() {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeDescriptor = secam_eventfd()
        precondition(epoll >= 0 && wakeDescriptor >= 0, "no file descriptor is free")
        expect(wakeDescriptor)
    }

    deinit {
        close(epoll)
        close(wakeDescriptor)
    }

    /// Ends the current or the next wait. Any thread may call it.
    func wake() {
        var one: UInt64 = 1
        _ = unsafe write(wakeDescriptor, &one, 8)
    }

    func add(_ handle: UnsafeMutableRawPointer, of owner: AnyObject, onReadable: @escaping () -> Void) -> SocketWatch {
        var descriptor: Int32 = -1
        var size = MemoryLayout<Int32>.size
        let status = unsafe zmq_getsockopt(handle, ZMQ_FD, &descriptor, &size)
        precondition(status == 0, "socket has no descriptor: \(lastZeroMQError())")
        let watch = unsafe SocketWatch(handle, self, onReadable)
        watches[descriptor] = (watch, owner)
        expect(descriptor)
        watch.markUsed()
        return watch
    }

    func remove(_ owner: AnyObject) {
        for (descriptor, entry) in watches where entry.owner === owner {
            entry.watch.end()
            watches[descriptor] = nil
            epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nil)
        }
    }

    func removeAll() {
        for entry in watches.values { remove(entry.owner) }
        used.removeAll()
    }

    /// Waits and calls `onReadable` of the sockets with messages.
    ///
    /// - Parameter milliseconds: the longest wait; negative for an unlimited one.
    func wait(milliseconds: Int) {
        var ready: [SocketWatch] = []
        forEachReadable { ready.append($0) }
        let count = waitForDescriptors(milliseconds: ready.isEmpty ? milliseconds : 0)
        for index in 0..<count {
            let descriptor = unsafe events[index].data.fd
            if descriptor == wakeDescriptor {
                var count: UInt64 = 0
                _ = unsafe read(wakeDescriptor, &count, 8)
            } else {
                watches[descriptor]?.watch.markUsed()
            }
        }
        forEachReadable { watch in
            if !ready.contains(where: { $0 === watch }) { ready.append(watch) }
        }
        // A handler may add or remove sockets.
        for watch in ready where !watch.isEnded {
            watch.onReadable?()
            watch.markUsed()
        }
    }

    /// Calls `body` with each used socket that has messages.
    private func forEachReadable(_ body: (SocketWatch) -> Void) {
        let asked = used
        used.removeAll(keepingCapacity: true)
        for watch in asked {
            watch.isUsed = false
            if !watch.isEnded, watch.hasMessages { body(watch) }
        }
    }

    private func waitForDescriptors(milliseconds: Int) -> Int {
        while unsafe events.count <= watches.count { unsafe events.append(epoll_event()) }
        let count = unsafe epoll_wait(
            epoll, &events, Int32(events.count), Int32(clamping: min(milliseconds, Int(Int32.max))))
        precondition(count >= 0 || errno == EINTR, "epoll_wait failed")
        return max(0, Int(count))
    }

    private func expect(_ descriptor: Int32) {
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue
        unsafe event.data.fd = descriptor
        let status = unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
        precondition(status == 0, "epoll_ctl failed")
    }
}

/// A socket that a `SocketPoller` waits for.
@safe final class SocketWatch {
    fileprivate private(set) var onReadable: (() -> Void)?
    fileprivate var isUsed = false
    private let handle: UnsafeMutableRawPointer
    private unowned let poller: SocketPoller

    fileprivate init(
        _ handle: UnsafeMutableRawPointer, _ poller: SocketPoller, _ onReadable: @escaping () -> Void
    ) {
        unsafe self.handle = handle
        self.poller = poller
        self.onReadable = onReadable
    }

    fileprivate var isEnded: Bool { onReadable == nil }

    /// Also releases the handler, which may hold the socket, which holds this watch.
    fileprivate func end() { onReadable = nil }

    /// Records a use of the socket. Call it after each one.
    func markUsed() {
        guard !isUsed, !isEnded else { return }
        isUsed = true
        poller.used.append(self)
    }

    fileprivate var hasMessages: Bool {
        var events: Int32 = 0
        var size = MemoryLayout<Int32>.size
        var status: Int32
        // A signal handler may run on any thread.
        repeat {
            status = unsafe zmq_getsockopt(handle, ZMQ_EVENTS, &events, &size)
        } while status != 0 && zmq_errno() == EINTR
        precondition(status == 0, "a socket was closed while it was watched: \(lastZeroMQError())")
        return events & ZMQ_POLLIN != 0
    }
}
