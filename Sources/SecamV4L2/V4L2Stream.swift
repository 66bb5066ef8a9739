import CV4L2
import Glibc
import SecamWire

/// The properties of one frame of a stream.
package struct V4L2FrameInfo: Hashable, Sendable {
    /// Time of capture, UTC microseconds since 1970.
    package let timestampMicroseconds: Int64
    /// The device's own count; it skips frames that found no buffer.
    package let sequence: UInt32
    /// Bytes from one row (of the first plane) to the next; 0 for JPEG.
    package let bytesPerLine: Int
}

/// The outcome of waiting for a frame.
package enum V4L2Outcome<R> {
    case frame(R)
    /// No frame came in time. A camera that hangs times out again and again.
    case timeout
    /// The received data are no picture; the stream continues.
    case damaged(reason: String)
}

extension V4L2Outcome: Sendable where R: Sendable {}

/// A streaming camera. Its calls block, so it belongs to a dedicated thread.
package struct V4L2Stream: ~Copyable {
    /// Number of requested buffers: one being filled, one being read, two for a late reader.
    package static let bufferCount = 4
    /// Number of consecutive failures after which the camera counts as lost.
    package static let failureLimit = 8

    package let negotiated: V4L2Negotiated
    private let device: V4L2Device
    private let smallestPicture: Int
    private var clock: DeviceClock
    private var failures = 0

    /// Opens the camera, negotiates a format, sets rate and controls, and starts streaming.
    ///
    /// - Throws: ``V4L2Error``. The device is closed then.
    package init(_ request: V4L2Request) throws(V4L2Error) {
        try request.validate()
        var node = try V4L2Node(request.path)
        let capability = try node.cameraCapability()
        var device = V4L2Device(path: request.path, descriptor: try node.adopt())
        try device.requireSignal()
        let offers = device.offers(wanted: request.wantedSize)
        guard let choice = FormatChoice.choose(from: offers, wanted: request.wantedSize, preferred: request.format)
        else {
            throw .noUsableFormat(path: request.path, offered: offers.map(\.fourCC.description))
        }
        let picture = try device.set(choice)
        guard let pixelFormat = FourCC(code: picture.fourcc).pixelFormat,
            (1...UInt32(WireLimits.side)).contains(picture.width),
            (1...UInt32(WireLimits.side)).contains(picture.height)
        else {
            throw .noUsableFormat(path: request.path, offered: [FourCC(code: picture.fourcc).description])
        }
        let rate = try device.setRate(request.framesPerSecond ?? V4L2Request.defaultFramesPerSecond)
        try device.set(request.controls)
        let buffers = try device.startStreaming(buffers: UInt32(Self.bufferCount))
        // Read after the start, because libv4l2 may change the device's own format until then.
        let own = device.ownPicture() ?? picture
        negotiated = V4L2Negotiated(
            driver: capability.driver, card: capability.card,
            width: Int(picture.width), height: Int(picture.height), pixelFormat: pixelFormat,
            fourCC: FourCC(code: own.fourcc).description,
            converted: own.fourcc != picture.fourcc || own.width != picture.width || own.height != picture.height,
            framesPerSecond: rate,
            bytesPerLine: pixelFormat == .jpeg ? 0 : Int(picture.bytes_per_line), buffers: buffers)
        smallestPicture = Self.byteCount(
            pixelFormat, bytesPerLine: Int(picture.bytes_per_line), height: Int(picture.height))
        clock = DeviceClock(now: .now())
        self.device = device
    }

    /// Waits for the next frame and passes it to `body`. A JPEG's bytes end with its end marker, without padding.
    ///
    /// - Parameters:
    ///   - timeout: the maximum wait.
    ///   - body: receives the driver's bytes, which are valid only until it returns. It should return soon, because the
    ///     driver has one buffer less meanwhile.
    /// - Throws: ``V4L2Error/lost(path:reason:)`` after an unplug or repeated failures of the driver; the stream is
    ///   unusable then. ``V4L2Error/io(path:operation:code:)`` if a buffer cannot be returned to the driver.
    package mutating func next<R>(
        timeout: Duration, _ body: (RawSpan, V4L2FrameInfo) -> R
    ) throws(V4L2Error) -> V4L2Outcome<R> {
        let deadline = SuspendingClock.now + max(.zero, timeout)
        var frame = secam_v4l2_dequeued()
        while true {
            let remaining = max(.zero, deadline - SuspendingClock.now)
            let waited = device.wait(timeout: remaining)
            if waited == ETIMEDOUT { return .timeout }
            if waited == EINTR { continue }
            let code = device.dequeue(&frame)
            if code == 0 { break }
            // Readable without a frame: libv4l2 dequeued a frame and could not convert it.
            if code == EAGAIN, remaining > .zero { continue }
            if code == EAGAIN { return .timeout }
            return try recordFailure("dequeuing a frame", code)
        }
        let outcome = withPicture(in: frame, body)
        try device.queue(frame.index)
        return outcome
    }

    /// Returns the reason why the device's input gets no signal, such as "no sync"; `nil` if it has a signal.
    package func signalProblem() -> String? {
        device.signalProblem()?.reason
    }

    private mutating func withPicture<R>(
        in frame: secam_v4l2_dequeued, _ body: (RawSpan, V4L2FrameInfo) -> R
    ) -> V4L2Outcome<R> {
        guard frame.flags & UInt32(V4L2_BUF_FLAG_ERROR) == 0 else {
            return .damaged(reason: "the driver marked the frame as damaged")
        }
        failures = 0
        let isMonotonic =
            frame.flags & UInt32(V4L2_BUF_FLAG_TIMESTAMP_MASK) == UInt32(V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC)
        let info = V4L2FrameInfo(
            timestampMicroseconds: clock.utc(stamp: isMonotonic ? frame.timestamp_microseconds : nil, now: .now()),
            sequence: frame.sequence, bytesPerLine: negotiated.bytesPerLine)
        let isJPEG = negotiated.pixelFormat == .jpeg
        let smallestPicture = smallestPicture
        return device.withBytes(of: frame) { bytes in
            guard isJPEG else {
                guard bytes.byteCount >= smallestPicture else {
                    return .damaged(reason: "\(bytes.byteCount) of \(smallestPicture) bytes received")
                }
                return .frame(body(bytes, info))
            }
            switch JPEGBounds(of: bytes) {
            case .picture(let byteCount): return .frame(body(bytes.extracting(first: byteCount), info))
            case .damaged(let reason): return .damaged(reason: reason)
            }
        }
    }

    /// Counts a failed dequeue, which is a damaged frame as long as the device answers and delivers frames in between.
    private mutating func recordFailure<R>(_ operation: String, _ code: Int32) throws(V4L2Error) -> V4L2Outcome<R> {
        let reason = "\(operation): \(V4L2Error.text(ofErrno: code))"
        failures += 1
        guard device.isPresent(), failures < Self.failureLimit else { throw .lost(path: device.path, reason: reason) }
        return .damaged(reason: reason)
    }

    /// Returns the minimum size of a complete raw picture, bytes; 0 for JPEG. The last rows may lack padding.
    static func byteCount(_ format: PixelFormat, bytesPerLine: Int, height: Int) -> Int {
        let chromaHeight = (height + 1) / 2
        return switch format {
        case .jpeg: 0
        case .gray8, .yuyv, .rgb24: bytesPerLine * height
        case .nv12: bytesPerLine * (height + chromaHeight)
        case .i420: bytesPerLine * height + 2 * ((bytesPerLine + 1) / 2) * chromaHeight
        }
    }
}

