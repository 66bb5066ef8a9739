import Glibc
import Logging
import SecamBase
import SecamWire
import Synchronization

/// Answers calls of the relay: connects to the relay and to this service's own endpoint, and forwards bytes between
/// them.
///
/// Each connection has two threads, which nearly always wait in the kernel. There is one connection for each service
/// that talks to this one.
final class RelayDialer: Sendable {
    private let relay: String
    private let ownEndpoint: String
    private let logger: Logger
    private let open = Atomic<Int>(0)

    /// Maximum number of connections. Only a hostile relay calls more often.
    private static let limit = 64
    /// Time for connecting and for one write.
    private static let timeout = Duration.seconds(10)

    /// - Parameters:
    ///   - relay: address of the relay, `host:port`.
    ///   - ownEndpoint: endpoint at which this service listens, in ZeroMQ's notation.
    init(relay: String, ownEndpoint: String, logger: Logger) {
        self.relay = relay
        self.ownEndpoint = HostPort(endpoint: ownEndpoint).map { "\($0.onThisMachine)" } ?? ownEndpoint
        self.logger = logger
    }

    /// Dials for one call, on another thread.
    func answer(_ call: Call) {
        guard open.add(1, ordering: .relaxed).newValue <= RelayDialer.limit else {
            open.subtract(1, ordering: .relaxed)
            return logFailure("limit of \(RelayDialer.limit) connections reached")
        }
        DedicatedThread.start { [self] in
            defer { open.subtract(1, ordering: .relaxed) }
            do throws(DialError) {
                let outside = try Stream(relay)
                try outside.write(Call.preamble + call.ticket)
                outside.join(try Stream(ownEndpoint))
            } catch {
                logFailure("\(error)")
            }
        }
    }

    private func logFailure(_ reason: String) {
        logger.warning("relay call failed", metadata: ["relay": "\(relay)", "reason": "\(reason)"])
    }

    private struct DialError: Error, CustomStringConvertible {
        let description: String
    }

    /// A TCP connection, closed with its last reference.
    private final class Stream: Sendable {
        private let descriptor: Int32

        init(_ address: String) throws(DialError) {
            guard let target = HostPort(endpoint: "tcp://\(address)") else {
                throw DialError(description: "'\(address)' is not host:port")
            }
            var hints = unsafe addrinfo()
            unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
            var list: UnsafeMutablePointer<addrinfo>?
            let status = unsafe getaddrinfo(
                target.host, String(target.port), &hints, &list)
            guard status == 0, unsafe list != nil else {
                throw DialError(description: "\(address): \(unsafe String(cString: gai_strerror(status)))")
            }
            defer { unsafe freeaddrinfo(list) }
            var problem = EHOSTUNREACH
            var entry = unsafe list
            while let candidate = unsafe entry {
                unsafe entry = candidate.pointee.ai_next
                let descriptor = unsafe socket(
                    candidate.pointee.ai_family, candidate.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
                guard descriptor >= 0 else { continue }
                Stream.configure(descriptor)
                if unsafe connect(descriptor, candidate.pointee.ai_addr, candidate.pointee.ai_addrlen) == 0 {
                    self.descriptor = descriptor
                    return
                }
                problem = errno
                Glibc.close(descriptor)
            }
            throw DialError(description: "\(address): \(SystemError(code: problem))")
        }

        deinit { Glibc.close(descriptor) }

        /// Keepalive detects a peer that has vanished silently, as often happens behind NAT.
        private static func configure(_ descriptor: Int32) {
            var timeout = timeval(tv_sec: Int(RelayDialer.timeout.components.seconds), tv_usec: 0)
            // On Linux the send timeout also bounds connecting.
            unsafe setsockopt(
                descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
            for (level, option, value) in [
                (SOL_SOCKET, SO_KEEPALIVE, 1), (Int32(IPPROTO_TCP), TCP_KEEPIDLE, 10),
                (Int32(IPPROTO_TCP), TCP_KEEPINTVL, 5), (Int32(IPPROTO_TCP), TCP_KEEPCNT, 3),
                (Int32(IPPROTO_TCP), TCP_NODELAY, 1),
            ] as [(Int32, Int32, Int32)] {
                var value = value
                unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
            }
        }

        func write(_ bytes: [UInt8]) throws(DialError) {
            guard write(bytes[...]) else {
                throw DialError(description: "sending failed: \(SystemError.last)")
            }
        }

        private func write(_ bytes: ArraySlice<UInt8>) -> Bool {
            var rest = bytes
            while !rest.isEmpty {
                let count = unsafe rest.withUnsafeBytes { buffer in
                    unsafe send(descriptor, buffer.baseAddress!, buffer.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else {
                    // A peer that reads nothing for a while is slow, not gone.
                    if errno == EINTR || errno == EAGAIN { continue }
                    return false
                }
                rest = rest.dropFirst(count)
            }
            return true
        }

        /// Forwards bytes both ways until one of the two connections ends.
        func join(_ other: Stream) {
            DedicatedThread.start { other.pass(to: self) }
            pass(to: other)
        }

        private func pass(to other: Stream) {
            var chunk = [UInt8](repeating: 0, count: 65536)
            while true {
                let count = unsafe recv(descriptor, &chunk, chunk.count, 0)
                if count < 0, errno == EINTR { continue }
                guard count > 0, other.write(chunk[..<count]) else { break }
            }
            // Ends the other thread's wait as well.
            shutdown(descriptor, Int32(SHUT_RDWR))
            shutdown(other.descriptor, Int32(SHUT_RDWR))
        }
    }
}
