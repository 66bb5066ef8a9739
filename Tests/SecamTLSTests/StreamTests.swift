import Glibc
import NIOCore
import NIOEmbedded
import SecamTestSupport
import Testing

@testable import SecamTLS

@Suite struct StreamTests {
    let folder: ScratchFolder
    let pair: TLSPair

    init() throws {
        folder = try ScratchFolder()
        pair = try TLSPair(folder.identity())
    }

    private func echo() {
        pair.atServer.onRead = { context, buffer in
            context.writeAndFlush(NIOAny(buffer), promise: nil)
        }
    }

    @Test(arguments: [(0, 1), (1, 1), (16_384, 1), (16_385, 7), (1 << 20, 997), (1 << 20, Int.max)])
    func `bytes come back unchanged`(_ count: Int, _ piece: Int) throws {
        echo()
        pair.piece = piece
        let written = pair.client.writeAndFlush(pattern(count))
        try pair.run()
        try written.wait()
        #expect(pair.atClient.received == pattern(count))
        #expect(pair.atClient.errors.isEmpty && pair.atServer.errors.isEmpty)
    }

    @Test func `writes wait for their flush and share it`() throws {
        let first = pair.server.write(pattern(10))
        let second = pair.server.write(pattern(0))
        let third = pair.server.write(pattern(20_000))
        #expect(try pair.server.readOutbound(as: ByteBuffer.self) == nil)
        pair.server.flush()
        for future in [first, second, third] { try future.wait() }
        let records = try pair.takeRecords(from: pair.server)
        #expect(records.readableBytes == 20_010 + 3 * TLSLimits.recordOverhead)
        try pair.client.writeInbound(records)
        #expect(pair.atClient.received.readableBytes == 20_010)
        #expect(pair.atClient.readCompletes == 1)
    }

    @Test func `a large frame is sent in slices of exact size`() throws {
        pair.server.writeAndFlush(pattern(600_000), promise: nil)
        var sizes: [Int] = []
        var capacities: [Int] = []
        while let slice = try pair.server.readOutbound(as: ByteBuffer.self) {
            sizes.append(slice.readableBytes)
            capacities.append(slice.capacity)
            try pair.client.writeInbound(slice)
        }
        #expect(pair.atClient.received == pattern(600_000))
        #expect(sizes.count == 6 && sizes.dropLast().allSatisfy { $0 == TLSLimits.encryptedSlice + 7 * 22 })
        #expect(capacities.allSatisfy { $0 <= 128 << 10 })
    }

    @Test func `data that a slow peer does not read stays plaintext`() throws {
        pair.server.isWritable = false
        let written = pair.server.writeAndFlush(pattern(300_000))
        #expect(try pair.takeRecords(from: pair.server).readableBytes == 0)
        pair.server.isWritable = true
        pair.server.pipeline.fireChannelWritabilityChanged()
        try pair.run()
        try written.wait()
        #expect(pair.atClient.received == pattern(300_000))
    }

    @Test func `too much data for a slow peer ends the connection`() throws {
        pair.server.isWritable = false
        let part = pattern(1 << 20)
        for _ in 0..<TLSLimits.queuedBytes >> 20 { pair.server.writeAndFlush(part, promise: nil) }
        #expect(pair.atServer.errors.isEmpty)
        pair.server.writeAndFlush(pattern(1), promise: nil)
        #expect(pair.atServer.errors == [.queueFull(limit: TLSLimits.queuedBytes)])
        #expect(!pair.server.isActive)
    }

    @Test func `a close is announced to the peer, which ends without an error`() throws {
        pair.client.writeAndFlush(pattern(3), promise: nil)
        try pair.client.close().wait()
        try pair.run()
        #expect(pair.atServer.received == pattern(3))
        #expect(pair.atServer.errors.isEmpty && pair.atServer.isInactive)
        #expect(pair.atClient.errors.isEmpty && pair.atClient.isInactive)
    }

