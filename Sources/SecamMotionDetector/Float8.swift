/// Eight cells at once. The compiler does not do this by itself where it would change the order of additions.
typealias Float8 = SIMD8<Float>

extension UnsafeMutablePointer<Float> {
    /// The eight cells from here on.
    @inline(__always)
    var lanes: Float8 {
        get { unsafe UnsafeRawPointer(self).loadUnaligned(as: Float8.self) }
        nonmutating set { unsafe UnsafeMutableRawPointer(self).storeBytes(of: newValue, as: Float8.self) }
    }
}

extension SIMD8<Float> {
    @inline(__always)
    var magnitudes: Float8 { replacing(with: -self, where: self .< 0) }

    /// The standard library's `max()` goes through the lanes one by one.
    @inline(__always)
    var largest: Float {
        let four = lowHalf.replacing(with: highHalf, where: highHalf .> lowHalf)
        let two = four.lowHalf.replacing(with: four.highHalf, where: four.highHalf .> four.lowHalf)
        return two.x < two.y ? two.y : two.x
    }
}
