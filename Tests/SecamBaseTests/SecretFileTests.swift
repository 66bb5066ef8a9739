import Glibc
import SecamBase
import SecamTestSupport
import Testing

@Suite struct SecretFileTests {
    private let folder: ScratchFolder

    init() throws { folder = try ScratchFolder() }

    @Test func `a written file is readable by its owner only`() throws {
        try SecretFile.write("geheim ü\n", to: folder.file("key"))
        #expect(try SecretFile.read(folder.file("key")) == "geheim ü\n")
        #expect(folder.mode("key") == 0o600)
        #expect(folder.names == ["key"], "no temporary file is left")
    }

    @Test func `writing replaces the whole file and its permissions`() throws {
        try folder.write("something longer than what comes", to: "key", mode: 0o666)
        try SecretFile.write("new", to: folder.file("key"))
        #expect(try SecretFile.read(folder.file("key")) == "new")
        #expect(folder.mode("key") == 0o600)
        try SecretFile.write("", to: folder.file("key"))
        #expect(try SecretFile.read(folder.file("key")) == "")
    }

    @Test func `a temporary file of an earlier run is not reused`() throws {
        // An earlier process with the same number left a file that is readable by all.
        try folder.write("old", to: "key.\(processNumber).new", mode: 0o644)
        try SecretFile.write("secret", to: folder.file("key"))
        #expect(folder.mode("key") == 0o600)
        #expect(folder.names == ["key"])
    }

    @Test func `a file may be written for other users too`() throws {
        try SecretFile.write("public", to: folder.file("ready"), mode: 0o644)
        #expect(folder.mode("ready") & 0o600 == 0o600)
    }

    @Test(arguments: [0o604, 0o640, 0o644, 0o660, 0o601, 0o777] as [UInt32])
    func `a file that other users can read is rejected with the command that fixes it`(mode: UInt32) throws {
        try folder.write("x", to: "key", mode: mode)
        let error = #expect(throws: SecretFile.Failure.self) { _ = try SecretFile.read(folder.file("key")) }
        #expect(error!.description.contains("chmod 600 '\(folder.file("key"))'"))
        #expect(throws: SecretFile.Failure.self) { _ = try SecretFile.readIfThere(folder.file("key")) }
    }

    @Test func `a missing file is nil only where that is requested`() throws {
        #expect(try SecretFile.readIfThere(folder.file("none")) == nil)
        let error = #expect(throws: SecretFile.Failure.self) { _ = try SecretFile.read(folder.file("none")) }
        #expect(error!.isMissing && error!.path == folder.file("none"))
    }

    @Test func `a folder is not accepted as a file`() throws {
        try SecretFile.makeFolder(folder.file("sub"))
        #expect(throws: SecretFile.Failure.self) { _ = try SecretFile.read(folder.file("sub")) }
        #expect(throws: SecretFile.Failure.self) { try SecretFile.write("x", to: folder.file("sub")) }
        #expect(folder.names == ["sub"])
    }

    @Test func `a pipe is rejected instead of waiting for its writer`() throws {
        let path = folder.path + "/pipe"
        #expect(unsafe mkfifo(path, 0o600) == 0)
        #expect(throws: SecretFile.Failure.self) { try SecretFile.read(path) }
        #expect(throws: SecretFile.Failure.self) { try SecretFile.readIfThere(path) }
    }

    @Test func `a file that is too large or not text is rejected`() throws {
        try folder.write([UInt8](repeating: 65, count: SecretFile.limit), to: "most")
        #expect(try SecretFile.read(folder.file("most")).utf8.count == SecretFile.limit)
        try folder.write([UInt8](repeating: 65, count: SecretFile.limit + 1), to: "large")
        let large = #expect(throws: SecretFile.Failure.self) { _ = try SecretFile.read(folder.file("large")) }
        #expect(large!.reason.contains("larger than"))
        try folder.write([0x41, 0xff, 0xfe], to: "binary")
        let binary = #expect(throws: SecretFile.Failure.self) { _ = try SecretFile.read(folder.file("binary")) }
        #expect(binary!.reason.contains("UTF-8"))
    }

    @Test func `writing into a missing folder is an error`() throws {
        let error = #expect(throws: SecretFile.Failure.self) {
            try SecretFile.write("x", to: folder.file("none/key"))
        }
        #expect(error!.isMissing)
    }

    @Test func `folders are created with their parents`() throws {
        try SecretFile.makeFolder(folder.file("a/b/c"))
        try SecretFile.makeFolder(folder.file("a/b/c"))
        #expect(folder.mode("a") == 0o700 && folder.mode("a/b/c") == 0o700)
    }

    @Test func `a folder in place of a file is an error`() throws {
        try folder.write("x", to: "file", mode: 0o700)
        #expect(throws: SecretFile.Failure.self) { try SecretFile.makeFolder(folder.file("file/sub")) }
        #expect(throws: SecretFile.Failure.self) { try SecretFile.makeFolder(folder.file("file")) }
    }
}
