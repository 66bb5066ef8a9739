import SecamTestSupport
import Testing

@testable import SecamControl

/// The list of files in a backup, which may be malformed.
struct BackupContentsTests {
    private static func file(_ path: String, _ contents: String) -> [UInt8] {
        [UInt8(path.utf8.count >> 8), UInt8(path.utf8.count & 0xFF)] + Array(path.utf8) + [0, 0, 0]
            + [UInt8(contents.utf8.count)] + Array(contents.utf8)
    }

    @Test func `files are read back as they were written`() throws {
        let bytes =
            Self.file("keys/allowed", "a list") + Self.file("policy.yaml", "") + Self.file("tls/key.pem", "a key")
        let contents = try BackupContents(parsing: bytes)
        #expect(contents.files.map(\.path) == ["keys/allowed", "policy.yaml", "tls/key.pem"])
        #expect(contents.files.map(\.bytes.count) == [6, 0, 5])
        #expect(contents.bytes == bytes)
    }

    @Test(arguments: [
        "/etc/passwd", "../users.sqlite", "keys/../../x", "keys/", "keys/a/b", "keys/.ssh", "keys/lock", "keys", "",
        "recordings/x", "keys/a\0b",
    ])
    func `a path that is not a data folder's file is refused`(_ path: String) {
        #expect(throws: CommandError.self) { try BackupContents(parsing: Self.file(path, "x")) }
    }

    @Test func `a truncated backup and a repeated file are refused`() {
        let bytes = Self.file("keys/allowed", "a list") + Self.file("policy.yaml", "a policy")
        let whole = Self.file("keys/allowed", "a list").count
        for count in 1..<bytes.count where count != whole {
            #expect(throws: CommandError.self) { try BackupContents(parsing: Array(bytes.prefix(count))) }
        }
        #expect(throws: CommandError.self) { try BackupContents(parsing: bytes + Self.file("policy.yaml", "")) }
    }
}
