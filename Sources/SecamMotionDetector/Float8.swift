/// Eight cells. Used explicitly where the compiler does not vectorize, because that changes the order of additions.
typealias Float8 = SIMD8<Float>

extension UnsafeMutablePointer<Float> {
    /// The eight cells that start here.
    @inline(__always)
    var lanes: Float8 {
        get { unsafe UnsafeRawPointer(self).loadUnaligned(as: Float8.self) }
        nonmutating set { unsafe UnsafeMutableRawPointer(self).storeBytes(of: newValue, as: Float8.self) }
    }
}

extension SIMD8<Float> {
    @inline(__always)
    var magnitudes: Float8 { replacing(with: -self, where: self .< 0) }

    /// The maximum of the lanes. Faster than the standard library's `max()`, which visits the lanes one by one.
    @inline(__always)
    var largest: Float {
        let four = lowHalf.replacing(with: highHalf, where: highHalf .> lowHalf)
        let two = four.lowHalf.replacing(with: four.highHalf, where: four.highHalf .> four.lowHalf)
        return two.x < two.y ? two.y : two.x
    }
}
