import Foundation
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamMedia

@Suite struct MediaNetworkTests {
    @Test(arguments: ["http", "rtsp"])
    func `a refused connection is reported without the password`(scheme: String) throws {
        let silent = try Listener()
        let port = silent.port
        silent.close()
        let error = try #require(failure("\(scheme)://user:secret@127.0.0.1:\(port)/stream?token=secret"))
        guard case .unreachable = error else {
            Issue.record("\(error)")
            return
        }
        #expect(error.description.contains("127.0.0.1:\(port)/stream"))
        #expect(!error.description.contains("secret"))
    }

    @Test(arguments: ["http", "rtsp"])
    func `a server that never answers causes a timeout`(scheme: String) throws {
        let silent = try Listener()
        let url = "\(scheme)://127.0.0.1:\(silent.port)/"
        #expect(throws: MediaError.timedOut(source: url, after: .milliseconds(200))) {
            _ = try MediaReader(url: url, options: MediaReader.Options(timeout: .milliseconds(200)))
        }
    }

    @Test(arguments: ["http", "rtsp"])
    func `cancellation ends a blocked opening`(scheme: String) async throws {
        let silent = try Listener()
        let url = "\(scheme)://127.0.0.1:\(silent.port)/"
        let cancellation = MediaCancellation()
        let opening = Thread.result {
            failure(url, options: MediaReader.Options(timeout: .seconds(600)), cancellation: cancellation)
        }
        // Once connected, libav waits for an answer.
        silent.accept()
        cancellation.cancel()
        #expect(await opening.value == .cancelled(source: url))
    }

    @Test func `the name of an address hides secrets`() throws {
        for url in [
            "rtsp://u:p@cam/live", "rtsp://u:p@ss@cam:554/live", "rtsp://u:p/q@cam/live", "http://cam/a?u&pwd=p",
        ] {
            #expect(try MediaURL(url).name == "\(SecretURL(url))")
        }
        #expect(try MediaURL("/a/b@c?d").name == "/a/b@c?d")
    }
}

/// A TCP port that accepts connections and never answers.
final class Listener {
    let port: UInt16
    private var descriptor: Int32
    private var accepted: [Int32] = []

    init() throws { (descriptor, port) = try Loopback.listen() }

    deinit { close() }

    func accept() {
        accepted.append(Glibc.accept(descriptor, nil, nil))
    }

    func close() {
        for connection in accepted + [descriptor] where connection >= 0 { _ = Glibc.close(connection) }
        accepted = []
        descriptor = -1
    }
}

extension Thread {
    /// Runs `body` on a dedicated thread, because blocking calls must not run in tasks.
    static func result<R: Sendable>(_ body: @escaping @Sendable () -> R) -> Task<R, Never> {
        let (stream, continuation) = AsyncStream<R>.makeStream()
        Thread.detachNewThread {
            continuation.yield(body())
            continuation.finish()
        }
        return Task {
            for await value in stream { return value }
            preconditionFailure("the thread ended without a result")
        }
    }
}
