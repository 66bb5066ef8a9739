/// What a JPEG image says about itself.
package struct JPEGHeader: Equatable, Sendable {
    /// How many pixels share a colour.
    package enum Chroma: Equatable, Sendable, CaseIterable {
        case gray, yuv444, yuv422, yuv440, yuv420, yuv411
    }

    /// Pixels.
    package let width: Int
    /// Pixels.
    package let height: Int
    package let chroma: Chroma
    /// Decoding keeps the coefficients of the whole image, as it comes in several scans.
    package let keepsCoefficients: Bool

    package init(width: Int, height: Int, chroma: Chroma, keepsCoefficients: Bool = false) {
        (self.width, self.height, self.chroma) = (width, height, chroma)
        self.keepsCoefficients = keepsCoefficients
    }

    /// Bytes of the coefficients that libturbojpeg keeps: two for each sample, at any scale.
    var coefficientBytes: Int {
        guard keepsCoefficients else { return 0 }
        let luma = chroma.planeSize(0, width: width, height: height)
        let color = chroma == .gray ? (width: 0, height: 0) : chroma.planeSize(1, width: width, height: height)
        return 2 * (luma.width * luma.height + 2 * color.width * color.height)
    }

    /// The size in pixels when decoded at a scale.
    package func size(at scale: JPEGScale) -> (width: Int, height: Int) {
        ((width + scale.rawValue - 1) / scale.rawValue, (height + scale.rawValue - 1) / scale.rawValue)
    }
}

/// By how much an image is made smaller while it is decoded, which costs less than decoding all of it.
package enum JPEGScale: Int, Sendable, CaseIterable {
    case full = 1
    case half = 2
    case quarter = 4
    case eighth = 8
}

/// How decoded pixels are arranged, in rows without padding.
package enum JPEGPixels: Sendable, CaseIterable {
    /// Brightness alone, one byte; the colours are not even decoded.
    case gray
    /// Red, green, blue.
    case rgb
    /// Red, green, blue, 255.
    case rgba
    /// Blue, green, red, 255.
    case bgra

    package var bytesPerPixel: Int {
        switch self {
        case .gray: 1
        case .rgb: 3
        case .rgba, .bgra: 4
        }
    }
}

/// A picture that was decoded.
package struct JPEGPicture: Equatable, Sendable {
    /// Pixels, after scaling.
    package let width: Int
    /// Pixels, after scaling.
    package let height: Int
    /// The image was cut off or damaged: parts of the picture are grey or wrong.
    package let isDamaged: Bool

    package init(width: Int, height: Int, isDamaged: Bool) {
        (self.width, self.height, self.isDamaged) = (width, height, isDamaged)
    }
}
