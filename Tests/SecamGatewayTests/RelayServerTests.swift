import Logging
import NIOCore
import NIOPosix
import SecamTestSupport
import SecamWire
import Synchronization
import Testing

@testable import SecamGateway

@Suite final class RelayServerTests: Sendable {
    private let relay = RelayServer(
        host: "127.0.0.1", callTimeout: .hours(1), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    private let service: RelayedService
    private let calls = Mutex(0)

    init() throws { service = RelayedService(role: .capture, name: try Name("porch"), incarnation: 1) }

    private var callCount: Int { calls.withLock { $0 } }

    private func connect(to port: UInt16, from source: String) async throws -> any Channel {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(to: SocketAddress(ipAddress: source, port: 0))
            .connect(host: "127.0.0.1", port: Int(port)).get()
    }

    @Test func `only members and the host connect to a service's port`() async throws {
        defer { relay.stop() }
        let port = try await relay.open(service) { [self] _ in calls.withLock { $0 += 1 } }
        let stranger = try await connect(to: port, from: "127.0.0.2")
        try await stranger.closeFuture.get()
        #expect(callCount == 0)

        let host = try await connect(to: port, from: "127.0.0.1")
        try await eventually("the host's connection is called for") { callCount == 1 }
        relay.update(networks: ["127.0.0.2"])
        let member = try await connect(to: port, from: "127.0.0.2")
        try await eventually("the member's connection is called for") { callCount == 2 }
        relay.close(service)
        try await host.closeFuture.get()
        try await member.closeFuture.get()
    }

    @Test func `connections from one network leave room for others`() async throws {
        defer { relay.stop() }
        relay.update(networks: ["127.0.0.2", "127.0.0.3"])
        let port = try await relay.open(service) { [self] _ in calls.withLock { $0 += 1 } }
        var waiting: [any Channel] = []
        for _ in 0..<17 { waiting.append(try await connect(to: port, from: "127.0.0.2")) }
        // Connections are admitted on several threads, so any of them may be the last one.
        try await eventually("one is closed, and the others are called for") {
            waiting.count { !$0.isActive } == 1 && callCount == 16
        }
        waiting.append(try await connect(to: port, from: "127.0.0.3"))
        try await eventually("the other network's connection is called for") { callCount == 17 }
        withExtendedLifetime(waiting) {}
    }
}
