extension FixedWidthInteger {
    /// The sum, or the type's nearest limit where the sum does not fit: for totals of numbers that peers or files state.
    package func addingSaturated(_ other: Self) -> Self {
        let (sum, overflow) = addingReportingOverflow(other)
        guard overflow else { return sum }
        return other < 0 ? .min : .max
    }

    /// The difference, or the type's nearest limit where the difference does not fit.
    package func subtractingSaturated(_ other: Self) -> Self {
        let (difference, overflow) = subtractingReportingOverflow(other)
        guard overflow else { return difference }
        return other < 0 ? .max : .min
    }
}

extension ClosedRange {
    /// The bound that is nearest to `value`, or `value` itself inside the range.
    package func clamping(_ value: Bound) -> Bound { Swift.min(Swift.max(value, lowerBound), upperBound) }
}
