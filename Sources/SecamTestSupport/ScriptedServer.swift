import Foundation
import Glibc
import Synchronization

/// A TCP server of the loopback interface. Each connection has a thread of its own, which follows a script.
package final class ScriptedServer: Sendable {
    package let port: UInt16
    private let descriptor: CInt
    private let accepted = Mutex(0)

    /// - Parameter serve: talks to one client; the connection is closed when it returns.
    package init(_ serve: @escaping @Sendable (PlainSocket) throws -> Void) throws {
        (descriptor, port) = try Loopback.listen()
        Thread.detachNewThread { [descriptor, weak self] in
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0 else { return }
                self?.accepted.withLock { $0 += 1 }
                let socket = PlainSocket(descriptor: connection)
                Thread.detachNewThread { try? serve(socket) }
            }
        }
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    /// Number of connections so far.
    package var connectionCount: Int { accepted.withLock { $0 } }

    /// Returns an HTTP server.
    ///
    /// - Parameter respond: writes the answer to a request, whose head it receives.
    package static func http(
        _ respond: @escaping @Sendable (PlainSocket, _ request: String) throws -> Void
    ) throws -> ScriptedServer {
        try ScriptedServer { socket in
            guard let request = socket.receiveHead() else { return }
            try respond(socket, request)
        }
    }

    package func url(_ path: String = "/", scheme: String = "http", login: String = "") -> String {
        "\(scheme)://\(login)127.0.0.1:\(port)\(path)"
    }
}

extension PlainSocket {
    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Returns the bytes up to the empty line after an HTTP or RTSP head; `nil` when the peer closed the connection.
    package func receiveHead() -> String? {
        var bytes: [UInt8] = []
        while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            guard let byte = receiveByte() else { return nil }
            // Feedback of an RTSP client about a stream that is part of the connection.
            if bytes.isEmpty, byte == UInt8(ascii: "$") {
                guard receiveByte() != nil, let high = receiveByte(), let low = receiveByte() else { return nil }
                for _ in 0..<Int(high) << 8 | Int(low) where receiveByte() == nil { return nil }
                continue
            }
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
