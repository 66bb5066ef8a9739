/// How long to wait before the next try: doubling from 0.25 s to 10 s, each shortened by chance by up to a half, so
/// that many viewers do not come back at the same moment.
package struct ReconnectBackoff: Sendable {
    /// Microseconds.
    package static let shortest: Int64 = 250_000
    /// Microseconds.
    package static let longest: Int64 = 10_000_000

    private var step = shortest

    package init() {}

    /// Microseconds to wait now.
    package mutating func next(using generator: inout some RandomNumberGenerator) -> Int64 {
        let wait = Int64.random(in: step / 2...step, using: &generator)
        step = min(step * 2, Self.longest)
        return wait
    }

    package mutating func reset() { step = Self.shortest }
}
