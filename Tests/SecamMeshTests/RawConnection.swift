import CSodium
import Glibc
import SecamMesh
import SecamTestSupport

/// A TCP connection that speaks ZMTP 3.0 and CURVE step by step (RFC 23, RFC 26).
@safe final class RawConnection {
    private let descriptor: Int32
    private var sharedKey = [UInt8](repeating: 0, count: 32)
    private var nonce: UInt64 = 3
    private var messageNonce = "CurveZMQMESSAGEC"

    /// - Parameter receiveBuffer: size of the kernel's receive buffer, bytes; `nil` for the system's default.
    init(_ endpoint: String, receiveBuffer: Int32? = nil) throws {
        guard let port = endpoint.split(separator: ":").last.flatMap({ UInt16($0) }) else {
            throw TestFailure("no port in \(endpoint)")
        }
        descriptor = Loopback.makeSocket()
        var timeout = timeval(tv_sec: 60, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            unsafe setsockopt(descriptor, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
        }
        if var receiveBuffer { unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, 4) }
        try Loopback.connect(descriptor, to: port)
    }

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Makes the end of the connection a reset (RST) instead of an orderly close.
    func resetAtEnd() {
        var option = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// Accepts connections until one completes the handshake; on a busy machine a peer may have given up.
    static func accept(_ listener: Int32, keys: KeyPair) throws -> RawConnection {
        for _ in 0..<1000 {
            let descriptor = Glibc.accept(listener, nil, nil)
            guard descriptor >= 0 else { throw TestFailure("no peer connects") }
            let connection = RawConnection(descriptor: descriptor)
            if (try? connection.serve(keys)) != nil { return connection }
        }
        throw TestFailure("no peer goes through the handshake")
    }

    private func serve(_ keys: KeyPair) throws {
        try greet(asServer: true)
        let peer = Array(try receiveFrame()[80..<112])
        var (ownPublic, ownSecret) = ([UInt8](repeating: 0, count: 32), [UInt8](repeating: 0, count: 32))
        _ = unsafe crypto_box_keypair(&ownPublic, &ownSecret)
        let nonce = (0..<16).map { _ in UInt8.random(in: 0...255) }
        let welcome = Self.box(
            ownPublic + [UInt8](repeating: 0, count: 96), nonce: "WELCOME-", nonce, peer, Self.secret(of: keys))
        sendRaw(Self.frame([7] + Array("WELCOME".utf8) + nonce + welcome, flags: 4))
        _ = try receiveFrame()
        let metadata = Self.property("Socket-Type", Array("ROUTER".utf8)) + Self.property("Identity", [])
        let ready = Self.box(metadata, nonce: "CurveZMQREADY---", Self.number(1), peer, ownSecret)
        sendRaw(Self.frame([5] + Array("READY".utf8) + Self.number(1) + ready, flags: 4))
        _ = unsafe crypto_box_beforenm(&sharedKey, peer, ownSecret)
        messageNonce = "CurveZMQMESSAGES"
    }

    /// Whether the other end has closed the connection. Reading discards the bytes before the end.
    var isClosed: Bool {
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe recv(descriptor, &chunk, chunk.count, Int32(MSG_DONTWAIT))
            if count > 0 { continue }
            return count == 0 || errno != EAGAIN
        }
    }

