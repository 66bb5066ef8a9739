import CV4L2
import Glibc
import SecamWire

/// An open device and its mapped buffers, of which this is the only owner.
@safe struct V4L2Device: ~Copyable {
    static let formatLimit: UInt32 = 64
    static let sizeLimit: UInt32 = 256

    let path: String
    private let descriptor: Int32
    private var buffers: [UnsafeMutableRawBufferPointer] = unsafe []

    /// - Parameter descriptor: adopted by libv4l2; closed in `deinit`.
    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        if unsafe !buffers.isEmpty {
            _ = secam_v4l2_stream(descriptor, 0)
            unsafe buffers.forEach { unsafe v4l2_munmap($0.baseAddress, $0.count) }
        }
        v4l2_close(descriptor)
    }

    func fail(_ operation: String, _ code: Int32) -> V4L2Error {
        V4L2Error(path: path, operation: operation, code: code)
    }

    /// Returns whether the device answers. After an unplug every call fails with ENODEV.
    func isPresent() -> Bool {
        var answer = v4l2_capability()
        return unsafe secam_querycap(descriptor, &answer) == 0
    }

    /// Returns the current input; `nil` for drivers without inputs.
    func input() -> v4l2_input? {
        var input = v4l2_input()
        return unsafe secam_v4l2_input(descriptor, &input) == 0 ? input : nil
    }

    func followTimings() -> Int32 {
        secam_v4l2_follow_timings(descriptor)
    }

    // MARK: Formats

    /// Returns all formats that the device and libv4l2 offer. A format without a list of sizes gets the size that the
    /// driver would choose for `wanted`.
    func offers(wanted: FrameSize) -> [FormatOffer] {
        var offers: [FormatOffer] = []
        for index in 0..<Self.formatLimit {
            var code: UInt32 = 0
            var flags: UInt32 = 0
            guard unsafe secam_v4l2_format_offer(descriptor, index, &code, &flags) == 0 else { break }
            var sizes = sizes(of: code)
            if sizes.isEmpty, let size = trySize(wanted, code) { sizes = [FrameSizeRange(size)] }
            let isConverted = flags & UInt32(V4L2_FMT_FLAG_EMULATED) != 0
            offers.append(FormatOffer(fourCC: FourCC(code: code), isConverted: isConverted, sizes: sizes))
        }
        return offers
    }

    private func sizes(of code: UInt32) -> [FrameSizeRange] {
        var ranges: [FrameSizeRange] = []
        for index in 0..<Self.sizeLimit {
            var sizes = secam_v4l2_sizes()
            guard unsafe secam_v4l2_size_offer(descriptor, code, index, &sizes) == 0 else { break }
            ranges.append(
                FrameSizeRange(
                    minimum: FrameSize(width: Int(sizes.min_width), height: Int(sizes.min_height)),
                    maximum: FrameSize(width: Int(sizes.max_width), height: Int(sizes.max_height)),
                    step: FrameSize(width: Int(sizes.step_width), height: Int(sizes.step_height))))
            // A range has no successor; some drivers return it again for every index.
            if sizes.min_width != sizes.max_width || sizes.min_height != sizes.max_height { break }
        }
        return ranges
    }

    private func trySize(_ wanted: FrameSize, _ code: UInt32) -> FrameSize? {
        var picture = secam_v4l2_picture(fourCC: FourCC(code: code), size: wanted)
        guard unsafe secam_v4l2_try_picture(descriptor, &picture) == 0, picture.fourcc == code else { return nil }
        return FrameSize(width: Int(picture.width), height: Int(picture.height))
    }

    func set(_ choice: FormatChoice) throws(V4L2Error) -> secam_v4l2_picture {
        var picture = secam_v4l2_picture(fourCC: choice.fourCC, size: choice.size)
        let code = unsafe secam_v4l2_set_picture(descriptor, &picture)
        guard code == 0 else { throw fail("setting \(choice.size) \(choice.fourCC)", code) }
        return picture
    }

    /// Returns the device's own picture format, before libv4l2 converts it; `nil` for devices with several planes.
    func ownPicture() -> secam_v4l2_picture? {
        var picture = secam_v4l2_picture()
        return unsafe secam_own_picture(descriptor, &picture) == 0 ? picture : nil
    }

    /// Requests a frame rate.
    ///
    /// - Returns: the rate that the device chose; `nil` if it does not support rates.
    func setRate(_ framesPerSecond: Double) throws(V4L2Error) -> Double? {
        // Whole rates are requested as 1/n, as cameras list them, others to a thousandth.
        let isWhole = framesPerSecond == framesPerSecond.rounded()
        var numerator: UInt32 = isWhole ? 1 : 1000
        var denominator = max(1, UInt32((framesPerSecond * Double(numerator)).rounded()))
        let code = unsafe secam_v4l2_set_interval(descriptor, &numerator, &denominator)
        if code == ENOTTY || code == EINVAL { return nil }
        guard code == 0 else { throw fail("setting \(framesPerSecond) frames per second", code) }
        return numerator > 0 ? Double(denominator) / Double(numerator) : nil
    }

    // MARK: Controls

    /// Returns the first control with a number above `identifier`.
    func control(after identifier: UInt32) -> v4l2_queryctrl? {
        var control = v4l2_queryctrl()
        control.id = identifier | V4L2_CTRL_FLAG_NEXT_CTRL
        return unsafe secam_v4l2_queryctrl(descriptor, &control) == 0 ? control : nil
    }

    func hasMenuEntry(_ index: UInt32, of control: UInt32) -> Bool {
        secam_v4l2_has_menu_entry(descriptor, control, index) != 0
    }

    func setControl(_ control: UInt32, to value: Int32) -> Int32 {
        secam_v4l2_set_control(descriptor, control, value)
    }

    // MARK: Streaming

    /// Maps and queues `count` buffers, or as many as the driver grants, and starts the stream.
    ///
    /// - Returns: the number of buffers.
    mutating func startStreaming(buffers count: UInt32) throws(V4L2Error) -> Int {
        var granted = count
        var code = unsafe secam_v4l2_request_buffers(descriptor, &granted)
        guard code == 0, granted > 0 else { throw fail("asking for buffers", code == 0 ? ENOMEM : code) }
        for index in 0..<granted {
            var start: UnsafeMutableRawPointer?
            var length = 0
            code = unsafe secam_v4l2_map(descriptor, index, &start, &length)
            guard code == 0 else { throw fail("mapping buffer \(index)", code) }
            unsafe buffers.append(UnsafeMutableRawBufferPointer(start: start, count: length))
        }
        for index in 0..<granted { try queue(index) }
        code = secam_v4l2_stream(descriptor, 1)
        guard code == 0 else { throw fail("starting the stream", code) }
        return Int(granted)
    }

    /// Waits for a filled buffer. The timeout is rounded up to milliseconds.
    ///
    /// - Returns: 0, ETIMEDOUT, or another errno.
    func wait(timeout: Duration) -> Int32 {
        let (seconds, attoseconds) = timeout.components
        let milliseconds = seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return secam_v4l2_wait(descriptor, Int32(clamping: milliseconds))
    }

    /// Dequeues a filled buffer, which must be queued again.
    ///
    /// - Returns: 0, or an errno.
    func dequeue(_ frame: inout secam_v4l2_dequeued) -> Int32 {
        unsafe secam_v4l2_dequeue(descriptor, &frame)
    }

    func queue(_ index: UInt32) throws(V4L2Error) {
        let code = secam_v4l2_queue(descriptor, index)
        guard code == 0 else { throw fail("queueing a buffer", code) }
    }

    /// Passes the bytes of a dequeued buffer to `body`. Their number is bounded by the buffer's size, whatever the
    /// driver reports.
    func withBytes<R>(of frame: secam_v4l2_dequeued, _ body: (RawSpan) -> R) -> R {
        guard unsafe Int(frame.index) < buffers.count else { return body(RawSpan()) }
        let buffer = unsafe UnsafeRawBufferPointer(buffers[Int(frame.index)])
        let used = min(Int(frame.bytes_used), buffer.count)
        return unsafe body(UnsafeRawBufferPointer(rebasing: buffer[..<used]).bytes)
    }
}

extension secam_v4l2_picture {
    init(fourCC: FourCC, size: FrameSize) {
        self.init(
            fourcc: fourCC.code, width: UInt32(clamping: size.width), height: UInt32(clamping: size.height),
            bytes_per_line: 0, size: 0)
    }
}
