import SecamConfig
import SecamMesh
import SecamTestSupport
import SecamWire
import Testing

private let someKey = String(repeating: "0123456789abcdef", count: 4)

@Suite struct CurveKeyTests {
    @Test func aPairCanBeWrittenDownAndReadBack() throws {
        let pair = try KeyPair()
        let again = try KeyPair(secretHexadecimal: pair.secretHexadecimal, what: "test")
        #expect(again == pair)
        #expect(try PublicKey(hexadecimal: pair.publicKey.description, what: "test") == pair.publicKey)
        #expect(try KeyPair() != pair)
    }

    @Test func thePublicHalfIsWorkedOutAsInRFC7748() throws {
        // Alice's keys of its section 6.1.
        let pair = try KeyPair(
            secretHexadecimal: "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", what: "test")
        #expect(
            pair.publicKey.description == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    }

    @Test func aDescriptionNeverShowsTheSecret() throws {
        let pair = try KeyPair()
        #expect("\(pair)" == pair.publicKey.description)
        #expect(!"\(pair)".contains(pair.secretHexadecimal))
        #expect(!String(reflecting: pair.publicKey).contains(pair.secretHexadecimal))
    }

    @Test(arguments: [
        "", "0", String(someKey.dropLast()), someKey + "0", String(someKey.dropLast()) + "g", " " + someKey.dropLast(),
        String(someKey.dropLast()) + "\n", String(repeating: "０", count: 64), String(someKey.dropLast()) + "é",
    ])
    func whatIsNoKeyIsRefusedByName(text: String) {
        #expect(throws: MeshError.badKey(what: "registry-key in porch.join")) {
            _ = try PublicKey(hexadecimal: text, what: "registry-key in porch.join")
        }
        #expect(throws: MeshError.badKey(what: "secret-key")) {
            _ = try KeyPair(secretHexadecimal: text, what: "secret-key")
        }
    }

    @Test func capitalsAreDigitsToo() throws {
        #expect(try PublicKey(hexadecimal: someKey.uppercased(), what: "test").description == someKey)
    }

    @Test func aPublicKeyHasThirtyTwoBytes() {
        #expect(PublicKey(bytes: []) == nil)
        #expect(PublicKey(bytes: [UInt8](repeating: 1, count: 31)) == nil)
        #expect(PublicKey(bytes: [UInt8](repeating: 1, count: 33)) == nil)
        #expect(PublicKey(bytes: [UInt8](repeating: 1, count: 32))?.bytes.count == 32)
    }
}

@Suite struct AllowlistTests {
    @Test func aFileCanBeWrittenAndReadBack() throws {
        let list = Allowlist([
            .init(key: try KeyPair().publicKey, role: .capture, pattern: "front door"),
            .init(key: try KeyPair().publicKey, role: .encode, pattern: "encode-*"),
            .init(key: try KeyPair().publicKey, role: .operator, pattern: "*"),
        ])
        #expect(try Allowlist(parsing: list.text, path: "allowed") == list)
    }

    @Test func emptyLinesCommentsAndSpacesArePassedOver() throws {
        let text = "\n# a comment\n   \n  # another\n\(someKey) capture porch\n\n"
        let list = try Allowlist(parsing: text, path: "allowed")
        #expect(list.entries.map(\.pattern) == ["porch"])
    }

    @Test func linesMayEndAsOnWindows() throws {
        let text = "# keys\r\n\(someKey) capture porch\r\n\(someKey) encode *\r\n"
        #expect(try Allowlist(parsing: text, path: "allowed").entries.map(\.pattern) == ["porch", "*"])
    }

