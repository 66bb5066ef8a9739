import SecamWire

/// A frame number drawn as 32 cells of 8x8 pixels at the picture's upper left, lowest bit first, white for one. Each
/// cell is one block of a JPEG, which preserves flat blocks at any quality.
enum FrameCells {
    private static let side = 8
    private static let bits = 32
    private static let white: UInt8 = 235
    private static let black: UInt8 = 16

    /// Returns the number of cells per line. Narrow pictures have two or four lines.
    private static func perLine(width: Int) -> Int {
        width >= 32 * side ? 32 : width >= 16 * side ? 16 : 8
    }

    /// Returns the height of all cells, pixels.
    static func height(width: Int) -> Int { bits / perLine(width: width) * side }

    /// Returns the width of all cells, pixels.
    static func width(width: Int) -> Int { perLine(width: width) * side }

    static func draw(_ number: UInt32, _ plane: Plane, in bytes: UnsafeMutableRawBufferPointer) {
        let perLine = perLine(width: plane.width)
        for bit in 0..<bits {
            let cell = Glyphs.Run(x: bit % perLine * side, y: bit / perLine * side, width: side, height: side)
            unsafe plane.fill(cell, with: number >> UInt32(bit) & 1 == 1 ? white : black, in: bytes)
        }
    }

    static func read(_ luma: Span<UInt8>, _ layout: PictureLayout, scaledDown: Int) -> UInt32? {
        switch layout.format {
        case .i420, .nv12, .gray8: break
        case .jpeg, .yuyv, .rgb24: return nil
        }
        guard (1...side).contains(scaledDown), side % scaledDown == 0 else { return nil }
        let perLine = perLine(width: layout.width * scaledDown)
        let side = side / scaledDown
        guard layout.width >= perLine * side, layout.height >= bits / perLine * side,
            luma.count >= layout.bytesPerLine * (layout.height - 1) + layout.width
        else { return nil }
        var number: UInt32 = 0
        for bit in 0..<bits {
            let mean = mean(
                luma, bytesPerLine: layout.bytesPerLine, x: bit % perLine * side, y: bit / perLine * side, side: side)
            switch mean {
            case ..<96: break
            case 160...: number |= 1 << UInt32(bit)
            default: return nil
            }
        }
        return number
    }

    private static func mean(_ luma: Span<UInt8>, bytesPerLine: Int, x: Int, y: Int, side: Int) -> Int {
        var sum = 0
        for row in y..<y + side {
            for column in x..<x + side {
                sum += Int(luma[row * bytesPerLine + column])
            }
        }
        return sum / (side * side)
    }
}
