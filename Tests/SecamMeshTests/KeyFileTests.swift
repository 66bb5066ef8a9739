import SecamBase
import SecamMesh
import SecamProcess
import SecamTestSupport
import SecamWire
import Testing

private let someKey = String(repeating: "0123456789abcdef", count: 4)

@Suite struct CurveKeyTests {
    @Test func `a key pair can be written and read back`() throws {
        let pair = try KeyPair()
        let again = try KeyPair(secretHexadecimal: pair.secretHexadecimal, what: "test")
        #expect(again == pair)
        #expect(try PublicKey(hexadecimal: pair.publicKey.description, what: "test") == pair.publicKey)
        #expect(try KeyPair() != pair)
    }

    @Test func `the public key is derived as in RFC 7748`() throws {
        // Alice's keys in section 6.1 of RFC 7748.
        let pair = try KeyPair(
            secretHexadecimal: "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", what: "test")
        #expect(
            pair.publicKey.description == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    }

    @Test func `a description never shows the secret`() throws {
        let pair = try KeyPair()
        #expect("\(pair)" == pair.publicKey.description)
        #expect(!"\(pair)".contains(pair.secretHexadecimal))
        #expect(!String(reflecting: pair.publicKey).contains(pair.secretHexadecimal))
    }

    @Test(arguments: [
        "", "0", String(someKey.dropLast()), someKey + "0", String(someKey.dropLast()) + "g", " " + someKey.dropLast(),
        String(someKey.dropLast()) + "\n", String(repeating: "０", count: 64), String(someKey.dropLast()) + "é",
    ])
    func `an invalid key is rejected with its name`(text: String) {
        #expect(throws: MeshError.badKey(what: "registry-key in porch.join")) {
            _ = try PublicKey(hexadecimal: text, what: "registry-key in porch.join")
        }
        #expect(throws: MeshError.badKey(what: "secret-key")) {
            _ = try KeyPair(secretHexadecimal: text, what: "secret-key")
        }
    }

    @Test func `upper-case hexadecimal digits are accepted`() throws {
        #expect(try PublicKey(hexadecimal: someKey.uppercased(), what: "test").description == someKey)
    }

    @Test func `a public key has 32 bytes`() {
        #expect(PublicKey(bytes: []) == nil)
        #expect(PublicKey(bytes: [UInt8](repeating: 1, count: 31)) == nil)
        #expect(PublicKey(bytes: [UInt8](repeating: 1, count: 33)) == nil)
        #expect(PublicKey(bytes: [UInt8](repeating: 1, count: 32))?.bytes.count == 32)
    }
}

@Suite struct IdentityTests {
    private func identity(_ pattern: String = "porch") throws -> Identity {
        Identity(
            registry: "tcp://127.0.0.1:7443", registryKey: try KeyPair().publicKey, role: .capture, pattern: pattern,
            keys: try KeyPair())
    }

    @Test func `a join file can be written and read back`() throws {
        let identity = try identity("front door")
        #expect(try Identity(parsing: identity.text, path: "x.join") == identity)
    }

    @Test func `a join file may have Windows line ends`() throws {
        let identity = try identity()
        let text = identity.text.split(separator: "\n").joined(separator: "\r\n") + "\r\n"
        #expect(try Identity(parsing: text, path: "x.join") == identity)
    }

    @Test func `an asterisk in the name stands for the instance`() throws {
        #expect(try identity("encode-*").name(instance: "host-7").text == "encode-host-7")
        #expect(try identity("porch").name(instance: "host-7").text == "porch")
        #expect(throws: NameError.self) { _ = try identity("a/b").name(instance: "") }
    }

    @Test(arguments: ["registry", "registry-key", "role", "name", "secret-key"])
    func `a missing or empty line is named`(key: String) throws {
        let lines = try identity().text.split(separator: "\n").map(String.init)
        let without = lines.filter { !$0.hasPrefix("\(key)=") }.joined(separator: "\n")
        let empty = lines.map { $0.hasPrefix("\(key)=") ? "\(key)=" : $0 }.joined(separator: "\n")
        for text in [without, empty] {
            let error = #expect(throws: MeshError.self) { _ = try Identity(parsing: text, path: "x.join") }
            #expect("\(error!)".contains("x.join") && "\(error!)".contains("\(key)="))
        }
    }

    @Test(arguments: ["role=king", "registry-key=123", "secret-key=zz", "no equals sign"])
    func `an invalid line is rejected`(line: String) throws {
        let text = try identity().text + line + "\n"
        let error = #expect(throws: MeshError.self) { _ = try Identity(parsing: text, path: "x.join") }
        #expect("\(error!)".contains("x.join"))
    }

    @Test func `a join file for another role is rejected, and its address can be overridden`() throws {
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

    @Test func `a join file that other users can read is rejected`() throws {
        let folder = try ScratchFolder()
        try folder.write(try identity().text, to: "x.join", mode: 0o644)
        let error = #expect(throws: SecretFile.Failure.self) {
            _ = try Identity.read(folder.file("x.join"), registry: nil, role: .capture)
        }
        #expect(error!.reason.contains("chmod 600"))
    }
}
