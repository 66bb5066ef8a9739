import Foundation
import Glibc

/// A TCP proxy on the loopback interface that captures the connections through it.
package final class CapturingProxy: Sendable {
    /// `127.0.0.1:PORT`.
    package let address: String
    package let capture = PacketCapture()
    private let listener: Int32

    /// - Parameter target: `127.0.0.1:PORT` of the server behind the proxy.
    package init(to target: String) throws {
        let port = UInt16(try Programs.freePort())
        address = "127.0.0.1:\(port)"
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = port.bigEndian
        place.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let bound = unsafe withUnsafePointer(to: &place) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                unsafe bind(listener, raw, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard bound == 0, listen(listener, 16) == 0 else { throw TestFailure("\(address): errno \(errno)") }
        Thread.detachNewThread { [listener, capture] in
            // Each connection gets a client port of its own in the capture.
            var client: UInt16 = 1024
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else { break }
                let near = PlainSocket(descriptor: descriptor)
                guard let far = try? PlainSocket(target) else { continue }
                client += 1
                Self.forward(near, to: far) { [client] in capture.add($0, from: client, to: port) }
                Self.forward(far, to: near) { [client] in capture.add($0, from: port, to: client) }
            }
            close(listener)
        }
    }

    deinit {
        // Ends the thread's call of accept.
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private static func forward(
        _ source: PlainSocket, to target: PlainSocket, capture: @escaping @Sendable ([UInt8]) -> Void
    ) {
        Thread.detachNewThread {
            while let bytes = source.receive() {
                capture(bytes)
                guard (try? target.send(bytes)) != nil else { break }
            }
            target.endOutput()
        }
    }
}