    @Test func `closing the output sends flushed data and waits for the peer`() throws {
        pair.client.isWritable = false
        let written = pair.client.writeAndFlush(pattern(200_000))
        let closed = pair.client.close(mode: .output)
        let late = pair.client.writeAndFlush(pattern(1))
        #expect(throws: TLSError.closed) { try late.wait() }
        pair.client.isWritable = true
        pair.client.pipeline.fireChannelWritabilityChanged()
        try pair.run()
        try written.wait()
        #expect(pair.atServer.received == pattern(200_000))
        #expect(pair.atServer.errors.isEmpty && pair.atServer.isInactive)
        try closed.wait()
        #expect(pair.atClient.errors.isEmpty && pair.atClient.isInactive, "closed by the server's answer")
    }

    @Test func `closing with unsent data looks like a truncation`() throws {
        pair.server.isWritable = false
        let written = pair.server.writeAndFlush(pattern(10))
        try pair.server.close().wait()
        #expect(throws: TLSError.closed) { try written.wait() }
        #expect(try pair.takeRecords(from: pair.server).readableBytes == 0)
    }

    @Test func `the end of the stream without close_notify is a truncation`() throws {
        pair.client.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(pair.atClient.errors == [.truncated])
        #expect(pair.atClient.isInactive)
    }

    @Test func `a truncated record is a truncation`() throws {
        pair.server.writeAndFlush(pattern(1000), promise: nil)
        var records = try pair.takeRecords(from: pair.server)
        try pair.client.writeInbound(records.readSlice(length: 999))
        pair.client.pipeline.fireChannelInactive()
        #expect(pair.atClient.errors == [.truncated])
        #expect(pair.atClient.received.readableBytes == 0)
    }

