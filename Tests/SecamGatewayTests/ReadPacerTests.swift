import NIOCore
import NIOEmbedded
import SecamTestSupport
import Testing

@testable import SecamGateway

@Suite struct ReadPacerTests {
    /// A connection whose peer sends single bytes.
    private struct Connection {
        let channel: EmbeddedChannel
        let reads = ReadCounter()

        init(countRead: @escaping (_ bytes: Int) -> Bool) throws {
            channel = EmbeddedChannel()
            try channel.pipeline.syncOperations.addHandlers([reads, ReadPacer(countRead: countRead)])
        }

        /// Receives as many bytes, each with a read, and returns the reads that reached the socket.
        func receive(_ count: Int) throws -> Int {
            let before = reads.count
            for _ in 0..<count {
                try channel.writeInbound(ByteBuffer(bytes: [7]))
                channel.read()
            }
            return reads.count - before
        }
    }

    @Test func `a newcomer that sends single bytes gets one read per interval after its free reads`() throws {
        let connection = try Connection { _ in true }
        #expect(try connection.receive(ReadPacer.freeReads - 1) == ReadPacer.freeReads - 1)
        #expect(try connection.receive(5) == 0)
        for paced in 1...3 {
            connection.channel.embeddedEventLoop.advanceTime(by: ReadPacer.interval)
            #expect(connection.reads.count == ReadPacer.freeReads - 1 + paced)
            #expect(try connection.receive(1) == 0)
        }
        _ = try connection.channel.finish()
    }

    @Test func `a user's reads are counted and not paced`() throws {
        var bytes = 0
        let connection = try Connection {
            bytes += $0
            return false
        }
        #expect(try connection.receive(1000) == 1000)
        #expect(bytes == 1000)
        _ = try connection.channel.finish()
    }

    @Test func `a connection that ends while a read is due is not read again`() throws {
        let connection = try Connection { _ in true }
        _ = try connection.receive(ReadPacer.freeReads)
        let reads = connection.reads.count
        _ = try connection.channel.finish()
        connection.channel.embeddedEventLoop.advanceTime(by: ReadPacer.interval)
        #expect(connection.reads.count == reads)
    }
}
