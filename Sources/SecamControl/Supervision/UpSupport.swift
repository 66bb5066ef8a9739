import Glibc
import SecamBase
import SecamCrypto
import SecamMesh
package import SecamRegistry
import SecamUsers
import SecamWire
import Synchronization

/// The lock that lets only one `secam up` use a data folder.
final class FolderLock: Sendable {
    private let lock: Mutex<FileLock?>

    init(_ folder: DataFolder) throws {
        let lock: FileLock?
        do throws(SecretFile.Failure) { lock = try FileLock(ifFree: "\(folder.path)/lock") } catch {
            throw CommandError("\(error)", .noPermission)
        }
        guard let lock else {
            throw CommandError(
                "\(folder.path) is in use by another 'secam up'; end that one, or choose another folder with --data",
                .unavailable)
        }
        self.lock = Mutex(lock)
    }

    /// Releases the lock, as the end of the process does.
    func release() { lock.withLock { $0 = nil } }
}

/// The first user, who can manage all others.
package enum FirstAdmin {
    /// Creates the user `admin` with a random password unless there is an admin.
    ///
    /// - Returns: the new user's password; `nil` when there was an admin.
    package static func make(in folder: DataFolder) throws -> String? {
        let users = try UserStore(path: folder.users)
        guard try !users.list().contains(where: { $0.role == .admin || $0.name.text == "admin" }) else { return nil }
        let password = try SecureRandom.password()
        try users.add(try Name("admin"), password: password, role: .admin)
        return password
    }
}

/// The other programs, which are in the same folder as this one.
package enum SiblingPrograms {
    /// The folder's absolute path.
    package static var folder: String {
        var bytes = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &bytes, bytes.count)
        guard count > 0 else { return "." }
        let path = String(decoding: bytes.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }

    /// The folder as in this program's command, with a slash, so that a user can paste a printed command.
    package static var shown: String {
        let called = CommandLine.arguments.first ?? ""
        return called.lastIndex(of: "/").map { String(called[...$0]) } ?? ""
    }
}

enum ShellText {
    /// Returns text as one word of a shell command.
    static func quoted(_ text: String) -> String {
        let isPlain = text.unicodeScalars.allSatisfy { scalar in
            scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "._-".unicodeScalars.contains(scalar)
        }
        return isPlain
            ? text : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}

/// The address of the set, which is known once its gateway is ready.
final class AddressBox: Sendable {
    private let address = Mutex<ServiceSetAddress?>(nil)

    func set(_ reached: ServiceSetAddress) { address.withLock { $0 = reached } }

    func get() -> ServiceSetAddress? { address.withLock { $0 } }
}

/// Unbuffered standard error, for messages beside a command's output.
enum ErrorOutput {
    static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe Glibc.write(2, bytes, bytes.count)
    }
}

/// Unbuffered standard output.
package enum StandardOutput {
    /// Writes text, and ignores errors.
    package static func print(_ text: String) { try? write(Array(text.utf8)) }

    /// - Throws: when not all bytes can be written.
    package static func write(_ bytes: [UInt8]) throws(CommandError) {
        do throws(SystemError) { try FileBytes.write(bytes, to: STDOUT_FILENO) } catch {
            throw CommandError("standard output: \(error)", .inputOutput)
        }
    }
}

enum StandardInput {
    /// Returns all bytes up to the end of the input.
    ///
    /// - Throws: also when there are more than `limit` bytes.
    static func readAll(limit: Int) throws(CommandError) -> [UInt8] {
        let bytes: [UInt8]?
        do throws(SystemError) { bytes = try FileBytes.read(STDIN_FILENO, limit: limit) } catch {
            throw CommandError("standard input: \(error)", .inputOutput)
        }
        guard let bytes else { throw CommandError("standard input holds more than \(limit) bytes", .data) }
        return bytes
    }
}
