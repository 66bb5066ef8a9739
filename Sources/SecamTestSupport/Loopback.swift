import Glibc

/// TCP sockets of the loopback interface.
package enum Loopback {
    /// Connects a socket, by default a new one.
    ///
    /// - Returns: the socket, which the caller closes.
    @discardableResult
    package static func connect(_ descriptor: CInt = makeSocket(), to port: UInt16) throws -> CInt {
        guard unsafe withAddress(port, { unsafe Glibc.connect(descriptor, $0, $1) }) == 0 else {
            throw TestFailure("cannot connect to port \(port): errno \(errno)")
        }
        return descriptor
    }

    /// Returns a socket that listens, by default at any free port. The caller closes it.
    package static func listen(at port: UInt16 = 0) throws -> (descriptor: CInt, port: UInt16) {
        let descriptor = makeSocket()
        let status = unsafe withAddress(port) { unsafe bind(descriptor, $0, $1) + Glibc.listen(descriptor, 8) }
        guard status == 0 else {
            let error = errno
            close(descriptor)
            throw TestFailure("cannot listen: errno \(error)")
        }
        return (descriptor, Self.port(of: descriptor))
    }

    /// Returns the local port of a socket.
    static func port(of descriptor: CInt) -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            _ = unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &length)
            }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    package static func makeSocket() -> CInt { socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }

    private static func withAddress(
        _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) -> CInt {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
