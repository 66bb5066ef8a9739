/// A time span as users write it: a whole number and a unit, such as `90s`, `10m`, `12h` or `14d`.
package enum DurationText {
    package static let expected = "a time such as 90s, 10m, 12h or 14d"
    /// The units with their seconds.
    package static let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]

    /// Returns the seconds of a time span, clamped to the range of `Int`; `nil` for an invalid text.
    package static func seconds(_ text: some StringProtocol) -> Int? {
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int(text.dropLast()), count >= 0 else {
            return nil
        }
        let (seconds, isLarge) = count.multipliedReportingOverflow(by: unit)
        return isLarge ? .max : seconds
    }
}
