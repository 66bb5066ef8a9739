import Testing

@testable import SecamCapture

/// How many pictures may be on their way from the device to the loop.
struct InFlightLimitTests {
    @Test func `pictures are turned away by their number and by their bytes`() {
        let small = InFlightLimit()
        #expect((0..<64).allSatisfy { _ in small.enter(bytes: 10) })
        #expect(!small.enter(bytes: 10) && small.turnedAway == 1)
        small.leave(bytes: 10)
        #expect(small.enter(bytes: 10))

        let large = InFlightLimit()
        #expect(large.enter(bytes: 40 << 20) && !large.enter(bytes: 40 << 20))
        #expect(large.enter(bytes: 24 << 20) && large.turnedAway == 1)
    }

    @Test func `a picture larger than all bytes passes alone`() {
        let passage = InFlightLimit()
        #expect(passage.enter(bytes: 100 << 20) && !passage.enter(bytes: 1))
        passage.leave(bytes: 100 << 20)
        #expect(passage.enter(bytes: 100 << 20))
    }
}
