/// The sizes of an I420 picture's planes.
struct I420Target {
    let width: Int
    let height: Int

    var chromaWidth: Int { (width + 1) / 2 }
    var chromaHeight: Int { (height + 1) / 2 }
    var lumaBytes: Int { width * height }
    var chromaBytes: Int { chromaWidth * chromaHeight }
    var byteCount: Int { lumaBytes + 2 * chromaBytes }
}

/// Resampling of an image's chroma planes to half the picture's width and height.
enum ChromaResampling {
    static func halve(
        _ source: UnsafePointer<UInt8>, _ size: (width: Int, height: Int), of chroma: JPEGHeader.Chroma,
        into output: UnsafeMutablePointer<UInt8>, _ target: I420Target
    ) {
        let vertical = chroma != .yuv440 && chroma != .yuv420
        for row in 0..<target.chromaHeight {
            let upper = unsafe source + (vertical ? 2 * row : row) * size.width
            let lower = unsafe vertical && 2 * row + 1 < size.height ? upper + size.width : upper
            let to = unsafe output + row * target.chromaWidth
            switch chroma {
            case .yuv422, .yuv420, .gray: unsafe average(upper, lower, into: to, count: target.chromaWidth)
            case .yuv444, .yuv440: unsafe averagePairs(upper, lower, width: size.width, into: to)
            case .yuv411: unsafe averageDoubled(upper, lower, into: to, count: target.chromaWidth)
            }
        }
    }

    private static func average(
        _ upper: UnsafePointer<UInt8>, _ lower: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<UInt8>,
        count: Int
    ) {
        var index = 0
        while index < count {
            let sum = unsafe UInt16(truncatingIfNeeded: upper[index]) &+ UInt16(truncatingIfNeeded: lower[index])
            unsafe output[index] = UInt8(truncatingIfNeeded: (sum &+ 1) &>> 1)
            index &+= 1
        }
    }

    private static func averagePairs(
        _ upper: UnsafePointer<UInt8>, _ lower: UnsafePointer<UInt8>, width: Int,
        into output: UnsafeMutablePointer<UInt8>
    ) {
        var index = 0
        while 2 &* index < width {
            let (left, right) = (2 &* index, min(2 &* index &+ 1, width &- 1))
            let sum = unsafe Int(upper[left]) &+ Int(upper[right]) &+ Int(lower[left]) &+ Int(lower[right])
            unsafe output[index] = UInt8(truncatingIfNeeded: (sum &+ 2) &>> 2)
            index &+= 1
        }
    }

    /// Averages planes of a quarter of the width, where each value covers two columns.
    private static func averageDoubled(
        _ upper: UnsafePointer<UInt8>, _ lower: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<UInt8>,
        count: Int
    ) {
        var index = 0
        while index < count {
            let sum = unsafe Int(upper[index / 2]) &+ Int(lower[index / 2])
            unsafe output[index] = UInt8(truncatingIfNeeded: (sum &+ 1) &>> 1)
            index &+= 1
        }
    }
}
