import SecamWire
import Testing

struct SecretTests {
    @Test func `secrets compare by their bytes`() {
        #expect(Secret("tulip") == Secret("tulip"))
        #expect(Secret("tulip") != Secret("tulipe"))
        #expect(Secret("").count == 0)
    }

    @Test func `erased bytes are overwritten with zeros in place`() {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 1)
        defer { unsafe memory.deallocate() }
        for index in 0..<64 { unsafe memory[index] = 0xaa }
        unsafe Secret.erase(memory)
        #expect(unsafe memory.allSatisfy { $0 == 0 })
        var bytes: [UInt8] = [1, 2, 3]
        Secret.erase(&bytes)
        #expect(bytes.isEmpty)
    }
}
