import NIOCore
import NIOHTTP1
import SecamProcess
import SecamWire

/// Events as server-sent events (WHATWG HTML §9.2). The newest state of an event replaces one that waits.
final class EventStream: ResponseStream {
    /// Time between two comments, by which both ends notice a dead connection.
    static let commentInterval = TimeAmount.seconds(15)

    private let connection: HTTPHandler
    private let next: () -> WebEvent?
    private var isSending = false
    private var isOver = false
    private var timer: Scheduled<Void>?

    /// - Parameter next: removes and returns the event that has waited longest.
    init(_ connection: HTTPHandler, next: @escaping () -> WebEvent?) {
        self.connection = connection
        self.next = next
        scheduleComment()
    }

    static var head: HTTPResponse {
        HTTPResponse(
            .ok, headers: [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store")], body: .stream)
    }

    func resume() {
        guard !isOver, !isSending, connection.isWritable, let event = next() else { return }
        send("event: \(event.event.kind)\ndata: \(EventText.json(event.event, of: event.camera))\n\n")
    }

    private func send(_ text: String) {
        isSending = true
        connection.send(ByteBuffer(string: text)) { [weak self] in
            self?.isSending = false
            self?.resume()
        }
    }

    private func scheduleComment() {
        timer = connection.schedule(at: .now() + Self.commentInterval) { [weak self] in
            guard let self, !isOver else { return }
            if !isSending { send(":\n\n") }
            scheduleComment()
        }
    }

    func end() {
        isOver = true
        timer?.cancel()
    }
}