    @Test(arguments: [
        ("garbage", 1, "KEY ROLE NAME"), ("\(someKey) capture", 1, "KEY ROLE NAME"),
        ("\n\n\(someKey) king porch", 3, "KEY ROLE NAME"), ("abc capture porch", 1, "64 hexadecimal"),
        ("# x\n\(someKey) capture ../x", 2, "'../x'"), ("\(someKey) capture a/b", 1, "'a/b'"),
        ("\(someKey) capture " + String(repeating: "x", count: 65), 1, "not usable"),
        ("\(someKey)\tcapture\tporch", 1, "KEY ROLE NAME"), ("\0", 1, "KEY ROLE NAME"),
    ])
    func aBadLineIsNamedWithItsNumber(text: String, line: Int, word: String) {
        let error = #expect(throws: MeshError.self) { _ = try Allowlist(parsing: text, path: "keys/allowed") }
        guard case .badLine("keys/allowed", line, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains(word))
    }

    @Test func aPatternAdmitsItsNameOrWhatBeginsSo() throws {
        let key = try KeyPair().publicKey
        let other = try KeyPair().publicKey
        let list = Allowlist([
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

    @Test func removingTakesOnlyWhatIsNamed() throws {
        let key = try KeyPair().publicKey
        let roles: [Role] = [.capture, .motion, .capture]
        var list = Allowlist(roles.map { .init(key: key, role: $0, pattern: "porch") })
        #expect(list.remove(role: .encode, pattern: "porch") == 0)
        #expect(list.remove(role: .capture, pattern: "yard") == 0)
        #expect(list.remove(role: .capture, pattern: "porch") == 2)
        #expect(list.remove(role: nil, pattern: "porch") == 1)
        #expect(list.entries.isEmpty && list.text == "")
    }
}

@Suite struct IdentityTests {
    private func identity(_ pattern: String = "porch") throws -> Identity {
        Identity(
            registry: "tcp://127.0.0.1:7443", registryKey: try KeyPair().publicKey, role: .capture, pattern: pattern,
            keys: try KeyPair())
    }

    @Test func aJoinFileCanBeWrittenAndReadBack() throws {
        let identity = try identity("front door")
        #expect(try Identity(parsing: identity.text, path: "x.join") == identity)
    }

    @Test func linesMayEndAsOnWindows() throws {
        let identity = try identity()
        let text = identity.text.split(separator: "\n").joined(separator: "\r\n") + "\r\n"
        #expect(try Identity(parsing: text, path: "x.join") == identity)
    }

    @Test func theNamesStarStandsForTheInstance() throws {
        #expect(try identity("encode-*").name(instance: "host-7").text == "encode-host-7")
        #expect(try identity("porch").name(instance: "host-7").text == "porch")
        #expect(throws: NameError.self) { _ = try identity("a/b").name(instance: "") }
    }

    @Test(arguments: ["registry", "registry-key", "role", "name", "secret-key"])
    func aMissingOrEmptyLineIsNamed(key: String) throws {
        let lines = try identity().text.split(separator: "\n").map(String.init)
        let without = lines.filter { !$0.hasPrefix("\(key)=") }.joined(separator: "\n")
        let empty = lines.map { $0.hasPrefix("\(key)=") ? "\(key)=" : $0 }.joined(separator: "\n")
        for text in [without, empty] {
            let error = #expect(throws: MeshError.self) { _ = try Identity(parsing: text, path: "x.join") }
            #expect("\(error!)".contains("x.join") && "\(error!)".contains("\(key)="))
        }
    }

    @Test(arguments: ["role=king", "registry-key=123", "secret-key=zz", "no equals sign"])
    func aBadLineIsRefused(line: String) throws {
        let text = try identity().text + line + "\n"
        let error = #expect(throws: MeshError.self) { _ = try Identity(parsing: text, path: "x.join") }
        #expect("\(error!)".contains("x.join"))
    }

    @Test func aFileForAnotherRoleIsRefusedAndAnAddressCanBeOverridden() throws {
        let folder = try ScratchFolder()
        let identity = try identity()
        try folder.write(identity.text, to: "x.join")
        let error = #expect(throws: MeshError.self) {
            _ = try Identity.read(folder.file("x.join"), registry: nil, role: .encode)
        }
        #expect("\(error!)".contains("is for capture, this program is encode"))
        let read = try Identity.read(folder.file("x.join"), registry: "tcp://other:1", role: .capture)
        #expect(read.registry == "tcp://other:1" && read.keys == identity.keys)
    }

    @Test func aJoinFileThatOthersMayReadIsRefused() throws {
        let folder = try ScratchFolder()
        try folder.write(try identity().text, to: "x.join", mode: 0o644)
        let error = #expect(throws: SecretFile.Failure.self) {
            _ = try Identity.read(folder.file("x.join"), registry: nil, role: .capture)
        }
        #expect(error!.reason.contains("chmod 600"))
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

    @Test func theGatewaysKeysAreMadeOnceAndKept() throws {
        let keys = try folder.gatewayKeys()
        #expect(try folder.gatewayKeys() == keys)
        #expect(scratch.mode("data/keys/gateway.key") == 0o600)
        #expect(scratch.mode("data/keys") == 0o700)
    }

    @Test func aDamagedKeyFileIsAnErrorAndIsNotReplaced() throws {
        try scratch.write("not a key\n", to: "data/keys/gateway.key")
        #expect(throws: MeshError.badKey(what: folder.gatewayKey)) { _ = try folder.gatewayKeys() }
        #expect(try SecretFile.read(folder.gatewayKey) == "not a key\n")
    }

    @Test func anInvitationAdmitsItsKey() throws {
        let text = try folder.invite(.capture, pattern: "porch", registry: "tcp://h:1")
        let identity = try Identity(parsing: text, path: "text")
        #expect(identity.registryKey == (try folder.gatewayKeys().publicKey))
        #expect(try folder.allowlist().admits(identity.keys.publicKey, role: .capture, name: try Name("porch")))
        #expect(scratch.mode("data/keys/allowed") == 0o600)
    }

    @Test(arguments: ["a/b", "", "x\ny", "../x", ".hidden", String(repeating: "x", count: 70)])
    func aNameThatTheListCouldNotHoldIsNotInvited(pattern: String) throws {
        _ = try folder.invite(.capture, pattern: "porch", registry: "tcp://h:1")
        #expect(throws: (any Error).self) { _ = try folder.invite(.capture, pattern: pattern, registry: "tcp://h:1") }
        #expect(try folder.allowlist().entries.count == 1, "the list is still good")
    }

    @Test func aJoinFileIsMadeOnceAndGivenBackThen() throws {
        let path = try folder.ensureJoinFile(.encode, pattern: "encode-*", registry: "tcp://h:1")
        let text = try SecretFile.read(path)
        #expect(try folder.ensureJoinFile(.encode, pattern: "encode-*", registry: "tcp://h:2") == path)
        #expect(try SecretFile.read(path) == text)
        #expect(try folder.allowlist().entries.count == 1)
        try folder.setRegistry("tcp://h:3", role: .encode, pattern: "encode-*")
        #expect(try Identity.read(path, registry: nil, role: .encode).registry == "tcp://h:3")
    }

    @Test func aRevokedKeysJoinFileIsNotTakenAsGood() throws {
        _ = try folder.ensureJoinFile(.capture, pattern: "porch", registry: "tcp://h:1")
        let before = folder.allowlistVersion
        #expect(try folder.revoke(role: nil, pattern: "porch") == 1)
        #expect(try folder.revoke(role: nil, pattern: "porch") == 0)
        #expect(folder.allowlistVersion != before)
        let error = #expect(throws: MeshError.self) {
            _ = try folder.ensureJoinFile(.capture, pattern: "porch", registry: "tcp://h:1")
        }
        #expect("\(error!)".contains("revoked"))
    }

    @Test func withoutAListNobodyIsAdmitted() throws {
        #expect(try folder.allowlist().entries.isEmpty)
        #expect(folder.allowlistVersion == DataFolder("\(folder.path)/none").allowlistVersion)
    }
}
