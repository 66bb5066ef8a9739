import CLinux
import Glibc
import SecamBase
package import SecamWire

/// An encoder's visit to a camera's socket, which exchanges a ticket for the memory file.
package enum MemoryVisit {
    /// Time for each step: a camera that hangs must not hold up others for long.
    private static let timeout = timeval(tv_sec: 1, tv_usec: 0)

    /// Maps the memory file that a camera offers. Each of the three steps at the socket blocks for at most one second.
    /// A hostile camera can block the closing of the descriptor that it sent for any time.
    ///
    /// - Parameter folder: the only place where a socket is looked for, whatever the camera says.
    package static func map(_ share: Share, folder path: String) throws(SharingFailure) -> MappedMemory {
        guard let shape = MemoryShape(share) else {
            throw SharingFailure("\(share.slots) slots of \(share.slotLength) bytes are not allowed")
        }
        let folder = try SocketFolder(path)
        guard let place = folder.socketFile(share.socket) else { throw .elsewhere }
        guard place.st_uid == geteuid() else {
            throw SharingFailure(
                "the camera's socket belongs to user \(place.st_uid), not to this service's user \(geteuid())")
        }
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SharingFailure(system: "cannot make a socket") }
        defer { close(descriptor) }
        var limit = timeout
        for option in [SO_SNDTIMEO, SO_RCVTIMEO] {
            _ = unsafe setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        guard unsafe folder.withAddress(of: share.socket, { unsafe connect(descriptor, $0, $1) }) == 0 else {
            throw SharingFailure(system: "cannot connect to the camera's socket")
        }
        guard UnixSocket.isOwn(descriptor) else { throw SharingFailure("the camera's socket is another user's") }
        guard
            unsafe send(descriptor, share.ticket, share.ticket.count, Int32(MSG_NOSIGNAL))
                == share.ticket.count
        else { throw SharingFailure(system: "cannot send the ticket") }
        let file = secam_receive_descriptor(descriptor)
        guard file >= 0 else {
            let error = SystemError.last
            switch error.code {
            case EPIPE, ECONNRESET: throw SharingFailure("the camera refused the ticket")
            case EBADMSG: throw SharingFailure("the camera did not send exactly one file")
            case EAGAIN: throw SharingFailure("the camera's socket does not answer")
            default: throw SharingFailure(system: "cannot receive the camera's memory file", error)
            }
        }
        defer { close(file) }
        return try MappedMemory(file, number: share.memory, shape: shape)
    }
}