    /// Sends raw bytes; returns `false` when the other end has closed the connection.
    @discardableResult
    func sendRaw(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Sends the greeting and reads the peer's.
    func greet(asServer: Bool = false) throws {
        sendRaw(
            [0xff] + [UInt8](repeating: 0, count: 8) + [0x7f, 3, 0] + Array("CURVE".utf8)
                + [UInt8](repeating: 0, count: 15) + [asServer ? 1 : 0] + [UInt8](repeating: 0, count: 31))
        _ = try receiveRaw(64)
    }

    /// Completes the handshake.
    func authenticate(as keys: KeyPair, server: PublicKey, routingID: [UInt8] = []) throws {
        try greet()
        var (ownPublic, ownSecret) = ([UInt8](repeating: 0, count: 32), [UInt8](repeating: 0, count: 32))
        _ = unsafe crypto_box_keypair(&ownPublic, &ownSecret)
        let hello = Self.box(
            [UInt8](repeating: 0, count: 64), nonce: "CurveZMQHELLO---", Self.number(1), server.bytes, ownSecret)
        sendRaw(
            Self.frame(
                [5] + Array("HELLO".utf8) + [1, 0] + [UInt8](repeating: 0, count: 72) + ownPublic + Self.number(1)
                    + hello, flags: 4))
        let welcome = try receiveFrame()
        var opened = [UInt8](repeating: 0, count: 128)
        let status = unsafe crypto_box_open_easy(
            &opened, Array(welcome[24...]), 144, Array("WELCOME-".utf8) + welcome[8..<24], server.bytes, ownSecret)
        guard status == 0 else { throw TestFailure("WELCOME cannot be opened") }
        let (serverKey, cookie) = (Array(opened[..<32]), opened[32...])
        let vouchNonce = (0..<16).map { _ in UInt8.random(in: 0...255) }
        let vouch = Self.box(
            ownPublic + server.bytes, nonce: "VOUCH---", vouchNonce, serverKey, Self.secret(of: keys))
        let metadata =
            Self.property("Socket-Type", Array("DEALER".utf8)) + Self.property("Identity", routingID)
        let initiate = Self.box(
            keys.publicKey.bytes + vouchNonce + vouch + metadata, nonce: "CurveZMQINITIATE", Self.number(2), serverKey,
            ownSecret)
        sendRaw(Self.frame([8] + Array("INITIATE".utf8) + cookie + Self.number(2) + initiate, flags: 4))
        guard try receiveFrame().starts(with: [5] + Array("READY".utf8)) else {
            throw TestFailure("the handshake was refused")
        }
        _ = unsafe crypto_box_beforenm(&sharedKey, serverKey, ownSecret)
    }

    /// Sends one part; returns `false` when the other end has closed the connection.
    @discardableResult
    func send(_ part: [UInt8], hasMore: Bool = false) -> Bool {
        defer { nonce += 1 }
        let plain = [hasMore ? 1 : 0] + part
        var sealed = [UInt8](repeating: 0, count: plain.count + 16)
        _ = unsafe crypto_box_easy_afternm(
            &sealed, plain, UInt64(plain.count), Array(messageNonce.utf8) + Self.number(nonce), sharedKey)
        return sendRaw(Self.frame([7] + Array("MESSAGE".utf8) + Self.number(nonce) + sealed, flags: 0))
    }

    private func receiveRaw(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            var chunk = [UInt8](repeating: 0, count: count - bytes.count)
            let received = unsafe recv(descriptor, &chunk, chunk.count, 0)
            guard received > 0 else { throw TestFailure("the connection ended in the handshake") }
            bytes += chunk[..<received]
        }
        return bytes
    }

    private func receiveFrame() throws -> [UInt8] {
        let flags = try receiveRaw(1)[0]
        let length = try receiveRaw(flags & 2 == 0 ? 1 : 8).reduce(0) { $0 << 8 | Int($1) }
        return try receiveRaw(length)
    }

    private static func frame(_ body: [UInt8], flags: UInt8) -> [UInt8] {
        body.count < 256 ? [flags, UInt8(body.count)] + body : [flags | 2] + number(UInt64(body.count)) + body
    }

    private static func property(_ name: String, _ value: [UInt8]) -> [UInt8] {
        [UInt8(name.utf8.count)] + Array(name.utf8) + [0, 0, 0, UInt8(value.count)] + value
    }

    private static func box(
        _ plain: [UInt8], nonce prefix: String, _ nonce: [UInt8], _ publicKey: [UInt8], _ secret: [UInt8]
    ) -> [UInt8] {
        var sealed = [UInt8](repeating: 0, count: plain.count + 16)
        _ = unsafe crypto_box_easy(
            &sealed, plain, UInt64(plain.count), Array(prefix.utf8) + nonce, publicKey, secret)
        return sealed
    }

    private static func number(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) }
    }
}

extension RawConnection {
    /// The secret key of a pair, for a foreign program.
    static func secret(of keys: KeyPair) -> [UInt8] {
        stride(from: 0, to: 64, by: 2).map { start -> UInt8 in
            let digits = keys.secretHexadecimal.utf8.dropFirst(start).prefix(2)
            return UInt8(String(decoding: Array(digits), as: UTF8.self), radix: 16) ?? 0
        }
    }
}
