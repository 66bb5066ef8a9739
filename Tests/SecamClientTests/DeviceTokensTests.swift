import SecamBase
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamClient

struct DeviceTokensTests {
    private let scratch: ScratchFolder
    private let tokens: DeviceTokens

    init() throws {
        scratch = try ScratchFolder()
        tokens = DeviceTokens(path: scratch.file("devices"))
    }

    private func token(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: WireLimits.deviceToken) }

    @Test func `a token replaces the previous one, and the number of tokens is bounded`() throws {
        let server = try ServerAddress("gateway:7443")
        for index in 0..<UInt16(DeviceTokens.limit + 10) {
            try tokens.store(token(UInt8(truncatingIfNeeded: index)), for: "user \(index)", at: server)
        }
        try tokens.store(token(99), for: "user 200", at: server)
        #expect(try tokens.token(for: "user 200", at: server) == token(99))
        #expect(try tokens.token(for: "user 0", at: server) == nil)
        #expect(try SecretFile.read(tokens.path).split(separator: "\n").count == DeviceTokens.limit)
    }

    @Test(arguments: ["", "gateway:7443 616e6e61 zz", "gateway:7443 616e6e61 0102", "gateway:7443 616e6e61"])
    func `a malformed line counts as no token`(line: String) throws {
        try SecretFile.write(line + "\n", to: tokens.path)
        #expect(try tokens.token(for: "anna", at: ServerAddress("gateway:7443")) == nil)
    }

    @Test func `a file that other users may read is refused`() throws {
        try SecretFile.write("", to: tokens.path, mode: 0o644)
        #expect(throws: SecretFile.Failure.self) { try tokens.token(for: "anna", at: ServerAddress("gateway:7443")) }
    }
}
