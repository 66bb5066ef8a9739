import NIOCore
import NIOHTTP1
import SecamBase
import SecamWire

/// A response without end. Its owner is the connection.
protocol ResponseStream: AnyObject {
    /// The connection may accept data again.
    func resume()
    /// The stream is over, or the connection closed.
    func end()
}

/// A camera's pictures as `multipart/x-mixed-replace`, the form that browsers, FFmpeg and home automation know as MJPEG.
///
/// One picture is on its way at a time, and the newest one waits: a slow client gets fewer pictures, never older ones.
final class PictureStream: ResponseStream {
    static let boundary = "secam-picture"

    private let connection: HTTPHandler
    private let interval: TimeAmount
    private var newest: LivePicture?
    private var isSending = false
    private var notBefore = NIODeadline.uptimeNanoseconds(0)
    private var timer: Scheduled<Void>?
    private var isOver = false

    /// - Parameter interval: minimum time between two pictures.
    init(_ connection: HTTPHandler, interval: TimeAmount) {
        self.connection = connection
        self.interval = interval
    }

    static var head: HTTPResponse {
        HTTPResponse(
            .ok,
            headers: [
                ("Content-Type", "multipart/x-mixed-replace; boundary=\(boundary)"), ("Cache-Control", "no-store"),
                ("Cross-Origin-Resource-Policy", "cross-origin"),
            ], body: .stream)
    }

    /// The first boundary, behind the head.
    static var opening: ByteBuffer { ByteBuffer(string: "--\(boundary)\r\n") }

    func offer(_ picture: LivePicture) {
        // A camera may send an empty payload; clients would take it for the end.
        guard picture.frame.format == .jpeg, picture.bytes.readableBytes > 0 else { return }
        newest = picture
        resume()
    }

    func resume() {
        guard !isOver, !isSending, connection.isWritable, let picture = newest else { return }
        let now = NIODeadline.now()
        guard now >= notBefore else { return wait() }
        newest = nil
        notBefore = now + interval
        isSending = true
        var header = "Content-Type: image/jpeg\r\nContent-Length: \(picture.bytes.readableBytes)\r\n"
        for (name, value) in picture.headers(at: WallClock.now) { header += "\(name): \(value)\r\n" }
        // The boundary follows at once, because clients show a picture when they read it.
        connection.send(
            header: ByteBuffer(string: header + "\r\n"), picture.bytes,
            trailer: ByteBuffer(string: "\r\n--\(Self.boundary)\r\n")
        ) { [weak self] in
            self?.isSending = false
            self?.resume()
        }
    }

    private func wait() {
        guard timer == nil else { return }
        timer = connection.schedule(at: notBefore) { [weak self] in
            self?.timer = nil
            self?.resume()
        }
    }

    func end() {
        isOver = true
        newest = nil
        timer?.cancel()
    }
}