extension V4L2Device {
    /// Returns the current input's name and problem; `nil` if it has a signal or reports none.
    func signalProblem() -> (input: String, reason: String)? {
        guard let input = input() else { return nil }
        let problems: [(Int32, String)] = [
            (V4L2_IN_ST_NO_POWER, "no power"), (V4L2_IN_ST_NO_SIGNAL, "no signal"), (V4L2_IN_ST_NO_SYNC, "no sync"),
            (V4L2_IN_ST_NO_H_LOCK, "no horizontal sync"),
        ]
        guard let problem = problems.first(where: { input.status & UInt32($0.0) != 0 }) else { return nil }
        return (V4L2Capability.text(of: input.name), problem.1)
    }

    /// Throws if the input has no signal. Must precede the choice of a format, because there may be none without
    /// signal.
    func requireSignal() throws(V4L2Error) {
        if let problem = signalProblem() {
            throw .noSignal(path: path, input: problem.input, reason: problem.reason)
        }
        guard let input = input(), input.capabilities & UInt32(V4L2_IN_CAP_DV_TIMINGS) != 0 else { return }
        let reason: String
        switch followTimings() {
        case ENOLINK: reason = "no cable or source"
        case ENOLCK: reason = "the signal is not stable"
        case ERANGE: reason = "the device does not support the signal's timings"
        case EBUSY: throw .busy(path: path)
        // Drivers without a query keep their current timings.
        default: return
        }
        throw .noSignal(path: path, input: V4L2Capability.text(of: input.name), reason: reason)
    }
}
