import SecamBase
import Testing

struct TokenBucketTests {
    private let start = MonotonicTime(microseconds: 1_000_000)

    @Test func `a token bucket fills at its rate and no higher than its burst`() {
        var bucket = TokenBucket(perSecond: 10, burst: 3, at: start)
        let now = start + .seconds(100)
        let admitted = (0..<5).map { _ in bucket.consume(at: now) }
        #expect(admitted == [true, true, true, false, false])
        let later = [now + .milliseconds(100), now + .milliseconds(100), start].map { bucket.consume(at: $0) }
        #expect(later == [true, false, false])
    }

    @Test func `a token bucket loses no fraction of a token between two events`() {
        var bucket = TokenBucket(perSecond: 10, burst: 1, at: start)
        let isFirstAdmitted = bucket.consume(at: start)
        #expect(isFirstAdmitted)
        let admitted = (1...40).filter { bucket.consume(at: start + .milliseconds($0 * 25)) }
        #expect(admitted.count == 10)
    }

    @Test func `a bucket that refills slowly is full again after all its intervals`() {
        var bucket = TokenBucket(every: .seconds(2), burst: 2, at: start)
        let both = bucket.consume(2, at: start)
        let third = bucket.consume(at: start + .milliseconds(1999))
        #expect(both && !third)
        let isFull = [3999, 4000].map { bucket.isFull(at: start + .milliseconds($0)) }
        #expect(isFull == [false, true])
        #expect(TokenBucket(perSecond: 2_097_152, burst: 1, at: start).perSecond == 2_097_152)
    }
}
