import NIOCore
import NIOPosix
package import SecamTLS

/// A viewer's connection to a gateway that comes back by itself.
///
/// The handler is called on a queue of the client's own, one event after the other. The gateway may send the next
/// frames when it returns, so that it must hand on what takes time.
package final class GatewayClient: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let eventLoop: any EventLoop
    private let link: NIOLoopBoundBox<GatewayLink>
    private let inbox: EventInbox

    /// - Parameter reconnects: whether a connection that was lost after the first login is made anew.
    /// - Throws: `trust`, when the authorities' file cannot be used.
    package init(
        server: ServerAddress, trust: TLSTrust, settings: ViewerConnection.Settings, reconnects: Bool,
        handler: @escaping @Sendable (GatewayEvent) -> Void
    ) throws(ClientError) {
        let context: TLSContext
        do {
            context = try TLSContext.client(
                trust: trust, serverName: server.host, applicationProtocols: GatewayLink.applicationProtocols)
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

    /// Says something over the connection that stands; nothing when there is none. Any thread.
    func tell(_ body: @escaping @Sendable (inout ViewerConnection) -> Void) {
        eventLoop.execute { [link] in link.value.tell(body) }
    }

    /// Leaves the gateway and waits until the handler has seen its last event. Not to be called from the handler.
    package func stop() {
        // Neither can fail: the loop runs until here, and nobody else ends it.
        try? eventLoop.submit { [link] in link.value.stop() }.wait()
        inbox.flush()
        try? group.syncShutdownGracefully()
    }
}
