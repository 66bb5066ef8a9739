import NIOCore
import SecamTLS
import SecamWire

/// The requests of one HTTP connection to the archives: one at a time. Used on the connection's event loop only.
final class WebArchiveClient {
    private enum Pending {
        case search([Found], ([Found]) -> Void)
        case replay((ByteBuffer?) -> Void)
    }

    private let hub: any CameraHub
    private weak var mailbox: EventLoopMailbox?
    private let tls: TLSHandler
    private var client: ArchiveClient?
    private var pending: Pending?

    init(hub: any CameraHub, mailbox: EventLoopMailbox?, tls: TLSHandler) {
        self.hub = hub
        self.mailbox = mailbox
        self.tls = tls
    }

    /// - Parameters:
    ///   - search: names only cameras that the user may see.
    ///   - completion: called with all parts of the answer.
    func search(_ search: Search, of user: String, completion: @escaping ([Found]) -> Void) {
        guard let client = client(of: user) else { return completion([]) }
        pending = .search([], completion)
        hub.query(.search(search), from: client)
    }

    /// Replays one frame.
    ///
    /// - Parameter completion: called with the FRAME message; `nil` when there is none.
    func replay(_ replay: Replay, of user: String, completion: @escaping (ByteBuffer?) -> Void) {
        guard let client = client(of: user) else { return completion(nil) }
        pending = .replay(completion)
        hub.query(.replay(replay), from: client)
    }

    private func client(of user: String) -> ArchiveClient? {
        if let client, client.user == user { return client }
        if let client { hub.query(.disconnected, from: client) }
        guard let eventLoop = tls.eventLoop, let mailbox else { return nil }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let made = ArchiveClient(id: ViewerEnvironment.nextClient(), user: user) { answer in
            mailbox.execute { bound.value.handle(answer) }
        }
        client = made
        return made
    }

    private func handle(_ answer: ArchiveAnswer) {
        switch (answer, pending) {
        case (.found(let found), .search(let parts, let completion)):
            pending = found.last ? nil : .search(parts + [found], completion)
            if found.last { completion(parts + [found]) }
        case (.frame(let message, let flow), .replay(let completion)):
            pending = nil
            end(flow)
            completion(message)
        case (.close, .replay(let completion)):
            pending = nil
            completion(nil)
        case (.frame(_, let flow), _): end(flow)
        default: break
        }
    }

    private func end(_ flow: UInt32) {
        guard let client else { return }
        hub.query(.sent(flow: flow), from: client)
        hub.query(.close(flow: flow), from: client)
    }

    /// The connection is closed: the archives owe it nothing more.
    ///
    /// - Parameter quota: counts the request in progress.
    func forget(_ quota: UserQuota?) {
        switch pending {
        case .search: quota?.closeQuery()
        case .replay: quota?.closeReplays()
        case nil: break
        }
        pending = nil
        if let client { hub.query(.disconnected, from: client) }
        client = nil
    }
}

@available(*, unavailable)
extension WebArchiveClient: Sendable {}
