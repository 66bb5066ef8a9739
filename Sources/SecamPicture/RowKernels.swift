/// The inner loops over one row. They are written as plain counted loops over typed pointers on purpose: the compiler
/// turns each into packed instructions (measured four times faster than the same with SIMD types, whose half
/// selection it does not see through), and they stay usable without optimisation.
///
/// Bytes within a loaded word are taken as little-endian, which every platform of this project is.
enum RowKernels {
    /// Every second byte, from the first: luma out of YUYV.
    static func evenBytes(_ source: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<UInt8>, count: Int) {
        var index = 0
        while index < count {
            unsafe target[index] = unsafe source[2 &* index]
            index &+= 1
        }
    }

    /// U and V of an interleaved UV row.
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

    /// U and V of two YUYV rows, averaged (rounded up), `count` of each.
    static func averagedChroma(
        _ upper: UnsafeRawPointer, _ lower: UnsafeRawPointer, into u: UnsafeMutablePointer<UInt8>,
        _ v: UnsafeMutablePointer<UInt8>, count: Int
    ) {
        var index = 0
        while index < count {
            let a = unsafe upper.loadUnaligned(fromByteOffset: 4 &* index, as: UInt32.self)
            let b = unsafe lower.loadUnaligned(fromByteOffset: 4 &* index, as: UInt32.self)
            // Four byte averages in one word: a | b is the sum's upper bound, the differing bits count half.
            let mean = (a | b) &- (((a ^ b) &>> 1) & 0x7f7f_7f7f)
            unsafe u[index] = UInt8(truncatingIfNeeded: mean &>> 8)
            unsafe v[index] = UInt8(truncatingIfNeeded: mean &>> 24)
            index &+= 1
        }
    }
}
