import CLinux
import Glibc
import SecamBase
import SecamWire

/// The folder of the sockets over which cameras hand out their memory files. Only its owner can write to it.
final class SocketFolder {
    private let descriptor: CInt

    /// Opens a folder, and makes it if its parent exists.
    init(_ path: String) throws(SharingFailure) {
        var path = path
        // With a slash at its end, the path of a symbolic link would lead to the folder.
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        if unsafe mkdir(path, 0o700) != 0, errno != EEXIST {
            throw SharingFailure(system: "cannot make the folder \(path)")
        }
        let folder = unsafe secam_open_folder(path)
        guard folder >= 0 else {
            let error = SystemError.last
            throw error.code == ENOTDIR || error.code == ELOOP
                ? SharingFailure("\(path) is no folder, or a symbolic link; name the folder itself")
                : SharingFailure(system: "cannot open the folder \(path)", error)
        }
        descriptor = folder
        var status = stat()
        guard unsafe fstat(folder, &status) == 0 else {
            throw SharingFailure(system: "cannot check the folder \(path)")
        }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw SharingFailure(
                "the folder \(path) belongs to user \(status.st_uid), not to this service's user \(geteuid()) or root")
        }
        guard status.st_mode & 0o022 == 0 else {
            throw SharingFailure("other users can write to the folder \(path); run: chmod 700 '\(path)'")
        }
    }

    deinit { close(descriptor) }

    /// Calls `body` with the address of a socket in the folder.
    ///
    /// The path leads over the open folder. Another folder cannot take its place, and the length of the folder's own path
    /// does not count against the 107 bytes of an address.
    func withAddress<Result>(of name: Name, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = Array("/proc/self/fd/\(descriptor)/\(name)".utf8)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { target in
            // A name has at most 64 bytes.
            precondition(path.count < target.count, "the path of a socket is too long")
            unsafe target.copyBytes(from: path)
        }
        return unsafe withUnsafePointer(to: address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe body(pointer, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    /// Returns the file of this name if it is a socket, also of another user.
    func socketFile(_ name: Name) -> stat? {
        var status = stat()
        guard unsafe fstatat(descriptor, name.text, &status, AT_SYMLINK_NOFOLLOW) == 0,
            status.st_mode & S_IFMT == S_IFSOCK
        else { return nil }
        return status
    }

    func remove(_ name: Name) { _ = unsafe unlinkat(descriptor, name.text, 0) }

    /// Age above which a socket file without a listener is left over from a camera that was killed.
    private static let staleAgeSeconds = 10
    /// Number of entries that are looked at.
    private static let entryLimit = 4096

    /// Removes the sockets of cameras that were killed.
    func removeStale(comparedTo own: stat) {
        for entry in FolderEntries.names(in: "/proc/self/fd/\(descriptor)").prefix(SocketFolder.entryLimit) {
            guard let name = try? Name(entry), let file = socketFile(name), file.st_uid == geteuid(),
                own.st_mtim.tv_sec - file.st_mtim.tv_sec > SocketFolder.staleAgeSeconds, hasNoListener(name)
            else { continue }
            remove(name)
        }
    }

    private func hasNoListener(_ name: Name) -> Bool {
        let descriptor = UnixSocket.make()
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return unsafe withAddress(of: name) { address, length in
            unsafe connect(descriptor, address, length) != 0 && errno == ECONNREFUSED
        }
    }
}

/// Unix sockets between processes of one user.
enum UnixSocket {
    /// Returns a socket that does not wait; -1 with `errno` set.
    static func make() -> CInt {
        socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    }

    /// Returns whether the peer runs as this process's user.
    static func isOwn(_ descriptor: CInt) -> Bool { secam_peer_user(descriptor) == Int64(geteuid()) }
}
