import NIOCore
import NIOPosix
import SecamTestSupport
import Subprocess
import Synchronization
import Testing

@testable import SecamTLS

/// A server on the loopback interface and OpenSSL's own client.
@Suite struct SocketTests {
    /// A handler that echoes the first bytes and closes.
    private final class EchoOnce: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        let errors: Errors

        init(_ errors: Errors) {
            self.errors = errors
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.writeAndFlush(data, promise: nil)
            context.close(mode: .output, promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            errors.texts.withLock { $0.append("\(error)") }
            context.close(promise: nil)
        }
    }

    private final class Errors: Sendable {
        let texts = Mutex<[String]>([])
    }

    /// Returns the output of `openssl s_client` for `input` to an echo server.
    private func connect(
        _ arguments: [String], input: some InputProtocol
    ) async throws -> (output: String, succeeded: Bool, serverErrors: [String]) {
        let folder = try ScratchFolder()
        let identity = try folder.identity()
        let context = try TLSContext.server(identity: identity, applicationProtocols: ["secam/1"])
        let errors = Errors()
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(TLSHandler(context: context), EchoOnce(errors))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        let result = try await run(
            .name("openssl"),
            arguments: Arguments(
                ["s_client", "-connect", "127.0.0.1:\(port)", "-CAfile", folder.path + "/identity.pem"] + arguments),
            input: input, output: .string(limit: 1 << 16), error: .string(limit: 1 << 16))
        try await server.close()
        return (
            result.standardOutput + result.standardError, result.terminationStatus.isSuccess,
            errors.texts.withLock { $0 }
        )
    }

    @Test func `OpenSSL verifies the server and gets its bytes back`() async throws {
        let result = try await connect(
            ["-alpn", "secam/1", "-verify_hostname", "camera.example", "-verify_return_error", "-ign_eof"],
            input: .string("ping\n"))
        #expect(result.succeeded, "\(result.output)")
        #expect(result.output.contains("New, TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256"))
        #expect(result.output.contains("ALPN protocol: secam/1"))
        #expect(result.output.contains("Verify return code: 0 (ok)"))
        #expect(result.output.contains("\nping\n"))
        #expect(result.serverErrors.isEmpty)
    }

    @Test(arguments: ["X25519", "P-256"])
    func `a key exchange by an elliptic curve is accepted`(group: String) async throws {
        let result = try await connect(["-alpn", "secam/1", "-groups", group], input: .string("ping\n"))
        #expect(result.output.contains("New, TLSv1.3"), "\(result.output)")
        #expect(result.serverErrors.isEmpty)
    }

    @Test(arguments: ["ffdhe2048", "ffdhe8192", "X448", "P-521"])
    func `a costly key exchange is refused with an alert`(group: String) async throws {
        let result = try await connect(["-alpn", "secam/1", "-groups", group], input: .none)
        #expect(!result.succeeded)
        #expect(result.output.contains("alert handshake failure"), "\(result.output)")
        #expect(result.serverErrors.count == 1)
    }

    @Test(arguments: [
        (["-tls1_2", "-alpn", "secam/1"], "alert protocol version", "unsupported protocol"),
        (["-alpn", "h2"], "alert no application protocol", "the peer offers only h2"),
        ([], "alert no application protocol", "the peer offers no application protocol"),
    ])
    func `an OpenSSL client outside the policy is refused with an alert`(
        _ arguments: [String], _ alert: String, _ serverError: String
    ) async throws {
        let result = try await connect(arguments, input: .none)
        #expect(!result.succeeded)
        #expect(result.output.contains(alert), "\(result.output)")
        #expect(result.serverErrors.count == 1)
        #expect(result.serverErrors.first?.contains(serverError) == true, "\(result.serverErrors)")
    }
}
