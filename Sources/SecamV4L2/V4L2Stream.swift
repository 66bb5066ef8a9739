import CV4L2
import Glibc
import SecamWire

/// About one frame of a stream.
package struct V4L2FrameInfo: Hashable, Sendable {
    /// When the camera took it: UTC microseconds since 1970.
    package let timestampMicroseconds: Int64
    /// The device's own count; a jump tells of frames that found no buffer.
    package let sequence: UInt32
    /// From one row (of the first plane) to the next; 0 for JPEG.
    package let bytesPerLine: Int
}

/// What waiting for a frame came to.
package enum V4L2Outcome<R> {
    case frame(R)
    /// Nothing came in time. A camera that hangs ends here again and again.
    case timeout
    /// Something came that is no picture; the stream goes on.
    case damaged(reason: String)
}

extension V4L2Outcome: Sendable where R: Sendable {}

/// A camera that streams. Its calls block: it belongs to one thread of its own.
package struct V4L2Stream: ~Copyable {
    /// How many buffers the driver is asked for: one being filled, one being read, two for a late reader.
    package static let bufferCount = 4
    /// So many failures one after the other, without a frame in between, are a lost camera.
    package static let mostFailures = 8

    package let negotiated: V4L2Negotiated
    private let device: V4L2Device
    private let smallestPicture: Int
    private var clock: DeviceClock
    private var failures = 0

    /// Opens the camera, agrees on a format, sets rate and controls, and starts streaming.
    ///
    /// - Throws: ``V4L2Error``; the device is closed again.
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
        // Only now is it settled: libv4l2 may change the device's own format until the stream starts.
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

    /// Waits for the next frame and shows it to `body`; its bytes are the driver's and end with `body`.
    /// The bytes of a JPEG end with its end marker; a camera's padding is left out.
    ///
    /// - Parameters:
    ///   - milliseconds: how long to wait at most.
    ///   - body: copies what it needs, and soon: meanwhile the driver has a buffer less.
    /// - Throws: ``V4L2Error/lost(path:reason:)`` after an unplug or when the driver only fails;
    ///   the stream is of no use then. ``V4L2Error/io(path:operation:code:)`` when a buffer cannot be given back.
    package mutating func next<R>(
        milliseconds: Int, _ body: (RawSpan, V4L2FrameInfo) -> R
    ) throws(V4L2Error) -> V4L2Outcome<R> {
        let deadline = ClockReading.now().monotonic + Int64(max(0, milliseconds)) * 1000
        var frame = secam_v4l2_dequeued()
        while true {
            let remaining = max(0, deadline - ClockReading.now().monotonic)
            let waited = device.wait(milliseconds: Int((remaining + 999) / 1000))
            if waited == ETIMEDOUT { return .timeout }
            if waited == EINTR { continue }
            let code = device.dequeue(&frame)
            if code == 0 { break }
            // Readable without a frame: libv4l2 took a frame and could not convert it.
            if code == EAGAIN, remaining > 0 { continue }
            if code == EAGAIN { return .timeout }
            return try failed("taking a frame", code)
        }
        let outcome = show(frame, body)
        try device.queue(frame.index)
        return outcome
    }

    /// Why no picture arrives, as far as the device's input knows: cable out, no sync. `nil` when it sees a signal.
    package func signalProblem() -> String? {
        device.signalProblem()?.reason
    }

    private mutating func show<R>(_ frame: secam_v4l2_dequeued, _ body: (RawSpan, V4L2FrameInfo) -> R) -> V4L2Outcome<R>
    {
        guard frame.flags & UInt32(V4L2_BUF_FLAG_ERROR) == 0 else {
            return .damaged(reason: "the driver marked the frame as bad")
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
                    return .damaged(reason: "\(bytes.byteCount) of \(smallestPicture) bytes arrived")
                }
                return .frame(body(bytes, info))
            }
            switch JPEGBounds(of: bytes) {
            case .picture(let byteCount): return .frame(body(bytes.extracting(first: byteCount), info))
            case .damaged(let reason): return .damaged(reason: reason)
            }
        }
    }

    /// A failed dequeue is a bad frame as long as the device answers and frames come in between.
    private mutating func failed<R>(_ operation: String, _ code: Int32) throws(V4L2Error) -> V4L2Outcome<R> {
        let reason = "\(operation): \(V4L2Error.text(ofErrno: code))"
        failures += 1
        guard device.isPresent(), failures < Self.mostFailures else { throw .lost(path: device.path, reason: reason) }
        return .damaged(reason: reason)
    }

    /// What a whole raw picture takes at least; 0 for JPEG. The last rows may lack the padding after them.
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
    /// The current input's name and what it lacks; `nil` when it sees a signal, or cannot tell.
    func signalProblem() -> (input: String, reason: String)? {
        guard let input = input() else { return nil }
        let problems: [(Int32, String)] = [
            (V4L2_IN_ST_NO_POWER, "no power"), (V4L2_IN_ST_NO_SIGNAL, "no signal"), (V4L2_IN_ST_NO_SYNC, "no sync"),
            (V4L2_IN_ST_NO_H_LOCK, "no horizontal sync"),
        ]
        guard let problem = problems.first(where: { input.status & UInt32($0.0) != 0 }) else { return nil }
        return (V4L2Capability.text(of: input.name), problem.1)
    }

    /// A missing signal is told before any format is: without one there may be none.
    func requireSignal() throws(V4L2Error) {
        if let problem = signalProblem() {
            throw .noSignal(path: path, input: problem.input, reason: problem.reason)
        }
        guard let input = input(), input.capabilities & UInt32(V4L2_IN_CAP_DV_TIMINGS) != 0 else { return }
        let reason: String
        switch followTimings() {
        case ENOLINK: reason = "no cable or source"
        case ENOLCK: reason = "the signal is not stable"
        case ERANGE: reason = "the signal's timings are beyond the device"
        case EBUSY: throw .busy(path: path)
        // Some drivers know no query: they go on with the timings that they have.
        default: return
        }
        throw .noSignal(path: path, input: V4L2Capability.text(of: input.name), reason: reason)
    }
}
