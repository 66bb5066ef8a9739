import CAVFormat
import Glibc
import SecamBase

/// An open file or stream: the only owner of libav's demuxer, the selected stream and the current packet.
@safe final class MediaInput {
    /// Maximum time for the analysis of a stream's content.
    private static let analysisTimeout: Duration = .seconds(3)

    let source: MediaURL
    private let interrupt: MediaInterrupt
    /// The connection that libav reads from; `nil` for files and RTSP.
    private let connection: HTTPConnection?
    private var context: UnsafeMutablePointer<AVFormatContext>?
    private var packet: UnsafeMutablePointer<AVPacket>?
    private var stream: UnsafeMutablePointer<AVStream>?

    /// - Parameter connection: the open connection to an `http(s)://` address; `nil` to open one.
    init(
        _ source: MediaURL, _ interrupt: MediaInterrupt, connection: HTTPConnection? = nil
    ) throws(MediaError) {
        _ = LibAV.isQuiet
        self.source = source
        self.interrupt = interrupt
        try source.requireReadableFile()
        if let connection {
            self.connection = connection
        } else {
            self.connection = source.scheme.hasPrefix("http") ? try HTTPConnection(source, interrupt) : nil
        }
        unsafe context = avformat_alloc_context()
        unsafe packet = av_packet_alloc()
        guard unsafe context != nil, unsafe packet != nil else {
            throw .io(source: source.name, operation: "opening", reason: "out of memory")
        }
        try open()
        try selectStream()
    }

    deinit {
        unsafe av_packet_free(&packet)
        unsafe avformat_close_input(&context)
    }

    private func open() throws(MediaError) {
        unsafe context?.pointee.interrupt_callback = interrupt.callback
        if let connection { unsafe context?.pointee.pb = connection.withContext { unsafe $0 } }
        var options: OpaquePointer?
        defer { unsafe av_dict_free(&options) }
        unsafe av_dict_set(&options, "protocol_whitelist", source.protocols, 0)
        unsafe av_dict_set_int(&options, "analyzeduration", Self.analysisTimeout.microseconds, 0)
        // Over UDP, one lost datagram damages all pictures up to the next key frame. Some cameras offer nothing else.
        unsafe av_dict_set(&options, "rtsp_transport", "tcp+udp", 0)
        unsafe av_dict_set(&options, "rtsp_flags", "prefer_tcp", 0)
        interrupt.start()
        // This frees the context if it fails.
        var code = unsafe avformat_open_input(&context, source.address, nil, &options)
        guard code == 0 else { throw openError(code) }
        // The description of an RTSP stream names its codec. An analysis would hold back the pictures of seconds, and
        // their times of arrival would be lost.
        guard !source.isRTSP else { return }
        code = unsafe avformat_find_stream_info(context, nil)
        if let error = interrupt.error(source: source.name) { throw error }
        guard code >= 0 else { throw openError(code) }
    }

    private func openError(_ code: Int32) -> MediaError {
        // The connection is open, so a premature end means that the content is no video.
        if let connection, code == secam_averror_invalid_data || code == secam_averror_eof {
            let type = connection.contentType
            return .notVideo(source: source.name, found: type.isEmpty ? "unknown content" : "content of type \(type)")
        }
        return source.openError(AVFailure(code: code), interrupt)
    }

    private func selectStream() throws(MediaError) {
        let index = unsafe av_find_best_stream(context, AVMEDIA_TYPE_VIDEO, -1, -1, nil, 0)
        let streams = unsafe UnsafeBufferPointer(
            start: context?.pointee.streams, count: Int(context?.pointee.nb_streams ?? 0))
        guard index >= 0, Int(index) < streams.count, let chosen = unsafe streams[Int(index)],
            unsafe chosen.pointee.disposition & AV_DISPOSITION_ATTACHED_PIC == 0
        else {
            throw .noVideoStream(source: source.name, found: unsafe Self.describe(streams))
        }
        for other in streams.indices where other != Int(index) {
            unsafe streams[other]?.pointee.discard = AVDISCARD_ALL
        }
        unsafe stream = chosen
        // libav would decode a text file as a video of letters.
        let textCodecs = [AV_CODEC_ID_ANSI, AV_CODEC_ID_BINTEXT, AV_CODEC_ID_XBIN, AV_CODEC_ID_IDF]
        guard !textCodecs.contains(codec) else { throw .notVideo(source: source.name, found: "text") }
        // A stream may announce its size with a later key frame. A file without a size has no pictures.
        guard width > 0 && height > 0 || !source.isFile else {
            throw .notVideo(source: source.name, found: source.describeContent())
        }
        guard (0...MediaReader.largestSide).contains(width), (0...MediaReader.largestSide).contains(height) else {
            throw .pictureTooLarge(source: source.name, width: width, height: height)
        }
    }

