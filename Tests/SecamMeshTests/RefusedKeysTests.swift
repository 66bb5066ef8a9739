import SecamBase
import SecamWire
import Testing

@testable import SecamMesh

@Suite struct RefusedKeysTests {
    private func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(microseconds: seconds * 1_000_000) }

    @Test func `a key is new for the time in which a roster reaches all members`() throws {
        var refused = RefusedKeys()
        let key = try #require(PublicKey(bytes: [UInt8](repeating: 1, count: 32)))
        let new = [refused.isNew(key, now: at(0)), refused.isNew(key, now: at(3)), refused.isNew(key, now: at(20))]
        #expect(new == [true, true, false])
        let isNewLater = refused.isNew(key, now: at(1000))
        let isNewWithoutKey = refused.isNew(nil, now: at(1000))
        #expect(isNewLater && !isNewWithoutKey)
    }

    @Test func `strangers with many keys are not taken for new members`() {
        var refused = RefusedKeys()
        var count = 0
        for number in 0..<1000 {
            var bytes = [UInt8](repeating: 0, count: 32)
            (bytes[0], bytes[1]) = (UInt8(number & 255), UInt8(number >> 8))
            if refused.isNew(PublicKey(bytes: bytes), now: at(0)) { count += 1 }
        }
        #expect(count == 256)
    }
}
