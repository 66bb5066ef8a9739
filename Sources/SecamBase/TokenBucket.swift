/// A rate limit that allows bursts.
package struct TokenBucket: Sendable {
    /// Tokens that come back each second.
    package let perSecond: Int
    /// Tokens that a full bucket holds.
    package let burst: Int
    private var tokens: Double
    private var lastRefill: MonotonicTime

    /// Creates a full bucket.
    package init(perSecond: Int, burst: Int, at now: MonotonicTime) {
        precondition(perSecond > 0 && burst > 0, "TokenBucket: rate out of range")
        self.perSecond = perSecond
        self.burst = burst
        tokens = Double(burst)
        lastRefill = now
    }

    /// Takes tokens out of the bucket.
    ///
    /// - Returns: false when the rate is exceeded; the bucket keeps its tokens then.
    package mutating func consume(_ count: Int = 1, at now: MonotonicTime) -> Bool {
        if now > lastRefill {
            let seconds = Double((now - lastRefill).microseconds) / 1e6
            tokens = min(Double(burst), tokens + seconds * Double(perSecond))
            lastRefill = now
        }
        guard tokens >= Double(count) else { return false }
        tokens -= Double(count)
        return true
    }
}
