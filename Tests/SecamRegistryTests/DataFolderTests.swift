import SecamBase
import SecamMesh
import SecamRegistry
import SecamTestSupport
import SecamWire
import Testing

private let someKey = String(repeating: "0123456789abcdef", count: 4)

@Suite struct KeyListTests {
    @Test func `an key list can be written and read back`() throws {
        let list = KeyList([
            .init(key: try KeyPair().publicKey, role: .capture, pattern: "front door"),
            .init(key: try KeyPair().publicKey, role: .encode, pattern: "encode-*"),
            .init(key: try KeyPair().publicKey, role: .operator, pattern: "*"),
        ])
        #expect(try KeyList(parsing: list.text, path: "allowed") == list)
    }

    @Test func `empty lines, comments and spaces are skipped`() throws {
        let text = "\n# a comment\n   \n  # another\n\(someKey) capture porch\n\n"
        let list = try KeyList(parsing: text, path: "allowed")
        #expect(list.entries.map(\.pattern) == ["porch"])
    }

    @Test func `an key list may have Windows line ends`() throws {
        let text = "# keys\r\n\(someKey) capture porch\r\n\(someKey) encode *\r\n"
        #expect(try KeyList(parsing: text, path: "allowed").entries.map(\.pattern) == ["porch", "*"])
    }

    @Test(arguments: [
        ("garbage", 1, "KEY ROLE NAME"), ("\(someKey) capture", 1, "KEY ROLE NAME"),
        ("\n\n\(someKey) king porch", 3, "KEY ROLE NAME"), ("abc capture porch", 1, "64 hexadecimal"),
        ("# x\n\(someKey) capture ../x", 2, "'../x'"), ("\(someKey) capture a/b", 1, "'a/b'"),
        ("\(someKey) capture " + String(repeating: "x", count: 65), 1, "not a valid name"),
        ("\(someKey)\tcapture\tporch", 1, "KEY ROLE NAME"), ("\0", 1, "KEY ROLE NAME"),
    ])
    func `an invalid line is reported with its number`(text: String, line: Int, word: String) {
        let error = #expect(throws: MeshError.self) { _ = try KeyList(parsing: text, path: "keys/allowed") }
        guard case .badLine("keys/allowed", line, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains(word))
    }

    @Test func `a pattern admits its name or every name with its prefix`() throws {
        let key = try KeyPair().publicKey
        let other = try KeyPair().publicKey
        let list = KeyList([
            .init(key: key, role: .encode, pattern: "encode-*"), .init(key: other, role: .capture, pattern: "porch"),
        ])
        #expect(list.admits(key, role: .encode, name: try Name("encode-7")))
        #expect(!list.admits(key, role: .encode, name: try Name("encode")))
        #expect(!list.admits(key, role: .capture, name: try Name("encode-7")))
        #expect(!list.admits(other, role: .encode, name: try Name("encode-7")))
        #expect(list.admits(other, role: .capture, name: try Name("porch")))
        #expect(!list.admits(other, role: .capture, name: try Name("porch2")))
        #expect(list.contains(key) && list.admits(key, role: .encode) && !list.admits(key, role: .archive))
        #expect(!list.contains(try KeyPair().publicKey))
    }

    @Test func `removing affects only the named entries`() throws {
        let key = try KeyPair().publicKey
        let roles: [Role] = [.capture, .motion, .capture]
        var list = KeyList(roles.map { .init(key: key, role: $0, pattern: "porch") })
        #expect(list.remove(role: .encode, pattern: "porch") == 0)
        #expect(list.remove(role: .capture, pattern: "yard") == 0)
        #expect(list.remove(role: .capture, pattern: "porch") == 2)
        #expect(list.remove(role: nil, pattern: "porch") == 1)
        #expect(list.entries.isEmpty && list.text == "")
    }
}

@Suite struct DataFolderTests {
    private let scratch: ScratchFolder
    private let folder: DataFolder

    init() throws {
        scratch = try ScratchFolder()
        folder = DataFolder(scratch.file("data"))
        try folder.make()
    }

    @Test func `the gateway's keys are created once and kept`() throws {
        let keys = try folder.gatewayKeys()
        #expect(try folder.gatewayKeys() == keys)
        #expect(scratch.mode("data/keys/gateway.key") == 0o600)
        #expect(scratch.mode("data/keys") == 0o700)
    }

    @Test func `a damaged key file is an error and is not replaced`() throws {
        try scratch.write("not a key\n", to: "data/keys/gateway.key")
        #expect(throws: MeshError.badKey(what: folder.gatewayKey)) { _ = try folder.gatewayKeys() }
        #expect(try SecretFile.read(folder.gatewayKey) == "not a key\n")
    }

    @Test func `an invitation admits its key`() throws {
        let text = try folder.invite(.capture, pattern: "porch", registry: "tcp://h:1")
        let identity = try Identity(parsing: text, path: "text")
        #expect(identity.registryKey == (try folder.gatewayKeys().publicKey))
        #expect(try folder.keyList().admits(identity.keys.publicKey, role: .capture, name: try Name("porch")))
        #expect(scratch.mode("data/keys/allowed") == 0o600)
    }

    @Test(arguments: ["a/b", "", "x\ny", "../x", ".hidden", String(repeating: "x", count: 70)])
    func `an invalid name is not invited`(pattern: String) throws {
        _ = try folder.invite(.capture, pattern: "porch", registry: "tcp://h:1")
        #expect(throws: (any Error).self) { _ = try folder.invite(.capture, pattern: pattern, registry: "tcp://h:1") }
        #expect(try folder.keyList().entries.count == 1, "the list is unchanged")
    }

    @Test func `a join file is created once and then reused`() throws {
        let path = try folder.ensureJoinFile(.encode, pattern: "encode-*", registry: "tcp://h:1")
        let text = try SecretFile.read(path)
        #expect(try folder.ensureJoinFile(.encode, pattern: "encode-*", registry: "tcp://h:2") == path)
        #expect(try SecretFile.read(path) == text)
        #expect(try folder.keyList().entries.count == 1)
        try folder.setRegistry("tcp://h:3", role: .encode, pattern: "encode-*")
        #expect(try Identity.read(path, registry: nil, role: .encode).registry == "tcp://h:3")
    }

    @Test func `a join file with a revoked key is rejected`() throws {
        _ = try folder.ensureJoinFile(.capture, pattern: "porch", registry: "tcp://h:1")
        let before = folder.keyListVersion
        #expect(try folder.revoke(role: nil, pattern: "porch") == 1)
        #expect(try folder.revoke(role: nil, pattern: "porch") == 0)
        #expect(folder.keyListVersion != before)
        let error = #expect(throws: MeshError.self) {
            _ = try folder.ensureJoinFile(.capture, pattern: "porch", registry: "tcp://h:1")
        }
        #expect("\(error!)".contains("revoked"))
    }

    @Test func `without a list no key is admitted`() throws {
        #expect(try folder.keyList().entries.isEmpty)
        #expect(folder.keyListVersion == DataFolder("\(folder.path)/none").keyListVersion)
    }
}
