import NIOCore

/// A queue of plaintext to be encrypted, with the promises of its writes.
struct TLSWriteQueue {
    private struct Write {
        var buffer: ByteBuffer
        var promise: EventLoopPromise<Void>?
    }

    private var writes = MarkedCircularBuffer<Write>(initialCapacity: 4)
    private(set) var byteCount = 0
    private var flushedByteCount = 0

    var isEmpty: Bool { writes.isEmpty }

    /// Whether flushed plaintext is left.
    var hasFlushed: Bool { writes.hasMark }

    mutating func append(_ buffer: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
        byteCount += buffer.readableBytes
        writes.append(Write(buffer: buffer, promise: promise))
    }

    mutating func markFlushed() {
        guard !writes.isEmpty else { return }
        writes.mark()
        flushedByteCount = byteCount
    }

    /// Encrypts up to one slice of the flushed plaintext.
    ///
    /// - Returns: one promise for all writes that end in this slice; `nil` when none of them has a promise.
    mutating func encryptSlice(
        with session: TLSSession, _ scratch: TLSScratch, _ eventLoop: any EventLoop
    ) throws(TLSError) -> EventLoopPromise<Void>? {
        var room = TLSLimits.encryptedSlice
        var promise: EventLoopPromise<Void>?
        if flushedByteCount > 0 { session.reserveOutgoing(plaintext: min(room, flushedByteCount), in: scratch) }
        while room > 0, writes.hasMark {
            let index = writes.startIndex
            let count = min(room, writes[index].buffer.readableBytes)
            do throws(TLSError) {
                try session.write(&writes[index].buffer, count)
            } catch {
                promise?.fail(error)
                throw error
            }
            room -= count
            byteCount -= count
            flushedByteCount -= count
            if writes[index].buffer.readableBytes == 0 {
                Self.join(writes.removeFirst().promise, to: &promise, eventLoop)
            }
        }
        return promise
    }

    /// Empties the queue.
    ///
    /// - Returns: the promises to fail. They may call back into the handler, so the caller fails them.
    mutating func removeAll() -> [EventLoopPromise<Void>] {
        let promises = writes.compactMap(\.promise)
        self = TLSWriteQueue()
        return promises
    }

    private static func join(
        _ promise: EventLoopPromise<Void>?, to joint: inout EventLoopPromise<Void>?, _ eventLoop: any EventLoop
    ) {
        guard let promise else { return }
        guard let first = joint else {
            joint = promise
            return
        }
        // NIO does the same for one write.
        first.futureResult.cascade(to: promise)
    }
}
