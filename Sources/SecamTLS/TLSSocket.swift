import Glibc
import NIOCore

/// The socket under a channel, for bytes that can bypass the channel.
struct TLSSocket {
    private let core: any NIOTransportAccessibleChannelCore<NIOBSDSocket.Handle>

    /// `nil` for a channel without one.
    init?(_ channel: any Channel) {
        guard let core = channel._channelCore as? any NIOTransportAccessibleChannelCore<NIOBSDSocket.Handle> else {
            return nil
        }
        self.core = core
    }

    /// - Returns: the number of bytes that the socket accepted; 0 after an error, which the channel meets when it
    ///   writes the rest.
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

/// Memory for records on their way to a socket, reused by the connections of one event loop so that it stays in the
/// processor's cache. It is used only on that loop.
package final class TLSScratch {
    private var buffer = ByteBuffer()

    package init() {}

    /// Returns an empty buffer with this capacity; `giveBack` returns it.
    func borrow(_ byteCount: Int) -> ByteBuffer {
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
