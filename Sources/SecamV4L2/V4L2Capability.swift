import CV4L2

/// What a device says that it is.
struct V4L2Capability: Hashable, Sendable {
    let driver: String
    let card: String
    let bus: String
    private let flags: UInt32

    init(_ answer: v4l2_capability) {
        driver = Self.text(of: answer.driver)
        card = Self.text(of: answer.card)
        bus = Self.text(of: answer.bus_info)
        // The node's own capabilities; `capabilities` are those of all nodes of the hardware together.
        flags = answer.capabilities & V4L2_CAP_DEVICE_CAPS != 0 ? answer.device_caps : answer.capabilities
    }

    var captures: Bool {
        flags & UInt32(V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_CAPTURE_MPLANE) != 0
    }

    var streams: Bool {
        flags & UInt32(V4L2_CAP_STREAMING) != 0
    }

    /// Part of a pipeline that somebody must set up first, not a camera to open.
    var isPartOfPipeline: Bool {
        // bcm2835-isp (Raspberry Pi) offers captures that never give a frame and does not say V4L2_CAP_IO_MC.
        flags & UInt32(V4L2_CAP_IO_MC) != 0 || driver == "bcm2835-isp"
    }

    /// The text in a C array that need not end with a zero.
    static func text<T: BitwiseCopyable>(of array: T) -> String {
        unsafe withUnsafeBytes(of: array) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