    private static func describe(_ streams: UnsafeBufferPointer<UnsafeMutablePointer<AVStream>?>) -> String {
        var kinds: [String] = []
        for index in streams.indices {
            guard let parameters = unsafe streams[index]?.pointee.codecpar else { continue }
            let codec = unsafe String(cString: avcodec_get_name(parameters.pointee.codec_id))
            guard let kind = unsafe av_get_media_type_string(parameters.pointee.codec_type) else { continue }
            kinds.append(unsafe codec + " " + String(cString: kind))
        }
        return kinds.isEmpty ? "nothing" : kinds.joined(separator: ", ")
    }

    // MARK: Selected stream

    var codec: AVCodecID { unsafe stream?.pointee.codecpar?.pointee.codec_id ?? AV_CODEC_ID_NONE }
    var codecName: String { unsafe String(cString: avcodec_get_name(codec)) }
    var width: Int { unsafe Int(stream?.pointee.codecpar?.pointee.width ?? 0) }
    var height: Int { unsafe Int(stream?.pointee.codecpar?.pointee.height ?? 0) }

    /// The average rate, else the rate that the container declares; `nil` if neither is known.
    var framesPerSecond: Double? {
        let rates = unsafe [stream?.pointee.avg_frame_rate, stream?.pointee.r_frame_rate]
        let known = rates.lazy.compactMap { $0 }.first { $0.num > 0 && $0.den > 0 }
        return known.map { Double($0.num) / Double($0.den) }
    }

    var durationMicroseconds: Int64? {
        let duration = unsafe context?.pointee.duration ?? secam_av_no_timestamp
        return duration > 0 ? duration : nil
    }

    /// Converts a timestamp to microseconds since the stream's start; `nil` for a missing timestamp.
    func microseconds(_ timestamp: Int64) -> Int64? {
        guard timestamp != secam_av_no_timestamp, let stream = unsafe stream?.pointee else { return nil }
        let start = unsafe stream.start_time == secam_av_no_timestamp ? 0 : stream.start_time
        return unsafe av_rescale_q(timestamp &- start, stream.time_base, AVRational(num: 1, den: 1_000_000))
    }

    /// Passes the stream's parameters and time base to `body`, to set up a decoder or filter.
    func withParameters<R>(_ body: (UnsafePointer<AVCodecParameters>, AVRational) -> R?) -> R? {
        guard let stream = unsafe stream, let parameters = unsafe stream.pointee.codecpar else { return nil }
        return unsafe body(parameters, stream.pointee.time_base)
    }

    /// The turn that the container demands.
    var transform: PictureTransform {
        guard let stream = unsafe stream else { return .identity }
        var matrix = [Int32](repeating: 0, count: 9)
        guard unsafe secam_av_display_matrix(stream, &matrix) == 0 else { return .identity }
        return PictureTransform(displayMatrix: matrix) ?? .identity
    }

    /// The shape of the pixels that the container or codec declares; `nil` if unknown.
    var pixelAspect: PixelAspect? {
        guard let stream = unsafe stream?.pointee else { return nil }
        let ratios = unsafe [stream.sample_aspect_ratio, stream.codecpar.pointee.sample_aspect_ratio]
        return ratios.lazy.compactMap { PixelAspect($0.num, $0.den) }.first
    }

    /// The pictures of a finite HTTP answer come as fast as the network, so their times say when they are due.
    var isFinite: Bool { connection?.isFinite ?? source.isFile }

    var isPlaylist: Bool { formatName.hasPrefix("hls") }

    /// libavformat reads single pictures as videos of one frame.
    var isSinglePicture: Bool { formatName.hasPrefix("image2") || formatName.hasSuffix("_pipe") }

    /// libavformat's name of the container.
    private var formatName: String {
        guard let name = unsafe context?.pointee.iformat?.pointee.name else { return "" }
        return unsafe String(cString: name)
    }

