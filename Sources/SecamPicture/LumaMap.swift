import SecamWire

/// A small 8-bit picture of luma, for motion detection. Each value is the exact mean of a square box of pixels.
///
/// Boxes at the right and lower edge average the pixels within the picture, so a map has the size of the picture's JPEG
/// decoded at the same scale.
package enum LumaMap {
    /// Maximum width and height of a map with the factor of ``factor(width:height:)``, pixels.
    package static let maximumSide = 320
    /// The factor of the largest picture.
    package static let maximumFactor = 64

    /// Returns the scale factor of a picture: the smallest power of two that reduces its longer side to at most
    /// ``maximumSide``. The longer side of the map is then 161 to 320; smaller pictures are not scaled (factor 1).
    package static func factor(width: Int, height: Int) -> Int {
        var factor = 1
        while max(width, height) > maximumSide * factor, factor < maximumFactor { factor *= 2 }
        return factor
    }

    /// Returns the map's size, pixels, rounded up.
    package static func size(width: Int, height: Int, factor: Int) -> (width: Int, height: Int) {
        ((width + factor - 1) / factor, (height + factor - 1) / factor)
    }

    /// Writes the map, rows without padding, into the first bytes of `destination`.
    ///
    /// - Parameter factor: a power of two up to ``maximumFactor``; `nil` for the picture's own factor.
    /// - Returns: the map's size, pixels.
    /// - Throws: ``PictureError/sourceTooSmall(bytes:needed:)`` or ``PictureError/destinationTooSmall(bytes:needed:)``.
    @discardableResult
    package static func average(
        _ source: Span<UInt8>, layout: PictureLayout, factor: Int? = nil, into destination: inout MutableSpan<UInt8>
    ) throws(PictureError) -> (width: Int, height: Int) {
        let factor = factor ?? Self.factor(width: layout.width, height: layout.height)
        precondition((1...maximumFactor).contains(factor) && factor & (factor - 1) == 0, "not a power of two")
        try layout.checkSource(source.count)
        let size = size(width: layout.width, height: layout.height, factor: factor)
        guard destination.count >= size.width * size.height else {
            throw .destinationTooSmall(bytes: destination.count, needed: size.width * size.height)
        }
        unsafe source.withUnsafeBufferPointer { source in
            unsafe destination.withUnsafeMutableBufferPointer { destination in
                guard let from = source.baseAddress, let to = destination.baseAddress else { return }
                unsafe average(from, layout, factor: factor, into: to, mapWidth: size.width)
            }
        }
        return size
    }

    /// Adds up the columns of a band of rows (whole rows at a time), then the boxes of the band.
    private static func average(
        _ source: UnsafePointer<UInt8>, _ layout: PictureLayout, factor: Int,
        into target: UnsafeMutablePointer<UInt8>, mapWidth: Int
    ) {
        // The sum of a column is at most 64 * 255, which fits 16 bits.
        let lanes = layout.format == .rgb24 ? 3 * layout.width : layout.width
        unsafe withUnsafeTemporaryAllocation(of: UInt16.self, capacity: lanes) { buffer in
            guard let sums = buffer.baseAddress else { return }
            var output = unsafe target
            for top in stride(from: 0, to: layout.height, by: factor) {
                let rows = min(factor, layout.height - top)
                unsafe sums.update(repeating: 0, count: lanes)
                for row in top..<top + rows {
                    let pixels = unsafe source + row * layout.bytesPerLine
                    if layout.format == .yuyv {
                        unsafe addEvenBytes(of: pixels, to: sums, count: lanes)
                    } else {
                        unsafe addBytes(of: pixels, to: sums, count: lanes)
                    }
                }
                if layout.format == .rgb24 {
                    unsafe averageRGB(sums, width: layout.width, factor: factor, rows: rows, into: output)
                } else {
                    unsafe averageLuma(sums, width: layout.width, factor: factor, rows: rows, into: output)
                }
                unsafe output += mapWidth
            }
        }
    }

    private static func addBytes(of row: UnsafePointer<UInt8>, to sums: UnsafeMutablePointer<UInt16>, count: Int) {
        var index = 0
        while index < count {
            unsafe sums[index] &+= UInt16(truncatingIfNeeded: row[index])
            index &+= 1
        }
    }

    private static func addEvenBytes(
        of row: UnsafePointer<UInt8>, to sums: UnsafeMutablePointer<UInt16>, count: Int
    ) {
        var index = 0
        while index < count {
            unsafe sums[index] &+= UInt16(truncatingIfNeeded: row[2 &* index])
            index &+= 1
        }
    }

    private static func averageLuma(
        _ sums: UnsafePointer<UInt16>, width: Int, factor: Int, rows: Int, into output: UnsafeMutablePointer<UInt8>
    ) {
        let whole = width / factor
        // With a constant box size, the compiler vectorizes the sums.
        switch (factor, rows) {
        case (2, 2): unsafe averageSquares(sums, count: whole, factor: 2, into: output)
        case (4, 4): unsafe averageSquares(sums, count: whole, factor: 4, into: output)
        case (8, 8): unsafe averageSquares(sums, count: whole, factor: 8, into: output)
        default:
            for box in 0..<whole {
                unsafe output[box] = mean(sums, columns: box * factor..<(box + 1) * factor, rows: rows)
            }
        }
        if whole * factor < width {
            unsafe output[whole] = mean(sums, columns: whole * factor..<width, rows: rows)
        }
    }

    @inline(__always)
    private static func averageSquares(
        _ sums: UnsafePointer<UInt16>, count: Int, factor: Int, into output: UnsafeMutablePointer<UInt8>
    ) {
        let area = UInt32(truncatingIfNeeded: factor &* factor)
        var box = 0
        while box < count {
            var sum = area / 2
            var column = 0
            while column < factor {
                sum &+= UInt32(truncatingIfNeeded: unsafe sums[box &* factor &+ column])
                column &+= 1
            }
            unsafe output[box] = UInt8(truncatingIfNeeded: sum / area)
            box &+= 1
        }
    }

    private static func mean(_ sums: UnsafePointer<UInt16>, columns: Range<Int>, rows: Int) -> UInt8 {
        let area = UInt32(truncatingIfNeeded: columns.count * rows)
        var sum = area / 2
        for column in columns { sum &+= UInt32(truncatingIfNeeded: unsafe sums[column]) }
        return UInt8(truncatingIfNeeded: sum / area)
    }

    /// Luma is a weighted sum of the three colours, so weighting once per box is exact.
    private static func averageRGB(
        _ sums: UnsafePointer<UInt16>, width: Int, factor: Int, rows: Int, into output: UnsafeMutablePointer<UInt8>
    ) {
        var box = 0
        var first = 0
        while first < width {
            let end = min(first + factor, width)
            var (red, green, blue) = (UInt32(0), UInt32(0), UInt32(0))
            var lane = 3 &* first
            while lane < 3 &* end {
                unsafe red &+= UInt32(truncatingIfNeeded: sums[lane])
                unsafe green &+= UInt32(truncatingIfNeeded: sums[lane &+ 1])
                unsafe blue &+= UInt32(truncatingIfNeeded: sums[lane &+ 2])
                lane &+= 3
            }
            // JFIF's 0.299, 0.587, 0.114 in 256ths. The maximum of 256 * 255 * 64 * 64 fits 32 bits.
            let weighted = 77 &* red &+ 150 &* green &+ 29 &* blue
            let area = UInt32(truncatingIfNeeded: 256 &* (end &- first) &* rows)
            unsafe output[box] = UInt8(truncatingIfNeeded: (weighted &+ area / 2) / area)
            box &+= 1
            first = end
        }
    }
}
