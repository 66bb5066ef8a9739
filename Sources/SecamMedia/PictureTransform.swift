/// A turn of a picture in steps of 90 degrees, with or without mirroring: the pixel at (x, y) goes to
/// (a x + c y, b x + d y). Each number is -1, 0 or 1.
struct PictureTransform: Hashable, Sendable {
    let a: Int32
    let b: Int32
    let c: Int32
    let d: Int32

    static let identity = PictureTransform(a: 1, b: 0, c: 0, d: 1)

    /// Width and height change places.
    var swapsSides: Bool { a == 0 }

    init(a: Int32, b: Int32, c: Int32, d: Int32) {
        (self.a, self.b, self.c, self.d) = (a, b, c, d)
    }

    /// Reads the display matrix of a container: nine numbers in rows, with 16 bits after the point in the first two
    /// columns.
    ///
    /// - Returns: `nil` for turns by other angles, which are not applied.
    init?(displayMatrix matrix: [Int32]) {
        guard matrix.count == 9 else { return nil }
        let signs = [matrix[0], matrix[1], matrix[3], matrix[4]].map { $0.signum() }
        self.init(a: signs[0], b: signs[1], c: signs[2], d: signs[3])
        guard abs(a) == abs(d), abs(b) == abs(c), abs(a) + abs(b) == 1 else { return nil }
    }

    /// - Parameter orientation: 1 to 8, as EXIF defines it; others are upright.
    init(exifOrientation orientation: Int) {
        switch orientation {
        case 2: self.init(a: -1, b: 0, c: 0, d: 1)
        case 3: self.init(a: -1, b: 0, c: 0, d: -1)
        case 4: self.init(a: 1, b: 0, c: 0, d: -1)
        case 5: self.init(a: 0, b: 1, c: 1, d: 0)
        case 6: self.init(a: 0, b: 1, c: -1, d: 0)
        case 7: self.init(a: 0, b: -1, c: -1, d: 0)
        case 8: self.init(a: 0, b: -1, c: 1, d: 0)
        default: self = .identity
        }
    }
}

/// The shape of a pixel: its width divided by its height.
struct PixelAspect: Hashable, Sendable {
    let numerator: Int32
    let denominator: Int32

    /// - Returns: `nil` for a shape that is unknown or absurd.
    init?(_ numerator: Int32, _ denominator: Int32) {
        guard numerator > 0, denominator > 0 else { return nil }
        let ratio = Double(numerator) / Double(denominator)
        guard (0.125...8).contains(ratio) else { return nil }
        (self.numerator, self.denominator) = (numerator, denominator)
    }

    /// Returns the width, in square pixels, of rows of this many pixels; even, because chroma has half the width.
    func width(of pixels: Int) -> Int {
        guard numerator != denominator else { return pixels }
        let width = Int((Double(pixels) * Double(numerator) / Double(denominator) / 2).rounded()) * 2
        guard (2...MediaReader.largestSide).contains(width) else { return pixels }
        return width
    }
}
