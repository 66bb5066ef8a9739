package import Logging
package import NIOCore
import NIOPosix
import SecamBase
import SecamCrypto
import SecamWire
import Synchronization

/// A service that can only dial out.
struct RelayedService: Hashable, Sendable {
    let role: Role
    let name: Name
    let incarnation: UInt64
}

/// A relay to services that can only dial out (proto-spec/registry.md).
///
/// Each service has a port, for members and the gateway only. A connection to it waits until the service has answered the
/// relay's call with a connection of its own. Then the relay forwards bytes between the two.
package final class RelayServer: Sendable {
    private struct Waiting {
        let service: RelayedService
        /// The network that connected to the service's port.
        let network: String
        let channel: any Channel
    }

    private struct State {
        var listeners: [RelayedService: any Channel] = [:]
        var waiting: [[UInt8]: Waiting] = [:]
        var joined: [ObjectIdentifier: Waiting] = [:]
        var calls: [RelayedService: TokenBucket] = [:]
        /// The networks of the members.
        var networks: Set<String> = []
    }

    /// The reason why a connection to a service's port is refused.
    private enum Refusal: String, Error {
        case notMember = "no member has its address"
        case tooMany = "too many connections to this service"
        case tooManyOfNetwork = "too many connections from its network"
        case tooManyCalls = "too many calls to this service"
    }

    private let host: String
    /// How long a connection waits for the service to answer the call.
    private let callTimeout: TimeAmount
    private let logger: Logger
    private let state = Mutex(State())

    /// Maximum waiting connections to one service, in total and from one network.
    private static let waitingLimit = 64
    private static let waitingLimitOfNetwork = 16
    /// Maximum rate of calls to one service. The burst covers many peers that reconnect together.
    private static let callsPerSecond = 128
    private static let callBurst = 512
    /// Maximum relayed connections to one service, in total and from one network.
    private static let serviceLimit = 512
    private static let serviceLimitOfNetwork = 128
    /// Maximum relayed connections to all services.
    private static let limit = 4096

    /// - Parameter host: the address at which the other services reach the gateway.
    package init(host: String, callTimeout: TimeAmount = .seconds(10), logger: Logger) {
        self.host = host
        self.callTimeout = callTimeout
        self.logger = logger
    }

    /// Sets the networks from which services have joined. Connections from elsewhere are refused, except the gateway's.
    func update(networks: Set<String>) { state.withLock { $0.networks = networks } }

    /// Opens a port for a service.
    ///
    /// - Parameter call: asks the service to dial, with the given ticket.
    func open(_ service: RelayedService, call: @escaping @Sendable ([UInt8]) -> Void) async throws -> UInt16 {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                self.wait(channel, for: service, call)
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: host, port: 0).get()
        guard let port = listener.localAddress?.port else { throw ChannelError.unknownLocalAddress }
        let former = state.withLock { $0.listeners.updateValue(listener, forKey: service) }
        former?.close(promise: nil)
        return UInt16(port)
    }

    /// Closes a service's port and all its connections.
    func close(_ service: RelayedService) {
        let channels = state.withLock { state -> [any Channel] in
            let waiting = state.waiting.filter { $0.value.service == service }
            for ticket in waiting.keys { state.waiting[ticket] = nil }
            let joined = state.joined.values.filter { $0.service == service }
            state.calls[service] = nil
            let listener = state.listeners.removeValue(forKey: service)
            return (waiting.values + joined).map(\.channel) + (listener.map { [$0] } ?? [])
        }
        for channel in channels { channel.close(promise: nil) }
    }

    func stop() {
        let channels = state.withLock { state -> [any Channel] in
            defer { state = State() }
            return Array(state.listeners.values) + state.waiting.values.map(\.channel)
                + state.joined.values.map(\.channel)
        }
        for channel in channels { channel.close(promise: nil) }
    }

    private func wait(
        _ channel: any Channel, for service: RelayedService, _ call: @Sendable ([UInt8]) -> Void
    ) {
        guard let ticket = try? SecureRandom.bytes(Call.ticketLength) else { return channel.close(promise: nil) }
        let network = channel.remoteAddress?.network ?? "local"
        let isOnHost = channel.remoteAddress?.isOnHost(of: channel.localAddress) ?? true
        let entry = Waiting(service: service, network: network, channel: channel)
        let refusal = state.withLock { RelayServer.admit(entry, ticket, isOnHost: isOnHost, &$0) }
        if let refusal {
            logger.warning(
                "relay connection refused",
                metadata: ["service": "\(service.name)", "network": "\(network)", "reason": "\(refusal.rawValue)"])
            return channel.close(promise: nil)
        }
        let forget: @Sendable () -> Bool = {
            self.state.withLock { $0.waiting.removeValue(forKey: ticket) } != nil
        }
        channel.closeFuture.whenComplete { _ in _ = forget() }
        channel.eventLoop.scheduleTask(in: callTimeout) {
            if forget() { channel.close(promise: nil) }
        }
        call(ticket)
    }

    /// Adds a connection to those that wait, or returns the reason why it is refused.
    private static func admit(_ new: Waiting, _ ticket: [UInt8], isOnHost: Bool, _ state: inout State) -> Refusal? {
        guard isOnHost || state.networks.contains(new.network) else { return .notMember }
        let waiting = state.waiting.values.filter { $0.service == new.service }
        let joined = state.joined.values.filter { $0.service == new.service }
        guard waiting.count < waitingLimit, joined.count < serviceLimit else { return .tooMany }
        guard waiting.count(where: { $0.network == new.network }) < waitingLimitOfNetwork,
            joined.count(where: { $0.network == new.network }) < serviceLimitOfNetwork
        else { return .tooManyOfNetwork }
        let full = TokenBucket(perSecond: callsPerSecond, burst: callBurst, at: .now)
        guard state.calls[new.service, default: full].consume(at: .now) else { return .tooManyCalls }
        state.waiting[ticket] = new
        return nil
    }

    /// Joins a service's connection to the one that it was called for. Called on the connection's event loop.
    ///
    /// - Returns: whether the ticket is valid.
    func attach(_ outside: any Channel, ticket: [UInt8]) -> Bool {
        let inside = state.withLock { state -> (any Channel)? in
            guard state.joined.count < RelayServer.limit, let waiting = state.waiting.removeValue(forKey: ticket) else {
                return nil
            }
            state.joined[ObjectIdentifier(waiting.channel)] = waiting
            return waiting.channel
        }
        guard let inside else { return false }
        inside.closeFuture.whenComplete { _ in
            self.state.withLock { $0.joined[ObjectIdentifier(inside)] = nil }
        }
        do {
            try outside.pipeline.syncOperations.addHandler(RelayHandler(partner: inside))
        } catch {
            inside.close(promise: nil)
            return false
        }
        _ = outside.setOption(.autoRead, value: false)
        inside.eventLoop.execute {
            do {
                try inside.pipeline.syncOperations.addHandler(RelayHandler(partner: outside))
                inside.read()
            } catch {
                inside.close(promise: nil)
                outside.close(promise: nil)
            }
        }
        outside.read()
        return true
    }
}

/// Forwards a connection's bytes to another one, and reads no faster than the other one accepts them.
private final class RelayHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let partner: any Channel

    init(partner: any Channel) { self.partner = partner }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let channel = context.channel
        partner.writeAndFlush(unwrapInboundIn(data)).whenComplete { result in
            switch result {
            case .success: channel.read()
            case .failure: channel.close(promise: nil)
            }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        partner.close(promise: nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
