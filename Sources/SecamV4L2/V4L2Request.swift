package import SecamWire

/// A request for a camera stream. The camera chooses the values of unset fields.
package struct V4L2Request: Sendable {
    /// The size of a request without one, pixels.
    package static let defaultWidth = 1280
    package static let defaultHeight = 720
    package static let defaultFramesPerSecond = 30.0
    /// Maximum width and height, pixels.
    package static let largestSide = 16_384
    package static let highestFramesPerSecond = 1000.0

    /// `/dev/videoN`, or one of the names in `/dev/v4l/by-id`.
    package var path: String
    /// Pixels; the camera's nearest size is used.
    package var width: Int?
    package var height: Int?
    package var framesPerSecond: Double?
    /// Used if the camera offers it or libv4l2 can convert to it, whatever the cost.
    package var format: PixelFormat?
    /// Set in this order before streaming starts; names as v4l2-ctl spells them (`brightness`, `auto_exposure`).
    package var controls: [(name: String, value: Int)]

    package init(
        path: String, width: Int? = nil, height: Int? = nil, framesPerSecond: Double? = nil,
        format: PixelFormat? = nil, controls: [(name: String, value: Int)] = []
    ) {
        self.path = path
        self.width = width
        self.height = height
        self.framesPerSecond = framesPerSecond
        self.format = format
        self.controls = controls
    }

    func validate() throws(V4L2Error) {
        for (name, side) in [("width", width), ("height", height)] {
            guard let side, !(1...Self.largestSide).contains(side) else { continue }
            throw .invalidRequest(path: path, reason: "\(name) \(side) is out of range (1 to \(Self.largestSide))")
        }
        if let rate = framesPerSecond, !(rate > 0 && rate <= Self.highestFramesPerSecond) {
            throw .invalidRequest(
                path: path,
                reason: "\(rate) frames per second is out of range (above 0, up to \(Self.highestFramesPerSecond))")
        }
        if format == .gray8 {
            throw .invalidRequest(path: path, reason: "format GRAY8 cannot be captured. Use I420, or set no format")
        }
    }

    var wantedSize: FrameSize {
        FrameSize(width: width ?? Self.defaultWidth, height: height ?? Self.defaultHeight)
    }
}

/// The negotiated format of a camera stream.
package struct V4L2Negotiated: Hashable, Sendable, CustomStringConvertible {
    package let driver: String
    /// The camera's own name.
    package let card: String
    /// Pixels.
    package let width: Int
    package let height: Int
    /// The format that ``V4L2Stream/next(timeout:_:)`` delivers.
    package let pixelFormat: PixelFormat
    /// The device's own format, as V4L2 names it.
    package let fourCC: String
    /// libv4l2 converts ``fourCC`` to ``pixelFormat``.
    package let converted: Bool
    /// `nil` if unknown.
    package let framesPerSecond: Double?
    /// Bytes from one row (of the first plane) to the next; 0 for JPEG.
    package let bytesPerLine: Int
    /// Number of the driver's buffers.
    package let buffers: Int

    package var description: String {
        let rate = framesPerSecond.map { "\(Double(Int(($0 * 100).rounded())) / 100) fps" } ?? "unknown rate"
        let source = converted ? " converted by libv4l2 from \(fourCC)" : ""
        return "\(card) (\(driver)): \(width)x\(height) \(pixelFormat)\(source), \(rate), \(buffers) buffers"
    }
}
