import Glibc
import NIOCore

/// The socket under a channel, for bytes that need not wait in the channel.
struct TLSSocket {
    private let core: any NIOTransportAccessibleChannelCore<NIOBSDSocket.Handle>

    /// Nil for a channel that has none.
    init?(_ channel: any Channel) {
        guard let core = channel._channelCore as? any NIOTransportAccessibleChannelCore<NIOBSDSocket.Handle> else {
            return nil
        }
        self.core = core
    }

    /// - Returns: how many of the bytes the socket took. None of them after an error, which the channel meets in turn
    ///   when it is given the rest.
    func send(_ buffer: ByteBuffer) -> Int {
        let count = try? core.withUnsafeTransport { descriptor in
            unsafe buffer.withUnsafeReadableBytes { bytes in
                unsafe Glibc.send(
                    descriptor, bytes.baseAddress, bytes.count, CInt(Glibc.MSG_NOSIGNAL) | CInt(Glibc.MSG_DONTWAIT))
            }
        }
        return max(count ?? 0, 0)
    }
}

/// Memory for records on their way to a socket, which the connections of one event loop use in turn: so it stays in
/// the processor's cache. Only used on that loop.
package final class TLSScratch {
    private var buffer = ByteBuffer()

    package init() {}

    /// An empty buffer with room for so many bytes.
    func take(_ byteCount: Int) -> ByteBuffer {
        var taken = ByteBuffer()
        swap(&taken, &buffer)
        taken.reserveCapacity(byteCount)
        return taken
    }

    func giveBack(_ used: consuming ByteBuffer) {
        used.clear()
        buffer = used
    }
}

@available(*, unavailable)
extension TLSScratch: Sendable {}
