/// The inner loops over one row.
///
/// They are plain counted loops over typed pointers, which the compiler vectorizes: measured four times faster than
/// SIMD types, whose selection of halves it does not optimize, and usable without optimization.
///
/// They assume little-endian words, as on all supported platforms.
enum RowKernels {
    /// Copies every second byte, starting with the first: the luma of YUYV.
    static func evenBytes(_ source: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<UInt8>, count: Int) {
        var index = 0
        while index < count {
            unsafe target[index] = unsafe source[2 &* index]
            index &+= 1
        }
    }

    /// Splits an interleaved UV row into U and V.
    static func split(
        _ source: UnsafePointer<UInt8>, into u: UnsafeMutablePointer<UInt8>, _ v: UnsafeMutablePointer<UInt8>,
        count: Int
    ) {
        var index = 0
        while index < count {
            unsafe u[index] = unsafe source[2 &* index]
            unsafe v[index] = unsafe source[2 &* index &+ 1]
            index &+= 1
        }
    }

    /// Averages U and V of two YUYV rows (rounded up), `count` of each.
    static func averagedChroma(
        _ upper: UnsafeRawPointer, _ lower: UnsafeRawPointer, into u: UnsafeMutablePointer<UInt8>,
        _ v: UnsafeMutablePointer<UInt8>, count: Int
    ) {
        var index = 0
        while index < count {
            let a = unsafe upper.loadUnaligned(fromByteOffset: 4 &* index, as: UInt32.self)
            let b = unsafe lower.loadUnaligned(fromByteOffset: 4 &* index, as: UInt32.self)
            // Four byte averages in one word, each (a | b) minus half of the differing bits.
            let mean = (a | b) &- (((a ^ b) &>> 1) & 0x7f7f_7f7f)
            unsafe u[index] = UInt8(truncatingIfNeeded: mean &>> 8)
            unsafe v[index] = UInt8(truncatingIfNeeded: mean &>> 24)
            index &+= 1
        }
    }
}
