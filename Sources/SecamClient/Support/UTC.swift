import SecamWire

/// Times in UTC for display.
enum UTC {
    /// `23:59:59 UTC`.
    static func timeOfDay(_ microseconds: Int64) -> String {
        "\(fields(microseconds).time.prefix(8)) UTC"
    }

    /// `2026-01-31 23:59:59.123 UTC`.
    static func dateAndTime(_ microseconds: Int64) -> String { UTCText.text(microseconds: microseconds) }

    /// `2026-01-31T23-59-59.123Z`, for file names.
    static func fileStamp(_ microseconds: Int64) -> String {
        let (date, time) = fields(microseconds)
        return "\(date)T\(String(time.map { $0 == ":" ? "-" : $0 }))Z"
    }

    private static func fields(_ microseconds: Int64) -> (date: Substring, time: Substring) {
        let parts = UTCText.text(microseconds: microseconds).split(separator: " ")
        return (parts[0], parts[1])
    }
}