    @Test(arguments: [0, 3, 5, 500, 1021]) func `a flipped bit ends the connection`(_ index: Int) throws {
        pair.server.writeAndFlush(pattern(10), promise: nil)
        try pair.run()
        pair.server.writeAndFlush(pattern(1000), promise: nil)
        var records = try pair.takeRecords(from: pair.server)
        records.setInteger(try #require(records.getInteger(at: index, as: UInt8.self)) ^ 0x20, at: index)
        // A damaged length may make the client wait for more bytes, which then do not fit.
        records.writeBytes([UInt8](repeating: 0, count: 20_000))
        try pair.client.writeInbound(records)
        guard case .malformedRecord? = pair.atClient.errors.first else {
            Issue.record("\(pair.atClient.errors)")
            return
        }
        #expect(pair.atClient.errors.count == 1 && pair.atClient.isInactive)
        #expect(pair.atClient.received == pattern(10))
    }

    @Test func `a record sent twice ends the connection`() throws {
        pair.server.writeAndFlush(pattern(10), promise: nil)
        let record = try pair.takeRecords(from: pair.server)
        try pair.client.writeInbound(record)
        try pair.client.writeInbound(record)
        #expect(pair.atClient.received == pattern(10))
        guard case .malformedRecord? = pair.atClient.errors.first else {
            Issue.record("\(pair.atClient.errors)")
            return
        }
    }

    @Test func `data before a damaged record is delivered`() throws {
        pair.server.writeAndFlush(pattern(10), promise: nil)
        var records = try pair.takeRecords(from: pair.server)
        records.writeBytes([23, 3, 3, 0, 32] + [UInt8](repeating: 9, count: 32))
        try pair.client.writeInbound(records)
        #expect(pair.atClient.received == pattern(10))
        #expect(pair.atClient.errors.count == 1 && pair.atClient.isInactive)
    }

    /// Requests key updates, as an attacker with a modified OpenSSL could.
    private func askForKeyUpdate() throws {
        typealias KeyUpdate = @convention(c) (OpaquePointer, CInt) -> CInt
        let symbol = unsafe try #require(dlsym(nil, "SSL_key_update"))
        let keyUpdate = unsafe unsafeBitCast(symbol, to: KeyUpdate.self)
        #expect(unsafe keyUpdate(pair.clientHandler.session.handle, 1) == 1)
        pair.client.writeAndFlush(pattern(1), promise: nil)
    }

    private func requestKeyUpdate() throws {
        try askForKeyUpdate()
        let records = try pair.takeRecords(from: pair.client)
        if pair.server.isActive { try pair.server.writeInbound(records) }
    }

    @Test func `key updates are answered and the stream continues`() throws {
        for _ in 0..<TLSLimits.keyUpdates { try requestKeyUpdate() }
        try pair.run()
        pair.server.writeAndFlush(pattern(100), promise: nil)
        try pair.run()
        #expect(pair.atServer.received.readableBytes == TLSLimits.keyUpdates && pair.atClient.received == pattern(100))
        #expect(pair.atServer.errors.isEmpty && pair.atClient.errors.isEmpty)
    }

    @Test func `a peer that requests more key updates than its bytes explain is disconnected`() throws {
        for _ in 0...TLSLimits.keyUpdates { try requestKeyUpdate() }
        #expect("\(pair.atServer.errors)".contains("too many key updates"))
        #expect(!pair.server.isActive)
    }

    @Test func `key updates in one read stop at the limit`() throws {
        for _ in 0..<1000 { try askForKeyUpdate() }
        let records = try pair.takeRecords(from: pair.client)
        try pair.server.writeInbound(records)
        #expect("\(pair.atServer.errors)".contains("too many key updates"))
        // OpenSSL continues with the 16 KiB that it has read ahead. All answers together would have 27,000 bytes.
        #expect(try pair.takeRecords(from: pair.server).readableBytes < 13_500)
    }

    @Test func `a stream may update its keys for each megabyte`() throws {
        for _ in 0..<2 * TLSLimits.keyUpdates {
            try requestKeyUpdate()
            try pair.run()
            pair.client.writeAndFlush(pattern(TLSLimits.bytesPerKeyUpdate), promise: nil)
            try pair.run()
        }
        #expect(pair.atServer.errors.isEmpty && pair.server.isActive)
    }

    @Test func `writes after the end fail`() throws {
        try pair.client.close().wait()
        let late = pair.client.writeAndFlush(pattern(1))
        #expect(throws: (any Error).self) { try late.wait() }
        try pair.run()
        let answer = pair.server.writeAndFlush(pattern(1))
        #expect(throws: (any Error).self) { try answer.wait() }
    }

    @Test func `data sent without a socket goes through the channel`() throws {
        let sent = try #require(pair.clientHandler.send(pattern(300_000)))
        try pair.run()
        try sent.wait()
        #expect(pair.atServer.received == pattern(300_000))
        try pair.client.close().wait()
        let late = try #require(pair.clientHandler.send(pattern(1)))
        #expect(throws: TLSError.self) { try late.wait() }
    }

    @Test func `the application may close while it receives bytes`() throws {
        var reads = 0
        pair.atServer.onRead = { context, _ in
            reads += 1
            context.close(promise: nil)
        }
        for _ in 0..<3 { pair.client.writeAndFlush(pattern(TLSLimits.readBytes), promise: nil) }
        try pair.run()
        #expect(reads == 1)
        #expect(pair.atServer.errors.isEmpty && pair.atServer.isInactive && pair.atClient.isInactive)
    }

    @Test func `the application may write from a promise`() throws {
        let server = pair.server
        server.writeAndFlush(pattern(5)).assumeIsolated().whenSuccess {
            server.writeAndFlush(pattern(6), promise: nil)
        }
        try pair.run()
        #expect(pair.atClient.received.readableBytes == 11)
    }

    @Test func `closing from a failed promise is harmless`() throws {
        let client = pair.client
        client.isWritable = false
        client.writeAndFlush(pattern(5)).assumeIsolated().whenFailure { _ in
            client.writeAndFlush(pattern(6), promise: nil)
            client.close(promise: nil)
        }
        client.close(promise: nil)
        #expect(!client.isActive && pair.atClient.errors.isEmpty)
    }
}
