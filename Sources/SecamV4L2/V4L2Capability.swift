import CV4L2

/// The driver, name and capabilities of a device.
struct V4L2Capability: Hashable, Sendable {
    let driver: String
    let card: String
    let bus: String
    private let flags: UInt32

    init(_ answer: v4l2_capability) {
        driver = Self.text(of: answer.driver)
        card = Self.text(of: answer.card)
        bus = Self.text(of: answer.bus_info)
        // `device_caps` are the capabilities of this node, `capabilities` those of all nodes of the hardware.
        flags = answer.capabilities & V4L2_CAP_DEVICE_CAPS != 0 ? answer.device_caps : answer.capabilities
    }

    var captures: Bool {
        flags & UInt32(V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_CAPTURE_MPLANE) != 0
    }

    var streams: Bool {
        flags & UInt32(V4L2_CAP_STREAMING) != 0
    }

    /// The node is part of a pipeline that needs a set-up, not a camera.
    var isPartOfPipeline: Bool {
        // bcm2835-isp (Raspberry Pi) lacks V4L2_CAP_IO_MC, yet its capture nodes never deliver a frame.
        flags & UInt32(V4L2_CAP_IO_MC) != 0 || driver == "bcm2835-isp"
    }

    /// Returns the text in a C array that may lack a terminating zero.
    static func text<T: BitwiseCopyable>(of array: T) -> String {
        unsafe withUnsafeBytes(of: array) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
