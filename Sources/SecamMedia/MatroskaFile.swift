import CAVFormat
import Glibc
import SecamBase

/// A container format of a video file.
package enum VideoContainer: Sendable {
    /// Playable even if truncated.
    case matroska
    /// For programs that do not support Matroska; playable only when complete.
    case mp4

    var muxer: String {
        switch self {
        case .matroska: "matroska"
        case .mp4: "mp4"
        }
    }
}

/// A Matroska file (or another container) that is being written: the only owner of the descriptor, libav's output and
/// its muxer.
@safe final class MatroskaFile {
    /// Size of libav's write buffer, bytes.
    private static let bufferSize: Int32 = 256 * 1024
    /// Permissions of a new file: recordings are private.
    static let mode: mode_t = 0o640

    let path: String
    private var descriptor: Int32 = -1
    private var output: UnsafeMutablePointer<AVIOContext>?
    private var context: UnsafeMutablePointer<AVFormatContext>?
    private var packet: UnsafeMutablePointer<AVPacket>?
    private var hasHeader = false
    /// Time base of the stream, chosen by the muxer: milliseconds in Matroska, finer in MP4.
    private var timeBase = MatroskaFile.milliseconds

    private let container: VideoContainer
    private var lastTime: Int64?

    private static let milliseconds = AVRational(num: 1, den: 1000)

    init(path: String, container: VideoContainer, replacing: Bool) throws(MediaError) {
        _ = LibAV.isQuiet
        self.path = path
        self.container = container
        let creation = replacing ? O_TRUNC : O_EXCL
        descriptor = unsafe open(path, creation | O_CREAT | O_WRONLY | O_CLOEXEC, Self.mode)
        guard descriptor >= 0 else {
            throw switch errno {
            case EEXIST: .fileExists(path: path)
            case EACCES, EPERM, EROFS: .permissionDenied(source: path)
            case ENOSPC, EDQUOT: .diskFull(path: path)
            default: .io(source: path, operation: "creating", reason: AVFailure(code: -errno).text)
            }
        }
        // Marks the file as being written. The lock ends with the descriptor, even after a crash.
        FileLock.lockIfFree(descriptor)
        unsafe packet = av_packet_alloc()
        unsafe output = secam_av_output(descriptor, Self.bufferSize)
        let code = unsafe avformat_alloc_output_context2(&context, nil, container.muxer, nil)
        guard unsafe packet != nil, unsafe output != nil, unsafe context != nil else {
            throw failure("creating", code)
        }
        unsafe context?.pointee.pb = output
    }

    deinit {
        unsafe av_packet_free(&packet)
        unsafe avformat_free_context(context)
        unsafe secam_av_free_output(output)
        if descriptor >= 0 { close(descriptor) }
    }

    func setMetadata(_ key: String, _ value: String) {
        guard let context = unsafe context else { return }
        unsafe av_dict_set(&context.pointee.metadata, key, value, 0)
    }

    /// Declares the only stream, Motion JPEG in milliseconds, and writes the file's header.
    func writeHeader(width: Int, height: Int, clusterDuration: Duration) throws(MediaError) {
        try unsafe writeHeader(clusterDuration: clusterDuration) { parameters in
            unsafe parameters.pointee.codec_type = AVMEDIA_TYPE_VIDEO
            unsafe parameters.pointee.codec_id = AV_CODEC_ID_MJPEG
            unsafe parameters.pointee.width = Int32(width)
            unsafe parameters.pointee.height = Int32(height)
            unsafe parameters.pointee.color_range = AVCOL_RANGE_JPEG
        }
    }

    /// Declares the only stream, the encoder's output in milliseconds, and writes the file's header.
    func writeHeader(_ encoder: H264Encoder) throws(MediaError) {
        try unsafe writeHeader(clusterDuration: MatroskaWriter.clusterDuration) { parameters in
            unsafe encoder.describe(parameters)
        }
    }

