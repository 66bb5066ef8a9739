import CAVFormat
import Synchronization

/// A libavcodec encoder for H.264 with its input picture: a hardware encoder if available, else libx264.
@safe final class H264Encoder {
    /// The encoders, in the order of preference.
    private enum Kind: String, CaseIterable {
        case nvenc = "h264_nvenc"
        case vaapi = "h264_vaapi"
        case v4l2 = "h264_v4l2m2m"
        case x264 = "libx264"
        case openH264 = "libopenh264"

        var isHardware: Bool {
            switch self {
            case .nvenc, .vaapi, .v4l2: true
            case .x264, .openH264: false
            }
        }
    }

    /// Hardware encoders that opened and then failed. This process does not use them again, so the next attempt
    /// succeeds.
    private static let broken = Mutex<Set<Kind>>([])
    /// Frames between two key frames, which bounds how far back a player must decode to seek.
    private static let keyFrameInterval: Int32 = 60

    private let path: String
    private var kind = Kind.x264
    /// For encoders that read pictures only from graphics memory.
    private var framePool: VAAPIFramePool?
    private var context: UnsafeMutablePointer<AVCodecContext>?
    private var picture: UnsafeMutablePointer<AVFrame>?
    private var packet: UnsafeMutablePointer<AVPacket>?

    /// - Parameters:
    ///   - path: the file's path, for errors.
    ///   - width: pixels, even; so is the height.
    init(path: String, width: Int, height: Int) throws(MediaError) {
        _ = LibAV.isQuiet
        self.path = path
        unsafe picture = av_frame_alloc()
        unsafe packet = av_packet_alloc()
        guard let picture = unsafe picture, unsafe packet != nil else { throw Self.outOfMemory(path) }
        let broken = Self.broken.withLock(\.self)
        for kind in Kind.allCases where !broken.contains(kind) && open(kind, width, height) { break }
        guard unsafe context != nil else {
            throw .io(source: path, operation: "compressing", reason: "no H.264 encoder supports \(width)x\(height)")
        }
        unsafe picture.pointee.format = AV_PIX_FMT_YUV420P.rawValue
        unsafe picture.pointee.width = Int32(width)
        unsafe picture.pointee.height = Int32(height)
        unsafe picture.pointee.color_range = AVCOL_RANGE_JPEG
        guard unsafe av_frame_get_buffer(picture, 0) == 0 else { throw Self.outOfMemory(path) }
    }

    deinit {
        unsafe av_packet_free(&packet)
        unsafe av_frame_free(&picture)
        unsafe avcodec_free_context(&context)
    }

    private static func outOfMemory(_ path: String) -> MediaError {
        .io(source: path, operation: "compressing", reason: "out of memory")
    }

    private func open(_ kind: Kind, _ width: Int, _ height: Int) -> Bool {
        guard let codec = unsafe avcodec_find_encoder_by_name(kind.rawValue) else { return false }
        var new = unsafe avcodec_alloc_context3(codec)
        defer { unsafe avcodec_free_context(&new) }
        guard let opening = unsafe new else { return false }
        unsafe opening.pointee.width = Int32(width)
        unsafe opening.pointee.height = Int32(height)
        unsafe opening.pointee.pix_fmt = AV_PIX_FMT_YUV420P
        unsafe opening.pointee.color_range = AVCOL_RANGE_JPEG
        unsafe opening.pointee.time_base = AVRational(num: 1, den: 1000)
        unsafe opening.pointee.gop_size = Self.keyFrameInterval
        // Without B-frames, frames keep their order, times and numbers.
        unsafe opening.pointee.max_b_frames = 0
        // Compression of old recordings is not urgent; the processor is for live pictures.
        unsafe opening.pointee.thread_count = 1
        unsafe opening.pointee.flags |= Int32(AV_CODEC_FLAG_GLOBAL_HEADER)
        var options: OpaquePointer?
        defer { unsafe av_dict_free(&options) }
        var framePool: VAAPIFramePool?
        switch kind {
        case .x264:
            unsafe av_dict_set(&options, "preset", "superfast", 0)
            unsafe av_dict_set(&options, "crf", "23", 0)
        case .vaapi:
            guard let new = VAAPIFramePool(width: Int32(width), height: Int32(height)) else { return false }
            unsafe new.attach(to: opening)
            framePool = new
            // Constant quantization is the only quality setting that all drivers support.
            unsafe av_dict_set(&options, "rc_mode", "CQP", 0)
            unsafe av_dict_set(&options, "qp", "24", 0)
        case .nvenc, .v4l2, .openH264:
            // A tenth of a bit per pixel and frame, such as 2.8 Mbit/s for 1280x720 at 30 frames per second.
            unsafe opening.pointee.bit_rate = Int64(width * height * 3)
        }
        guard unsafe avcodec_open2(opening, codec, &options) == 0 else { return false }
        self.kind = kind
        self.framePool = framePool
        unsafe context = opening
        unsafe new = nil
        return true
    }

    /// Writes the stream's parameters for a file's header.
    func describe(_ parameters: UnsafeMutablePointer<AVCodecParameters>) {
        unsafe avcodec_parameters_from_context(parameters, context)
        // The format in the file does not depend on where the encoder reads its pictures.
        unsafe parameters.pointee.format = AV_PIX_FMT_YUV420P.rawValue
    }

    /// Compresses a picture.
    ///
    /// - Parameters:
    ///   - i420: full range, rows and planes without padding; `nil` at the end.
    ///   - body: receives each finished packet, with its time in milliseconds.
    func encode(
        _ i420: Span<UInt8>?, milliseconds: Int64,
        _ body: (UnsafeMutablePointer<AVPacket>) throws(MediaError) -> Void
    ) throws(MediaError) {
        if let i420 {
            guard unsafe av_frame_make_writable(picture) == 0 else { throw Self.outOfMemory(path) }
            let code = unsafe i420.withUnsafeBufferPointer { bytes in
                unsafe secam_av_unpack(bytes.baseAddress, Int32(clamping: bytes.count), picture)
            }
            guard code >= 0 else { throw error(code) }
            unsafe picture?.pointee.pts = milliseconds
        }
        let code = try unsafe avcodec_send_frame(context, i420 == nil ? nil : uploadedPicture())
        guard code == 0 else { throw failure(code) }
        while let packet = unsafe packet {
            let code = unsafe avcodec_receive_packet(context, packet)
            if code == secam_averror_again || code == secam_averror_eof { return }
            guard code == 0 else { throw failure(code) }
            defer { unsafe av_packet_unref(packet) }
            try unsafe body(packet)
        }
    }

    /// Returns the picture in the memory that the encoder reads.
    private func uploadedPicture() throws(MediaError) -> UnsafeMutablePointer<AVFrame>? {
        guard let framePool, let picture = unsafe picture else { return unsafe picture }
        let (code, uploaded) = unsafe framePool.upload(picture)
        guard code == 0 else { throw failure(code) }
        return unsafe uploaded
    }

    /// Makes the error for a failed encoder or upload, and marks hardware as broken.
    private func failure(_ code: Int32) -> MediaError {
        if kind.isHardware { Self.broken.withLock { _ = $0.insert(kind) } }
        return error(code)
    }

    private func error(_ code: Int32) -> MediaError {
        .io(source: path, operation: "compressing", reason: AVFailure(code: code).text)
    }
}
