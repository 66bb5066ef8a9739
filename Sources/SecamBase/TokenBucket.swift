/// A rate limit that allows bursts.
package struct TokenBucket: Sendable {
    /// Time in which a token comes back, microseconds.
    private let interval: Double
    /// Tokens that a full bucket holds.
    package let burst: Int
    private var tokens: Double
    private var lastRefill: MonotonicTime

    /// Tokens that come back each second.
    package var perSecond: Int { Int((1e6 / interval).rounded()) }

    /// Creates a full bucket.
    package init(perSecond: Int, burst: Int, at now: MonotonicTime) {
        precondition(perSecond > 0, "TokenBucket: rate out of range")
        self.init(every: .seconds(1) / perSecond, burst: burst, at: now)
    }

    /// Creates a full bucket, in which a token comes back in this time.
    package init(every interval: Duration, burst: Int, at now: MonotonicTime) {
        precondition(interval > .zero && burst > 0, "TokenBucket: rate out of range")
        self.interval = interval / .microseconds(1)
        self.burst = burst
        tokens = Double(burst)
        lastRefill = now
    }

    /// Takes tokens out of the bucket.
    ///
    /// - Returns: false when the rate is exceeded; the bucket keeps its tokens then.
    package mutating func consume(_ count: Int = 1, at now: MonotonicTime) -> Bool {
        refill(at: now)
        guard tokens >= Double(count) else { return false }
        tokens -= Double(count)
        return true
    }

    /// Whether all tokens have come back.
    package mutating func isFull(at now: MonotonicTime) -> Bool {
        refill(at: now)
        return tokens >= Double(burst)
    }

    private mutating func refill(at now: MonotonicTime) {
        guard now > lastRefill else { return }
        tokens = min(Double(burst), tokens + Double((now - lastRefill).microseconds) / interval)
        lastRefill = now
    }
}
