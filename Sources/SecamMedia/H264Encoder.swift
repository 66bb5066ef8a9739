internal import CAVFormat

/// libavcodec's encoder for H.264 and the picture that it is given: a hardware one where it takes pictures from memory,
/// else libx264.
@safe final class H264Encoder {
    /// In the order in which they are tried. (VA-API wants pictures in its own memory.)
    private static let names = ["h264_nvenc", "h264_v4l2m2m", "libx264", "libopenh264"]
    /// Frames from one that stands for itself to the next: as far as a player may have to go back.
    private static let keyInterval: Int32 = 60

    private let path: String
    private var context: UnsafeMutablePointer<AVCodecContext>?
    private var picture: UnsafeMutablePointer<AVFrame>?
    private var packet: UnsafeMutablePointer<AVPacket>?

    /// - Parameters:
    ///   - path: of the file, for errors.
    ///   - width: pixels, even.
    init(path: String, width: Int, height: Int) throws(MediaError) {
        _ = LibAV.isQuiet
        self.path = path
        unsafe picture = av_frame_alloc()
        unsafe packet = av_packet_alloc()
        guard let picture = unsafe picture, unsafe packet != nil else { throw Self.outOfMemory(path) }
        for name in Self.names where open(name, width, height) { break }
        guard unsafe context != nil else {
            throw .io(source: path, operation: "compressing", reason: "no H.264 encoder takes \(width)x\(height)")
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

    private func open(_ name: String, _ width: Int, _ height: Int) -> Bool {
        guard let codec = unsafe avcodec_find_encoder_by_name(name), let new = unsafe avcodec_alloc_context3(codec)
        else {
            return false
        }
        unsafe new.pointee.width = Int32(width)
        unsafe new.pointee.height = Int32(height)
        unsafe new.pointee.pix_fmt = AV_PIX_FMT_YUV420P
        unsafe new.pointee.color_range = AVCOL_RANGE_JPEG
        unsafe new.pointee.time_base = AVRational(num: 1, den: 1000)
        unsafe new.pointee.gop_size = Self.keyInterval
        // Frames stay in their order, so that each has just the time and number it had.
        unsafe new.pointee.max_b_frames = 0
        // Whoever compresses old recordings has time; the processor belongs to the live ones.
        unsafe new.pointee.thread_count = 1
        unsafe new.pointee.flags |= Int32(AV_CODEC_FLAG_GLOBAL_HEADER)
        var options: OpaquePointer?
        defer { unsafe av_dict_free(&options) }
        if name == "libx264" {
            unsafe av_dict_set(&options, "preset", "superfast", 0)
            unsafe av_dict_set(&options, "crf", "23", 0)
        } else {
            // A tenth of a bit a pixel and frame, as 2.8 Mbit/s for 1280x720 at 30.
            unsafe new.pointee.bit_rate = Int64(width * height * 3)
        }
        guard unsafe avcodec_open2(new, codec, &options) == 0 else {
            var new: UnsafeMutablePointer<AVCodecContext>? = unsafe new
            unsafe avcodec_free_context(&new)
            return false
        }
        unsafe context = new
        return true
    }

    /// Describes the stream for a file's head.
    func describe(_ parameters: UnsafeMutablePointer<AVCodecParameters>) {
        unsafe avcodec_parameters_from_context(parameters, context)
    }

    /// Compresses a picture; `nil` when no more come.
    ///
    /// - Parameters:
    ///   - i420: full range, rows and planes without padding.
    ///   - body: is given each packet that is ready, with a time in milliseconds.
    func encode(
        _ i420: Span<UInt8>?, milliseconds: Int64,
        _ body: (UnsafeMutablePointer<AVPacket>) throws(MediaError) -> Void
    ) throws(MediaError) {
        if let i420 {
            guard unsafe av_frame_make_writable(picture) == 0 else { throw Self.outOfMemory(path) }
            let code = unsafe i420.withUnsafeBufferPointer { bytes in
                unsafe secam_av_unpack(bytes.baseAddress, Int32(clamping: bytes.count), picture)
            }
            guard code >= 0 else { throw failure(code) }
            unsafe picture?.pointee.pts = milliseconds
        }
        let code = unsafe avcodec_send_frame(context, i420 == nil ? nil : picture)
        guard code == 0 else { throw failure(code) }
        while let packet = unsafe packet {
            let code = unsafe avcodec_receive_packet(context, packet)
            if code == secam_averror_again || code == secam_averror_eof { return }
            guard code == 0 else { throw failure(code) }
            defer { unsafe av_packet_unref(packet) }
            try unsafe body(packet)
        }
    }

    private func failure(_ code: Int32) -> MediaError {
        .io(source: path, operation: "compressing", reason: AVFailure(code: code).text)
    }
}
