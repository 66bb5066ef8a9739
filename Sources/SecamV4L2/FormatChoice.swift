import SecamWire

/// The size of a picture in pixels.
struct FrameSize: Hashable, Sendable, CustomStringConvertible {
    let width: Int
    let height: Int

    var description: String { "\(width)x\(height)" }

    func distance(to other: FrameSize) -> Int {
        abs(width - other.width) + abs(height - other.height)
    }
}

/// The sizes from `minimum` to `maximum` in steps; both are equal for a single size.
struct FrameSizeRange: Hashable, Sendable {
    let minimum: FrameSize
    let maximum: FrameSize
    let step: FrameSize
}

extension FrameSizeRange {
    init(_ size: FrameSize) {
        self.init(minimum: size, maximum: size, step: FrameSize(width: 1, height: 1))
    }

    func nearest(to wanted: FrameSize) -> FrameSize {
        FrameSize(
            width: Self.nearest(to: wanted.width, from: minimum.width, through: maximum.width, step: step.width),
            height: Self.nearest(to: wanted.height, from: minimum.height, through: maximum.height, step: step.height)
        )
    }

    private static func nearest(to wanted: Int, from minimum: Int, through maximum: Int, step: Int) -> Int {
        guard wanted > minimum, maximum > minimum else { return minimum }
        let step = max(step, 1)
        let steps = (min(wanted, maximum) - minimum + step / 2) / step
        let value = minimum + steps * step
        return value > maximum ? value - step : value
    }
}

/// A pixel format that a device offers, with its sizes.
struct FormatOffer: Hashable, Sendable {
    let fourCC: FourCC
    /// libv4l2 converts the device's own format to this one.
    let isConverted: Bool
    let sizes: [FrameSizeRange]
}

/// The format and size to request from a device.
struct FormatChoice: Hashable, Sendable {
    let fourCC: FourCC
    let pixelFormat: PixelFormat
    let size: FrameSize
    let isConverted: Bool

    /// Returns the best choice: first by the preferred format, if the device offers it; then by the size nearest to the
    /// wanted one; then by cost: JPEG (passed through), native 4:2:2 and 4:2:0, native RGB, conversions.
    ///
    /// - Returns: `nil` if no offered format is supported.
    static func choose(from offers: [FormatOffer], wanted: FrameSize, preferred: PixelFormat?) -> FormatChoice? {
        let choices = offers.flatMap { offer in
            guard let pixelFormat = offer.fourCC.pixelFormat else { return [FormatChoice]() }
            return offer.sizes.map {
                FormatChoice(
                    fourCC: offer.fourCC, pixelFormat: pixelFormat, size: $0.nearest(to: wanted),
                    isConverted: offer.isConverted)
            }
        }
        return choices.min { $0.rank(wanted, preferred) < $1.rank(wanted, preferred) }
    }

    private func rank(_ wanted: FrameSize, _ preferred: PixelFormat?) -> (Int, Int, Int, Int) {
        // Of two equally distant sizes, the larger is better.
        (
            pixelFormat == preferred ? 0 : 1, size.distance(to: wanted), -size.width * size.height,
            (isConverted ? 10 : 0) + cost
        )
    }

    private var cost: Int {
        switch pixelFormat {
        case .jpeg: 0
        case .yuyv: 1
        case .nv12: 2
        case .i420: 3
        case .rgb24: 4
        case .gray8: 5
        }
    }
}
