import Glibc
import SecamBase
import SecamTestSupport
import Testing

@Suite struct FileTests {
    private let folder: ScratchFolder

    init() throws { folder = try ScratchFolder() }

    @Test func `a pending file has its name only when it is complete`() throws {
        try folder.write("old", to: "file")
        let file = try PendingFile(for: folder.file("file"), permissions: 0o640)
        try file.write(Array("new".utf8))
        #expect(folder.text("file") == "old")
        try file.replace()
        #expect(folder.text("file") == "new")
        #expect(folder.names == ["file"])
        #expect(folder.mode("file") & 0o137 == 0)
    }

    @Test func `a pending file that is not completed is removed`() throws {
        do {
            let file = try PendingFile(for: folder.file("file"), permissions: 0o600)
            try file.write([1])
            #expect(folder.names.count == 1)
        }
        #expect(folder.names.isEmpty)
    }

    @Test func `creating a file that exists leaves it unchanged`() throws {
        for (text, isFirst) in [("first", true), ("second", false)] {
            let file = try PendingFile(for: folder.file("file"), permissions: 0o600)
            try file.write(Array(text.utf8))
            let isCreated = try file.create()
            #expect(isCreated == isFirst)
        }
        #expect(folder.text("file") == "first")
        #expect(folder.names == ["file"])
    }

    @Test func `a file is read up to its limit`() throws {
        try folder.write([UInt8](repeating: 7, count: 10_000), to: "file")
        #expect(try bytes(folder.file("file"), limit: 10_000)?.count == 10_000)
        #expect(try bytes(folder.file("file"), limit: 9_999) == nil)
        #expect(throws: RegularFile.Failure.cannotOpen(SystemError(code: ENOENT))) {
            try bytes(folder.file("none"), limit: 1)
        }
        #expect(throws: RegularFile.Failure.notRegular) { try bytes(folder.path, limit: 1) }
    }

    private func bytes(_ path: String, limit: Int) throws -> [UInt8]? {
        let file = try RegularFile(path)
        return try file.bytes(limit: limit)
    }

    @Test func `a lock is seen by others as long as it is held`() throws {
        let path = folder.file("lock")
        #expect(!FileLock.isLocked(path))
        do {
            let lock = try FileLock(path)
            #expect(FileLock.isLocked(path))
            if let second = try FileLock(ifFree: path) {
                Issue.record("locked twice")
                _ = consume second
            }
            _ = consume lock
        }
        #expect(!FileLock.isLocked(path))
        let descriptor = unsafe open(path, O_RDWR | O_CLOEXEC)
        defer { close(descriptor) }
        #expect(FileLock.lockIfFree(descriptor))
        #expect(FileLock.isLocked(path))
        FileLock.unlock(descriptor)
        #expect(!FileLock.isLocked(path))
    }

    @Test func `a folder's entries are sorted, and a missing folder has none`() throws {
        for name in ["b", "a", ".hidden"] { try folder.write("", to: name) }
        #expect(FolderEntries.names(in: folder.path) == [".hidden", "a", "b"])
        #expect(FolderEntries.names(in: folder.file("none")).isEmpty)
        #expect(throws: SystemError.self) { try FolderEntries.read(folder.file("none")) }
    }
}
