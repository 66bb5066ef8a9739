import CAVFormat
import SecamWire

/// A libavcodec decoder with its last picture, converted to a supported pixel format.
@safe final class AVDecoder {
    private let source: String
    private let fullRange: Bool
    private var context: UnsafeMutablePointer<AVCodecContext>?
    private var decoded: UnsafeMutablePointer<AVFrame>?
    private var converted: UnsafeMutablePointer<AVFrame>?
    private var scaler: OpaquePointer?
    private var conversion: Conversion?
    /// The current picture is `converted`, not `decoded`.
    private var isConverted = false

    init(_ input: MediaInput, threads: Int, fullRange: Bool) throws(MediaError) {
        source = input.source.name
        self.fullRange = fullRange
        guard let codec = unsafe avcodec_find_decoder(input.codec) else {
            throw .unsupportedCodec(source: source, codec: input.codecName)
        }
        unsafe context = avcodec_alloc_context3(codec)
        unsafe decoded = av_frame_alloc()
        unsafe converted = av_frame_alloc()
        guard let context = unsafe context, unsafe decoded != nil, unsafe converted != nil else {
            throw .io(source: source, operation: "setting up the decoder", reason: "out of memory")
        }
        unsafe input.withParameters { parameters, timeBase in
            unsafe avcodec_parameters_to_context(context, parameters)
            unsafe context.pointee.pkt_timebase = timeBase
        }
        unsafe context.pointee.thread_count = Int32(clamping: threads)
        unsafe context.pointee.max_pixels = Int64(MediaReader.pixelLimit)
        let code = unsafe avcodec_open2(context, codec, nil)
        guard code == 0 else { throw .unsupportedCodec(source: source, codec: input.codecName) }
    }

    deinit {
        unsafe sws_freeContext(scaler)
        unsafe av_frame_free(&converted)
        unsafe av_frame_free(&decoded)
        unsafe avcodec_free_context(&context)
    }

    /// Passes a packet to the decoder.
    ///
    /// - Parameter packet: `nil` at the end of the stream.
    /// - Returns: whether the decoder accepted it.
    func send(_ packet: UnsafeMutablePointer<AVPacket>?) -> Bool {
        unsafe avcodec_send_packet(context, packet) == 0
    }

    enum Received {
        /// `timestamp` is in the stream's time base.
        case picture(PixelFormat, width: Int, height: Int, timestamp: Int64)
        case needsPacket
        case damaged
        case end
    }

    /// Receives the next decoded picture, which is valid until the next call.
    func receive() throws(MediaError) -> Received {
        let code = unsafe avcodec_receive_frame(context, decoded)
        if code == secam_averror_again { return .needsPacket }
        if code == secam_averror_eof { return .end }
        guard code == 0, let decoded = unsafe decoded else { return .damaged }
        let width = unsafe Int(decoded.pointee.width)
        let height = unsafe Int(decoded.pointee.height)
        guard (1...MediaReader.largestSide).contains(width), (1...MediaReader.largestSide).contains(height) else {
            throw .pictureTooLarge(source: source, width: width, height: height)
        }
        let timestamp = unsafe decoded.pointee.best_effort_timestamp
        if let format = unsafe directFormat(of: decoded) {
            isConverted = false
            return .picture(format, width: width, height: height, timestamp: timestamp)
        }
        guard unsafe convert(decoded) else { return .damaged }
        isConverted = true
        return .picture(.i420, width: width, height: height, timestamp: timestamp)
    }

    /// Resets the decoder before a seek.
    func flush() {
        unsafe avcodec_flush_buffers(context)
    }

    /// Copies the current picture, without padding between rows.
    func copyPicture(into bytes: UnsafeMutableRawBufferPointer) {
        guard let frame = unsafe isConverted ? converted : decoded,
            let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        else { return }
        let count = unsafe secam_av_pack(frame, start, Int32(clamping: bytes.count))
        precondition(count >= 0, "the caller's buffer is smaller than the picture")
    }

    // MARK: Conversion

    /// Returns the pixel format of a picture that needs no conversion; `nil` for others.
    private func directFormat(of frame: UnsafeMutablePointer<AVFrame>) -> PixelFormat? {
        let isFull = unsafe Self.isFullRange(frame)
        guard isFull || !fullRange else { return nil }
        return switch unsafe AVPixelFormat(frame.pointee.format) {
        case AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUVJ420P: .i420
        case AV_PIX_FMT_NV12: .nv12
        default: nil
        }
    }

