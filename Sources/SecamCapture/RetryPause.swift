/// The pause before the next attempt to open a source that failed. It doubles with each failure until the source has run
/// well. A state machine without I/O.
struct RetryPause {
    static let first: Duration = .milliseconds(250)
    /// The longest pause for a source that cannot be opened, such as a webcam that was unplugged.
    static let longest: Duration = .seconds(5)
    /// The longest pause for a source that opens, and soon ends or fails.
    static let longestAfterShortRun: Duration = .seconds(30)
    static let firstAfterRefusal: Duration = .seconds(30)
    static let longestAfterRefusal: Duration = .seconds(300)
    /// Time with pictures after which a source has run well.
    static let goodRun: Duration = .seconds(20)

    private var last: Duration = .zero

    /// Returns the pause after a failure.
    ///
    /// - Parameter run: how long the source delivered pictures; `nil` if it delivered none.
    mutating func next(after kind: SourceFailure.Kind, run: Duration?) -> Duration {
        if let run, run >= Self.goodRun { last = .zero }
        switch kind {
        case .loginRefused:
            last = min(max(last * 2, Self.firstAfterRefusal), Self.longestAfterRefusal)
        case .fault, .ended:
            let limit = run == nil && kind == .fault ? Self.longest : Self.longestAfterShortRun
            last = min(max(last * 2, Self.first), limit)
        }
        return last
    }
}
