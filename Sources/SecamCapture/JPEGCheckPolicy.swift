/// Decides which JPEGs of a source are checked to their last block.
///
/// The check of all of them would double the cost of a camera that passes its JPEGs through. A picture that lost data is
/// smaller than the ones before it, so such pictures are checked, the first ones, and a sample of the others. Once one
/// was damaged, all are checked for a while.
struct JPEGCheckPolicy {
    /// Number of pictures that are all checked, at the start and after a damaged one.
    private static let strictCount = 100
    /// Of the other pictures, one of this many is checked.
    private static let sampleInterval = 20
    /// Part of the usual size below which a picture is checked.
    private static let suspiciousSize = 0.97

    private var strictLeft = strictCount
    private var sinceSample = 0
    /// Moving average of the size of whole pictures, bytes.
    private var usualSize = 0.0

    /// Returns whether the next picture, of this many bytes, must be checked.
    mutating func checksData(byteCount: Int) -> Bool {
        sinceSample += 1
        guard
            strictLeft > 0 || Double(byteCount) < usualSize * Self.suspiciousSize || sinceSample >= Self.sampleInterval
        else { return false }
        sinceSample = 0
        return true
    }

    mutating func recordWhole(byteCount: Int) {
        strictLeft = max(0, strictLeft - 1)
        usualSize = usualSize == 0 ? Double(byteCount) : usualSize * 0.8 + Double(byteCount) * 0.2
    }

    mutating func recordDamaged() { strictLeft = Self.strictCount }
}
