import Glibc

/// A plain TCP connection, for bytes that a stranger might send.
package final class PlainSocket: Sendable {
    private let descriptor: Int32

    /// - Parameter address: `127.0.0.1:PORT`.
    package init(_ address: String) throws {
        guard let port = address.split(separator: ":").last.flatMap({ UInt16($0) }) else {
            throw TestFailure("'\(address)' has no port")
        }
        descriptor = try Loopback.connect(to: port)
    }

    /// Takes over a connected socket.
    init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    package func send(_ bytes: [UInt8]) throws {
        guard unsafe Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw TestFailure("sending failed: errno \(errno)")
        }
    }

    /// Returns the next bytes from the peer; `nil` when there are no more.
    package func receive() -> [UInt8]? {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe recv(descriptor, &chunk, chunk.count, 0)
        return count > 0 ? Array(chunk.prefix(count)) : nil
    }

    /// Returns the next byte; `nil` when there are no more.
    func receiveByte() -> UInt8? {
        var byte: UInt8 = 0
        return unsafe recv(descriptor, &byte, 1, 0) == 1 ? byte : nil
    }

    /// Ends the connection in both directions.
    func shutDown() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Tells the peer that no more bytes follow.
    func endOutput() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Returns all bytes that the peer sends before it closes the connection.
    package func readToEnd() throws -> [UInt8] {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { return all }
            all += chunk.prefix(count)
        }
    }
}
