import SecamProcess
import SecamWire
import Testing

@Suite struct TerminalTests {
    @Test func `the keys that edit a secret line change it`() {
        var line = SecretLine()
        for key in Array("ax".utf8) + [21] + Array("pä".utf8) + [127] + Array("w".utf8) {
            #expect(line.press(key) == .more)
        }
        #expect(line.press(10) == .done(Secret("pw")))
    }

    @Test(arguments: [3, 4, 28] as [UInt8])
    func `a key that ends programs cancels a secret line`(_ key: UInt8) {
        var line = SecretLine()
        #expect(line.press(UInt8(ascii: "x")) == .more)
        #expect(line.press(key) == .cancelled)
    }
}
