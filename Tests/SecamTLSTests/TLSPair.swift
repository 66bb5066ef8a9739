import Glibc
import NIOCore
import NIOEmbedded
import SecamTestSupport

@testable import SecamTLS

extension ScratchFolder {
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = path + "/" + name
        guard try PEMFile.create(file, bytes) else { throw ScratchError.fileExists }
        return file
    }

    /// Creates a file with a self-signed certificate and its key; the dates are in seconds from now.
    func identityFile(
        _ name: String = "identity.pem", names: String = "DNS:camera.example,IP:192.0.2.7",
        notBefore: Int64 = -60, notAfter: Int64 = 86_400
    ) throws -> String {
        let now = Int64(time(nil))
        return try write(
            name, try TLSIdentity.selfSigned(names: names, validity: now + notBefore...now + notAfter))
    }

    func identity() throws -> TLSIdentity {
        let file = try identityFile()
        return try TLSIdentity.load(certificatePath: file, keyPath: file)
    }
}

enum ScratchError: Error {
    case fileExists
}

/// Records what the application above the handler receives; with `onRead` it acts as the application.
final class Recorder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    var received = ByteBuffer()
    var errors: [TLSError] = []
    var events: [TLSEvent] = []
    var isInactive = false
    var readCompletes = 0
    var writabilityChanges = 0
    var onRead: ((ChannelHandlerContext, ByteBuffer) -> Void)?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        if let onRead { onRead(context, buffer) } else { received.writeImmutableBuffer(buffer) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        readCompletes += 1
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        writabilityChanges += 1
    }

    func channelInactive(context: ChannelHandlerContext) {
        isInactive = true
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSEvent { events.append(event) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? TLSError { errors.append(error) }
    }
}

/// `EmbeddedChannel` would treat the end of the output as the end of the channel.
final class HalfClosure: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .output {
            promise?.succeed()
        } else {
            context.close(mode: mode, promise: promise)
        }
    }
}

/// A server and a client in one thread, connected by a wire that can be cut and changed.
final class TLSPair {
    let server = EmbeddedChannel()
    let client = EmbeddedChannel()
    let atServer = Recorder()
    let atClient = Recorder()
    let clientHandler: TLSHandler
    /// Bytes of each delivery, in both directions.
    var piece = Int.max

    init(
        server serverContext: TLSContext, client clientContext: TLSContext,
        handshakeTurn: @escaping TLSHandler.HandshakeTurn = { $0() }
    ) throws {
        clientHandler = try TLSHandler(context: clientContext)
        try server.pipeline.syncOperations.addHandlers(
            HalfClosure(), TLSHandler(context: serverContext, handshakeTurn: handshakeTurn), atServer)
        try client.pipeline.syncOperations.addHandlers(
            HalfClosure(), clientHandler, atClient)
        try server.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        try client.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 2)).wait()
    }

    /// Returns a pair after the handshake.
    convenience init(_ identity: TLSIdentity) throws {
        try self.init(
            server: .server(identity: identity, applicationProtocols: ["secam/1"]),
            client: .client(
                trust: .fingerprint(identity.fingerprint), serverName: "camera.example",
                applicationProtocols: ["secam/1"]))
        try run()
    }

    /// Delivers bytes and ends of stream until both sides are silent.
    func run() throws {
        while true {
            let moved = try move(from: client, to: server)
            if try !move(from: server, to: client), !moved { break }
        }
    }

    /// Removes and returns the bytes that one side has sent.
    func takeRecords(from sender: EmbeddedChannel) throws -> ByteBuffer {
        var records = ByteBuffer()
        while var buffer = try sender.readOutbound(as: ByteBuffer.self) { records.writeBuffer(&buffer) }
        return records
    }

    private func move(from sender: EmbeddedChannel, to receiver: EmbeddedChannel) throws -> Bool {
        var records = try takeRecords(from: sender)
        guard records.readableBytes > 0 else { return false }
        while receiver.isActive, records.readableBytes > 0 {
            let slice = records.readSlice(length: min(piece, records.readableBytes))
            try receiver.writeInbound(slice)
        }
        return true
    }

    /// Ends the pipelines, as an event loop does for sockets.
    deinit {
        _ = try? server.finish(acceptAlreadyClosed: true)
        _ = try? client.finish(acceptAlreadyClosed: true)
    }
}

func pattern(_ count: Int) -> ByteBuffer {
    ByteBuffer(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) })
}
