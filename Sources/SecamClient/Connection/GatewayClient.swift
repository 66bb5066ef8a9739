import NIOCore
import NIOPosix
package import SecamTLS

/// A connection to a gateway that reconnects by itself.
///
/// The client calls its handler on a dispatch queue of its own, one event after the other. The gateway may send further
/// frames only when the handler returns, so the handler must not do slow work itself.
package final class GatewayClient: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let eventLoop: any EventLoop
    private let link: NIOLoopBoundBox<GatewayLink>
    private let inbox: EventInbox

    /// - Parameters:
    ///   - keyLog: receives the secrets of all connections.
    ///   - reconnects: whether the client connects again when it loses the connection after the first login.
    /// - Throws: `trust` when the file of certificate authorities cannot be used.
    package init(
        server: ServerAddress, trust: TLSTrust, keyLog: TLSKeyLog? = nil, settings: ViewerConnection.Settings,
        reconnects: Bool, handler: @escaping @Sendable (GatewayEvent) -> Void
    ) throws(ClientError) {
        let context: TLSContext
        do {
            context = try TLSContext.client(
                trust: trust, serverName: server.host, applicationProtocols: GatewayLink.applicationProtocols,
                keyLog: keyLog)
        } catch {
            throw .trust(error)
        }
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let eventLoop = group.next()
        let inbox = EventInbox(handler: handler)
        link = NIOLoopBoundBox.makeBoxSendingValue(
            GatewayLink(
                server: server, context: context, settings: settings, reconnects: reconnects, inbox: inbox,
                eventLoop: eventLoop),
            eventLoop: eventLoop)
        self.eventLoop = eventLoop
        self.inbox = inbox
    }

    package func start() {
        eventLoop.execute { [link] in link.value.connect() }
    }

    /// Sends the messages that `body` adds to the connection, if there is one. Any thread may call it.
    func send(_ body: @escaping @Sendable (inout ViewerConnection) -> Void) {
        eventLoop.execute { [link] in link.value.send(body) }
    }

    /// Leaves the gateway, and waits until the handler has handled its last event. The handler itself must not call it.
    package func stop() {
        // Neither call can fail, since only this method ends the event loop.
        try? eventLoop.submit { [link] in link.value.stop() }.wait()
        inbox.flush()
        try? group.syncShutdownGracefully()
    }
}