    private func writeHeader(
        clusterDuration: Duration, _ describe: (UnsafeMutablePointer<AVCodecParameters>) -> Void
    ) throws(MediaError) {
        guard let context = unsafe context, let stream = unsafe avformat_new_stream(context, nil),
            let parameters = unsafe stream.pointee.codecpar
        else { throw .io(source: path, operation: "creating", reason: "out of memory") }
        unsafe describe(parameters)
        unsafe stream.pointee.time_base = Self.milliseconds
        var options: OpaquePointer?
        defer { unsafe av_dict_free(&options) }
        unsafe av_dict_set_int(&options, "cluster_time_limit", clusterDuration.milliseconds, 0)
        let code = unsafe avformat_write_header(context, &options)
        guard code >= 0 else { throw failure("writing the header", code) }
        timeBase = unsafe stream.pointee.time_base
        hasHeader = true
        try flush()
    }

    func write(_ jpeg: RawSpan, milliseconds: Int64) throws(MediaError) {
        guard let packet = unsafe packet else { return }
        var time = av_rescale_q(milliseconds, Self.milliseconds, timeBase)
        // MP4 does not support two frames with the same time, as after a clock was set back.
        if container == .mp4, let lastTime, lastTime >= time { time = lastTime + 1 }
        // Nor does it support a last frame without duration, which gets the duration of the previous one.
        let duration = container == .mp4 ? lastTime.map { time - $0 } ?? 1 : 0
        lastTime = time
        let code: Int32 = unsafe jpeg.withUnsafeBytes { bytes in
            // Safe, because libav only reads these bytes, and only until it returns.
            unsafe packet.pointee.data = UnsafeMutableRawPointer(mutating: bytes.baseAddress)?
                .assumingMemoryBound(to: UInt8.self)
            unsafe packet.pointee.size = Int32(bytes.count)
            unsafe packet.pointee.stream_index = 0
            unsafe packet.pointee.pts = time
            unsafe packet.pointee.dts = time
            unsafe packet.pointee.duration = duration
            unsafe packet.pointee.flags = AV_PKT_FLAG_KEY
            defer { unsafe packet.pointee.data = nil }
            return unsafe av_write_frame(context, packet)
        }
        guard code >= 0 else { throw failure("writing", code) }
    }

    /// Writes an encoder's packet, whose times are in milliseconds.
    func write(_ packet: UnsafeMutablePointer<AVPacket>) throws(MediaError) {
        unsafe packet.pointee.stream_index = 0
        unsafe av_packet_rescale_ts(packet, Self.milliseconds, timeBase)
        let code = unsafe av_write_frame(context, packet)
        guard code >= 0 else { throw failure("writing", code) }
    }

    /// Ends the cluster and passes all data to the system.
    func flush() throws(MediaError) {
        let code = unsafe av_write_frame(context, nil)
        guard code >= 0 else { throw failure("writing", code) }
        unsafe avio_flush(output)
        let error = unsafe output?.pointee.error ?? 0
        guard error >= 0 else { throw failure("writing", error) }
    }

    func synchronize() throws(MediaError) {
        guard fdatasync(descriptor) == 0 else { throw failure("syncing", -errno) }
    }

    /// Writes the index and the duration, syncs the file to the disk, and closes it.
    func end() throws(MediaError) {
        guard hasHeader else { return }
        hasHeader = false
        let code = unsafe av_write_trailer(context)
        guard code >= 0 else { throw failure("finishing", code) }
        unsafe avio_flush(output)
        let error = unsafe output?.pointee.error ?? 0
        guard error >= 0 else { throw failure("finishing", error) }
        try synchronize()
        let closed = close(descriptor)
        descriptor = -1
        guard closed == 0 else { throw failure("closing", -errno) }
    }

    private func failure(_ operation: String, _ code: Int32) -> MediaError {
        let failure = AVFailure(code: code)
        return switch failure.errno {
        case ENOSPC, EDQUOT: .diskFull(path: path)
        default: .io(source: path, operation: operation, reason: failure.text)
        }
    }
}
