package import SecamWire

/// What somebody wants from a camera. What is left out is up to the camera.
package struct V4L2Request: Sendable {
    /// The size asked for when nobody says one.
    package static let defaultWidth = 1280
    package static let defaultHeight = 720
    package static let defaultFramesPerSecond = 30.0
    /// The widest and highest picture that may be asked for, in pixels.
    package static let largestSide = 16_384
    package static let mostFramesPerSecond = 1000.0

    /// `/dev/videoN`, or one of the names in `/dev/v4l/by-id`.
    package var path: String
    /// Pixels; the camera's nearest size is taken.
    package var width: Int?
    package var height: Int?
    package var framesPerSecond: Double?
    /// Taken if the camera has it or libv4l2 can make it, whatever it costs.
    package var format: PixelFormat?
    /// Set in this order before streaming begins; names as v4l2-ctl spells them (`brightness`, `auto_exposure`).
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
            throw .invalidRequest(path: path, reason: "\(name) \(side) is not between 1 and \(Self.largestSide)")
        }
        if let rate = framesPerSecond, !(rate > 0 && rate <= Self.mostFramesPerSecond) {
            throw .invalidRequest(
                path: path, reason: "\(rate) frames per second are not between 0 and \(Self.mostFramesPerSecond)")
        }
        if format == .gray8 {
            throw .invalidRequest(path: path, reason: "format GRAY8 cannot be captured; leave it out, or take I420")
        }
    }

    var wantedSize: FrameSize {
        FrameSize(width: width ?? Self.defaultWidth, height: height ?? Self.defaultHeight)
    }
}

/// What a camera and secam agreed on.
package struct V4L2Negotiated: Hashable, Sendable, CustomStringConvertible {
    package let driver: String
    /// The camera's own name.
    package let card: String
    /// Pixels.
    package let width: Int
    package let height: Int
    /// What ``V4L2Stream/next(milliseconds:_:)`` delivers.
    package let pixelFormat: PixelFormat
    /// What the device itself delivers, as V4L2 names it.
    package let fourCC: String
    /// Whether libv4l2 makes ``pixelFormat`` out of ``fourCC``.
    package let converted: Bool
    /// `nil` when the device does not say.
    package let framesPerSecond: Double?
    /// From one row (of the first plane) to the next; 0 for JPEG.
    package let bytesPerLine: Int
    /// How many frames the driver can hold.
    package let buffers: Int

    package var description: String {
        let rate = framesPerSecond.map { "\(Double(Int(($0 * 100).rounded())) / 100) fps" } ?? "unknown rate"
        let source = converted ? " made by libv4l2 from \(fourCC)" : ""
        return "\(card) (\(driver)): \(width)x\(height) \(pixelFormat)\(source), \(rate), \(buffers) buffers"
    }
}