    private static func isFullRange(_ frame: UnsafeMutablePointer<AVFrame>) -> Bool {
        let format = unsafe AVPixelFormat(frame.pointee.format)
        let alwaysFull = [AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUVJ440P]
        if alwaysFull.contains(format) { return true }
        if unsafe frame.pointee.color_range == AVCOL_RANGE_JPEG { return true }
        let flags = unsafe av_pix_fmt_desc_get(format)?.pointee.flags ?? 0
        return flags & UInt64(AV_PIX_FMT_FLAG_RGB) != 0
    }

    /// Converts any picture to planar 4:2:0, at full range if wanted, as JPEG defines it.
    private func convert(_ frame: UnsafeMutablePointer<AVFrame>) -> Bool {
        let isFull = unsafe Self.isFullRange(frame)
        let wanted = unsafe Conversion(
            width: frame.pointee.width, height: frame.pointee.height,
            format: Self.withoutRange(AVPixelFormat(frame.pointee.format)), fromFull: isFull,
            toFull: isFull || fullRange)
        if wanted != conversion {
            unsafe sws_freeContext(scaler)
            unsafe scaler = nil
            conversion = nil
            guard let converted = unsafe converted, unsafe Self.prepare(converted, wanted),
                let new = unsafe Self.makeScaler(wanted)
            else { return false }
            unsafe scaler = new
            conversion = wanted
        }
        guard let scaler = unsafe scaler else { return false }
        return unsafe secam_av_convert(scaler, frame, converted) == 0
    }

    private struct Conversion: Equatable {
        let width: Int32
        let height: Int32
        let format: AVPixelFormat
        let fromFull: Bool
        let toFull: Bool
    }

    private static func makeScaler(_ conversion: Conversion) -> OpaquePointer? {
        guard let scaler = unsafe sws_alloc_context() else { return nil }
        // The ranges must be set before the start, else they are ignored if only they differ. Accurate rounding also
        // disables a shortcut for RGB in libswscale that supports only one range.
        let options: [(String, Int64)] = [
            ("srcw", Int64(conversion.width)), ("srch", Int64(conversion.height)),
            ("dstw", Int64(conversion.width)), ("dsth", Int64(conversion.height)),
            ("src_format", Int64(conversion.format.rawValue)), ("dst_format", Int64(AV_PIX_FMT_YUV420P.rawValue)),
            ("src_range", conversion.fromFull ? 1 : 0), ("dst_range", conversion.toFull ? 1 : 0),
            ("sws_flags", Int64(SWS_FAST_BILINEAR) | Int64(SWS_ACCURATE_RND)),
        ]
        let areSet = options.allSatisfy { name, value in
            unsafe av_opt_set_int(UnsafeMutableRawPointer(scaler), name, value, 0) >= 0
        }
        if areSet, unsafe sws_init_context(scaler, nil, nil) >= 0 { return unsafe scaler }
        unsafe sws_freeContext(scaler)
        return nil
    }

    /// Allocates the picture's buffers.
    private static func prepare(_ picture: UnsafeMutablePointer<AVFrame>, _ conversion: Conversion) -> Bool {
        unsafe av_frame_unref(picture)
        unsafe picture.pointee.format = AV_PIX_FMT_YUV420P.rawValue
        unsafe picture.pointee.width = conversion.width
        unsafe picture.pointee.height = conversion.height
        return unsafe av_frame_get_buffer(picture, 0) == 0
    }

    /// Returns the format without an implied range: libswscale takes the range separately and deprecates such formats.
    private static func withoutRange(_ format: AVPixelFormat) -> AVPixelFormat {
        switch format {
        case AV_PIX_FMT_YUVJ420P: AV_PIX_FMT_YUV420P
        case AV_PIX_FMT_YUVJ422P: AV_PIX_FMT_YUV422P
        case AV_PIX_FMT_YUVJ444P: AV_PIX_FMT_YUV444P
        case AV_PIX_FMT_YUVJ440P: AV_PIX_FMT_YUV440P
        default: format
        }
    }
}