    // MARK: Packets

    /// A wait ended with the timeout, although it returned a packet.
    private var hasTimedOut = false

    enum Read {
        case packet
        case damaged
        case end
    }

    /// Reads the next packet of the selected stream, which is valid until the next call.
    func read() throws(MediaError) -> Read {
        guard let context = unsafe context, let packet = unsafe packet, let stream = unsafe stream else { return .end }
        // libav may return buffered packets when a wait was interrupted.
        if hasTimedOut, let error = interrupt.error(source: source.name) { throw error }
        interrupt.start()
        while true {
            unsafe av_packet_unref(packet)
            let code = unsafe av_read_frame(context, packet)
            if code == 0 {
                hasTimedOut = interrupt.isDue
                guard unsafe packet.pointee.stream_index == stream.pointee.index else { continue }
                return unsafe packet.pointee.flags & AV_PKT_FLAG_CORRUPT == 0 ? .packet : .damaged
            }
            if let error = interrupt.error(source: source.name) { throw error }
            if code == secam_averror_eof { return .end }
            if code == secam_averror_again { continue }
            // libav reports the end of a truncated file with several codes.
            if unsafe source.isFile && avio_feof(context.pointee.pb) != 0 { return .end }
            if code == secam_averror_invalid_data { return .damaged }
            // libav reports a connection that the server closed as an input/output error.
            if !source.isFile, code == secam_averror_io { return .end }
            throw .io(source: source.name, operation: "reading", reason: AVFailure(code: code).text)
        }
    }

    func withPacket<R>(_ body: (UnsafeMutablePointer<AVPacket>) throws(MediaError) -> R) throws(MediaError) -> R {
        guard let packet = unsafe packet else {
            throw .io(source: source.name, operation: "reading", reason: "out of memory")
        }
        return try unsafe body(packet)
    }

    func withPacketBytes<R>(_ body: (RawSpan) -> R) -> R {
        guard let packet = unsafe packet, let start = unsafe packet.pointee.data else { return body(RawSpan()) }
        return unsafe body(UnsafeRawBufferPointer(start: start, count: Int(packet.pointee.size)).bytes)
    }

    var isKeyPacket: Bool { unsafe (packet?.pointee.flags ?? 0) & AV_PKT_FLAG_KEY != 0 }

    /// The packet's presentation time, microseconds since the stream's start.
    var packetMicroseconds: Int64? {
        guard let packet = unsafe packet?.pointee else { return nil }
        return unsafe microseconds(packet.pts == secam_av_no_timestamp ? packet.dts : packet.pts)
    }

    /// Returns the file's metadata under this name; `nil` if there is none.
    func tag(_ name: String) -> String? {
        let entry = unsafe av_dict_get(context?.pointee.metadata, name, nil, 0)
        return unsafe entry.map { unsafe String(cString: $0.pointee.value) }
    }

    /// Seeks to the last key frame at or before a time.
    ///
    /// - Parameter microseconds: since the stream's start.
    /// - Returns: whether the seek succeeded.
    func seek(toMicroseconds microseconds: Int64) -> Bool {
        guard source.isFile, let context = unsafe context, let stream = unsafe stream else { return false }
        let start = unsafe stream.pointee.start_time == secam_av_no_timestamp ? 0 : stream.pointee.start_time
        let offset = unsafe av_rescale_q(
            microseconds, AVRational(num: 1, den: 1_000_000), stream.pointee.time_base)
        return unsafe av_seek_frame(context, stream.pointee.index, start &+ offset, AVSEEK_FLAG_BACKWARD) >= 0
    }

    /// Seeks to the first packet. This is reliable only for formats with an index of their own.
    ///
    /// - Returns: whether the seek succeeded.
    func seekToStart() -> Bool {
        guard source.isFile, let context = unsafe context, let stream = unsafe stream,
            unsafe context.pointee.iformat.pointee.flags & (AVFMT_GENERIC_INDEX | AVFMT_TS_DISCONT) == 0
        else { return false }
        let start = unsafe stream.pointee.start_time == secam_av_no_timestamp ? 0 : stream.pointee.start_time
        return unsafe av_seek_frame(context, stream.pointee.index, start, AVSEEK_FLAG_BACKWARD) >= 0
    }
}
