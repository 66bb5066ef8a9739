import CAVFormat
import SecamWire

/// A libavcodec decoder with its last picture, converted to a supported pixel format.
@safe final class AVDecoder {
    private let source: String
    private let fullRange: Bool
    /// The turn of the pictures, and the shape of their pixels where the container declares it.
    private let transform: PictureTransform
    private let declaredAspect: PixelAspect?
    private let appliesAspect: Bool
    private var context: UnsafeMutablePointer<AVCodecContext>?
    private var decoded: UnsafeMutablePointer<AVFrame>?
    private var converted: UnsafeMutablePointer<AVFrame>?
    private var scaler: OpaquePointer?
    private var conversion: Conversion?
    /// The current picture is `converted`, not `decoded`.
    private var isConverted = false

    /// - Parameter appliesShape: turns pictures upright and makes their pixels square, as the container demands.
    convenience init(_ input: MediaInput, threads: Int, fullRange: Bool, appliesShape: Bool) throws(MediaError) {
        try unsafe self.init(
            source: input.source.name, codec: input.codec, codecName: input.codecName, threads: threads,
            fullRange: fullRange, transform: appliesShape ? input.transform : .identity,
            declaredAspect: appliesShape ? input.pixelAspect : nil, appliesAspect: appliesShape
        ) { context in
            unsafe input.withParameters { parameters, timeBase in
                unsafe avcodec_parameters_to_context(context, parameters)
                unsafe context.pointee.pkt_timebase = timeBase
            }
        }
    }

    /// Creates a decoder of single JPEGs.
    ///
    /// - Parameter transform: turns the pictures.
    convenience init(jpegsOf source: String, transform: PictureTransform) throws(MediaError) {
        try unsafe self.init(
            source: source, codec: AV_CODEC_ID_MJPEG, codecName: "mjpeg", threads: 1, fullRange: true,
            transform: transform, declaredAspect: nil, appliesAspect: false
        ) { _ in }
    }

    private init(
        source: String, codec id: AVCodecID, codecName: String, threads: Int, fullRange: Bool,
        transform: PictureTransform, declaredAspect: PixelAspect?, appliesAspect: Bool,
        configure: (UnsafeMutablePointer<AVCodecContext>) -> Void
    ) throws(MediaError) {
        self.source = source
        self.fullRange = fullRange
        self.transform = transform
        self.declaredAspect = declaredAspect
        self.appliesAspect = appliesAspect
        guard let codec = unsafe avcodec_find_decoder(id) else {
            throw .unsupportedCodec(source: source, codec: codecName)
        }
        unsafe context = avcodec_alloc_context3(codec)
        unsafe decoded = av_frame_alloc()
        unsafe converted = av_frame_alloc()
        guard let context = unsafe context, unsafe decoded != nil, unsafe converted != nil else {
            throw .io(source: source, operation: "setting up the decoder", reason: "out of memory")
        }
        unsafe configure(context)
        unsafe context.pointee.thread_count = Int32(clamping: threads)
        unsafe context.pointee.max_pixels = Int64(MediaReader.pixelLimit)
        let code = unsafe avcodec_open2(context, codec, nil)
        guard code == 0 else { throw .unsupportedCodec(source: source, codec: codecName) }
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

    /// Passes one JPEG to the decoder.
    ///
    /// - Returns: whether the decoder accepted it.
    func send(jpeg: [UInt8]) -> Bool {
        var packet = unsafe av_packet_alloc()
        defer { unsafe av_packet_free(&packet) }
        guard let target = unsafe packet, unsafe av_new_packet(target, Int32(clamping: jpeg.count)) == 0 else {
            return false
        }
        unsafe jpeg.withUnsafeBytes { bytes in
            guard let from = bytes.baseAddress else { return }
            unsafe UnsafeMutableRawPointer(target.pointee.data)?.copyMemory(from: from, byteCount: bytes.count)
        }
        return unsafe send(target)
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
        let squareWidth = unsafe squareWidth(of: decoded)
        if squareWidth == width, let format = unsafe directFormat(of: decoded) {
            isConverted = false
            return .picture(format, width: width, height: height, timestamp: timestamp)
        }
        guard unsafe convert(decoded, width: Int32(squareWidth)) else { return .damaged }
        isConverted = true
        let size = transform.swapsSides ? (height, squareWidth) : (squareWidth, height)
        return .picture(.i420, width: size.0, height: size.1, timestamp: timestamp)
    }

    /// Returns the picture's width in square pixels.
    private func squareWidth(of frame: UnsafeMutablePointer<AVFrame>) -> Int {
        let width = unsafe Int(frame.pointee.width)
        guard appliesAspect else { return width }
        let own = unsafe PixelAspect(frame.pointee.sample_aspect_ratio.num, frame.pointee.sample_aspect_ratio.den)
        return (declaredAspect ?? own)?.width(of: width) ?? width
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
        let count =
            transform == .identity
            ? unsafe secam_av_pack(frame, start, Int32(clamping: bytes.count))
            : unsafe secam_av_pack_turned(
                frame, start, Int32(clamping: bytes.count), transform.a, transform.b, transform.c, transform.d)
        precondition(count >= 0, "the caller's buffer is smaller than the picture")
    }

    // MARK: Conversion

    /// Returns the pixel format of a picture that needs no conversion; `nil` for others.
    private func directFormat(of frame: UnsafeMutablePointer<AVFrame>) -> PixelFormat? {
        let isFull = unsafe Self.isFullRange(frame)
        guard isFull || !fullRange, transform == .identity else { return nil }
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
    private func convert(_ frame: UnsafeMutablePointer<AVFrame>, width: Int32) -> Bool {
        let isFull = unsafe Self.isFullRange(frame)
        let wanted = unsafe Conversion(
            width: frame.pointee.width, height: frame.pointee.height, squareWidth: width,
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
        let squareWidth: Int32
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
            ("dstw", Int64(conversion.squareWidth)), ("dsth", Int64(conversion.height)),
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
        unsafe picture.pointee.width = conversion.squareWidth
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
