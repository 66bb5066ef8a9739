import Testing

@testable import SecamCapture

/// The limit of pictures in flight from the device to the loop.
struct InFlightLimitTests {
    @Test func `pictures in flight are limited by number and by bytes`() {
        let small = InFlightLimit()
        #expect((0..<64).allSatisfy { _ in small.enter(bytes: 10) })
        #expect(!small.enter(bytes: 10) && small.dropped == 1)
        small.leave(bytes: 10)
        #expect(small.enter(bytes: 10))

        let large = InFlightLimit()
        #expect(large.enter(bytes: 40 << 20) && !large.enter(bytes: 40 << 20))
        #expect(large.enter(bytes: 24 << 20) && large.dropped == 1)
    }

    @Test func `a picture larger than the limit passes alone`() {
        let limit = InFlightLimit()
        #expect(limit.enter(bytes: 100 << 20) && !limit.enter(bytes: 1))
        limit.leave(bytes: 100 << 20)
        #expect(limit.enter(bytes: 100 << 20))
    }
}
