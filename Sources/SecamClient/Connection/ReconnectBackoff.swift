import SecamBase

/// Exponential back-off between connection attempts: from 0.25 s doubling to 10 s. Each wait is shortened at random by up
/// to a half, so that many viewers do not come back at the same moment.
package struct ReconnectBackoff: Sendable {
    package static let shortest: Duration = .milliseconds(250)
    package static let longest: Duration = .seconds(10)

    private var step = shortest

    package init() {}

    /// Returns the wait before the next attempt.
    package mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        let limit = step.microseconds
        step = min(step * 2, Self.longest)
        return .microseconds(Int64.random(in: limit / 2...limit, using: &generator))
    }

    package mutating func reset() { step = Self.shortest }
}
