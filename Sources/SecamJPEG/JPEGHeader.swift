/// The header of a JPEG image.
package struct JPEGHeader: Equatable, Sendable {
    /// The chroma subsampling.
    package enum Chroma: Equatable, Sendable, CaseIterable {
        case gray, yuv444, yuv422, yuv440, yuv420, yuv411
    }

    /// Pixels.
    package let width: Int
    /// Pixels.
    package let height: Int
    package let chroma: Chroma
    /// The image has several scans, so decoding keeps the coefficients of the whole image in memory.
    package let keepsCoefficients: Bool

    package init(width: Int, height: Int, chroma: Chroma, keepsCoefficients: Bool = false) {
        (self.width, self.height, self.chroma) = (width, height, chroma)
        self.keepsCoefficients = keepsCoefficients
    }

    /// Size of the coefficients that libturbojpeg keeps, bytes: two per sample, at any scale.
    var coefficientBytes: Int {
        guard keepsCoefficients else { return 0 }
        let luma = chroma.planeSize(0, width: width, height: height)
        let color = chroma == .gray ? (width: 0, height: 0) : chroma.planeSize(1, width: width, height: height)
        return 2 * (luma.width * luma.height + 2 * color.width * color.height)
    }

    /// Returns the size of the image decoded at a scale, pixels.
    package func size(at scale: JPEGScale) -> (width: Int, height: Int) {
        ((width + scale.rawValue - 1) / scale.rawValue, (height + scale.rawValue - 1) / scale.rawValue)
    }
}

/// A scale at which an image is decoded. Smaller scales cost less.
package enum JPEGScale: Int, Sendable, CaseIterable {
    case full = 1
    case half = 2
    case quarter = 4
    case eighth = 8
}

/// The layout of decoded pixels, in rows without padding.
package enum JPEGPixels: Sendable, CaseIterable {
    /// Luma, one byte; chroma is not decoded.
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

/// The properties of a decoded picture.
package struct JPEGPicture: Equatable, Sendable {
    /// Pixels, after scaling.
    package let width: Int
    /// Pixels, after scaling.
    package let height: Int
    /// The image was truncated or damaged, so parts of the picture are grey or wrong.
    package let isDamaged: Bool

    package init(width: Int, height: Int, isDamaged: Bool) {
        (self.width, self.height, self.isDamaged) = (width, height, isDamaged)
    }
}
