/// Measures the frame rate of a source that declares none, or a wrong one. A state machine without I/O.
struct RateMeter {
    /// Shortest measurement, and the longest, which holds for sources that send few pictures, microseconds.
    private static let shortest: Int64 = 2_000_000
    private static let longest: Int64 = 20_000_000
    /// Pictures of a measurement that ends before the longest time.
    private static let pictures = 10
    /// Part by which the rate must differ from the one that is known to replace it.
    private static let tolerance = 0.1

    /// Frames per second; `nil` while unknown.
    private(set) var framesPerSecond: Double?
    private var began: Int64?
    private var count = 0

    /// - Parameter declared: the rate that the source declares.
    init(declared: Double? = nil) { framesPerSecond = declared }

    /// Records a picture.
    ///
    /// - Parameter time: microseconds of any clock.
    mutating func record(time: Int64) {
        guard let began, time >= began else {
            (began, count) = (time, 0)
            return
        }
        count += 1
        let elapsed = time - began
        guard elapsed >= Self.shortest, count >= Self.pictures || elapsed >= Self.longest else { return }
        let measured = (Double(count) * 1e8 / Double(elapsed)).rounded() / 100
        (self.began, self.count) = (time, 0)
        if let known = framesPerSecond, abs(measured - known) <= known * Self.tolerance { return }
        framesPerSecond = measured
    }
}
