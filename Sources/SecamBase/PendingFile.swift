import Glibc

/// A new file that gets its name only when it is complete: a failure or crash leaves the old file or the new one.
package struct PendingFile: ~Copyable {
    /// The file, open for writing.
    package let descriptor: CInt
    private let path: String
    private let temporaryPath: String
    /// Whether a file with the temporary name is left to remove.
    private var isTemporary = true

    /// Creates the file under a temporary name in the same folder.
    ///
    /// - Parameter writer: distinguishes concurrent writers of the file; by default, the process.
    package init(for path: String, permissions: UInt32, writer: String = "\(getpid())") throws(SystemError) {
        let temporary = "\(path).\(writer).new"
        // An existing file must not be reused: its creator chose who can read it.
        unsafe unlink(temporary)
        let file = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, permissions)
        guard file >= 0 else { throw .last }
        descriptor = file
        temporaryPath = temporary
        self.path = path
    }

    deinit {
        close(descriptor)
        if isTemporary { unsafe unlink(temporaryPath) }
    }

    package func write(_ bytes: [UInt8]) throws(SystemError) {
        try FileBytes.write(bytes, to: descriptor)
    }

    /// Brings the file's content to the disk.
    package func synchronize() throws(SystemError) {
        guard fsync(descriptor) == 0 else { throw .last }
    }

    /// Gives the file its name, and replaces an existing file.
    package consuming func replace() throws(SystemError) {
        guard unsafe rename(temporaryPath, path) == 0 else { throw .last }
        isTemporary = false
    }

    /// Gives the file its name unless there is such a file.
    ///
    /// - Returns: false when there is one.
    package consuming func create() throws(SystemError) -> Bool {
        // Unlike rename, link fails when another process was first.
        if unsafe link(temporaryPath, path) == 0 { return true }
        guard errno == EEXIST else { throw .last }
        return false
    }
}
