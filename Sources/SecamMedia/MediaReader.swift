import CAVFormat
import SecamBase
package import SecamWire

/// The format of a file or stream.
package struct MediaFormat: Hashable, Sendable, CustomStringConvertible {
    /// libavcodec's name of the codec, such as `h264`.
    package let codecName: String
    /// Pixels, as declared by the container; each frame has its own size.
    package let width: Int
    package let height: Int
    /// The average rate; `nil` if unknown.
    package let framesPerSecond: Double?
    /// Frames are passed through undecoded.
    package let isMotionJPEG: Bool
    /// `nil` for live streams, and if the container does not declare it.
    package let durationMicroseconds: Int64?

    package var description: String {
        let rate = framesPerSecond.map { "\(Double(Int(($0 * 100).rounded())) / 100) fps" } ?? "unknown rate"
        return "\(width)x\(height) \(codecName), \(rate)"
    }
}

/// The properties of one frame.
package struct MediaFrame: Hashable, Sendable {
    /// ``PixelFormat/jpeg`` for a frame as stored in the file, else a decoded picture, rows and planes without padding.
    package let pixelFormat: PixelFormat
    package let width: Int
    package let height: Int
    /// Size of the buffer for ``MediaReader/copyFrame(into:)``.
    package let byteCount: Int
    /// Presentation time, microseconds since the start; never earlier than that of the previous frame.
    package let timestampMicroseconds: Int64
    /// The same as the file or stream states it, which may jump; `nil` if it states none.
    package let statedMicroseconds: Int64?
}

/// A reader of the pictures of a video file or network stream. Its calls block, so it belongs to a dedicated thread.
///
/// Motion JPEG is passed through byte for byte (missing Huffman tables are added); other codecs are decoded to planar
/// 4:2:0. Damaged packets are skipped and counted.
package final class MediaReader {
    /// Maximum width and height of a picture, pixels.
    package static let largestSide = 16_384
    /// Number of damaged packets, without a picture in between, after which reading fails.
    package static let damagedPacketLimit = 250
    /// Number of packets, damaged or not, without a picture in between, after which reading fails.
    package static let pictureSearchLimit = 3000

    /// Time after which a stream without a key frame is decoded as it is: some refresh their pictures in stripes.
    private static let keyFrameTimeout: Duration = .seconds(60)

    /// Maximum number of pixels of a decoded picture; 8K video has slightly fewer.
    package static let pixelLimit = 1 << 25
    /// Maximum timestamp of a frame, microseconds: far below the limit of its type, so that it can be added to times.
    private static let latestTimestamp: Int64 = 1 << 60

    /// Frame rate for frames without a timestamp in a stream without a rate.
    private static let defaultRate = 25.0

    package struct Options: Sendable {
        /// Maximum time for opening, and for each wait for a packet.
        package var timeout: Duration
        /// Number of decoder threads. More speed up large H.264 files, but delay live streams by one frame each.
        package var decoderThreads: Int
        /// Converts pictures with "TV range" (16 to 235) to JPEG's full range (0 to 255).
        package var fullRange: Bool
        /// Turns pictures upright and makes their pixels square, as the container demands; Motion JPEG is decoded then.
        package var appliesShape: Bool

        package init(
            timeout: Duration = .seconds(10), decoderThreads: Int = 1, fullRange: Bool = true,
            appliesShape: Bool = false
        ) {
            self.timeout = timeout
            self.decoderThreads = decoderThreads
            self.fullRange = fullRange
            self.appliesShape = appliesShape
        }
    }

    package let format: MediaFormat
    /// Number of damaged packets so far.
    package private(set) var damagedCount = 0

    private let options: Options
    private let interrupt: MediaInterrupt
    private var input: MediaInput
    private var decoder: AVDecoder?
    private var tables: HuffmanTables?
    private var current = Current.none
    private var isDraining = false
    private var lastMicroseconds: Int64?
    private var consecutiveDamaged = 0
    private var packetsWithoutPicture = 0

    private enum Current {
        case none
        case packet(byteCount: Int)
        case picture(byteCount: Int)
    }

    /// Passes Motion JPEG through: its pictures need no turn.
    private let passesJPEGs: Bool
    /// When the wait for the first key frame began; `nil` after it.
    private var keyFrameWait: MonotonicTime? = .now

    /// Opens a file (path or `file://`), `rtsp(s)://` or `http(s)://`, and selects its best video stream.
    ///
    /// - Parameter cancellation: interrupts any blocking call, including this one, from another thread.
    package convenience init(
        url: String, options: Options = Options(), cancellation: MediaCancellation = MediaCancellation()
    ) throws(MediaError) {
        let interrupt = MediaInterrupt(cancellation: cancellation, timeout: options.timeout)
        try self.init(try MediaInput(try MediaURL(url), interrupt), interrupt, options)
    }

    /// Opens the content of an HTTP answer, and selects its best video stream.
    package convenience init(_ connection: HTTPConnection, options: Options) throws(MediaError) {
        let interrupt = connection.interrupt
        try self.init(
            try MediaInput(connection.source, interrupt, connection: connection), interrupt, options)
    }

    private init(_ input: MediaInput, _ interrupt: MediaInterrupt, _ options: Options) throws(MediaError) {
        self.input = input
        self.interrupt = interrupt
        self.options = options
        let isMotionJPEG = input.codec == AV_CODEC_ID_MJPEG
        let isSquare = input.pixelAspect.map { $0.width(of: input.width) == input.width } ?? true
        let keepsShape = !options.appliesShape || input.transform == .identity && isSquare
        passesJPEGs = isMotionJPEG && keepsShape
        format = MediaFormat(
            codecName: input.codecName, width: input.width, height: input.height,
            framesPerSecond: input.framesPerSecond, isMotionJPEG: passesJPEGs,
            durationMicroseconds: input.durationMicroseconds)
        try Self.check(format.width, format.height, input)
        // A missing decoder is reported here instead of at the first frame.
        if !passesJPEGs { _ = try openDecoder() }
    }

    /// The source ends, and its times say when its pictures are due: a file, a finite HTTP answer, or a playlist.
    package var isFinite: Bool { input.isFinite }

    /// The source is a playlist, whose pictures come in bursts.
    package var isPlaylist: Bool { input.isPlaylist }

    /// The source is a single picture, such as a JPEG or PNG file.
    package var isSinglePicture: Bool { input.isSinglePicture }

    /// The error for a stream that ended.
    package var closed: MediaError { .closed(source: input.source.name) }

    /// Reads the next frame, whose bytes are valid until the next call.
    ///
    /// - Returns: `nil` at the end.
    /// - Throws: ``MediaError``. A live stream should be reopened then.
    package func next() throws(MediaError) -> MediaFrame? {
        while true {
            switch try read() {
            case .frame(let frame): return frame
            case .damaged, .waiting: continue
            case .end: return nil
            }
        }
    }

    package enum Read {
        /// A frame, whose bytes are valid until the next call.
        case frame(MediaFrame)
        /// A packet or picture was damaged.
        case damaged(String)
        /// The stream works, and its next picture is not complete yet, for this reason.
        case waiting(String)
        case end
    }

    /// Reads up to the next frame, damaged packet, or reason to wait.
    ///
    /// - Throws: ``MediaError``. A live stream should be reopened then.
    package func read() throws(MediaError) -> Read {
        current = .none
        while true {
            if let decoder, let read = try receivePicture(from: decoder) { return read }
            if isDraining { return .end }
            switch try input.read() {
            case .end:
                isDraining = true
                guard let decoder else { return .end }
                _ = unsafe decoder.send(nil)
            case .damaged:
                return try countDamaged("a packet is corrupt")
            case .packet:
                guard !waitsForKeyFrame() else { return .waiting("waiting for a key frame") }
                packetsWithoutPicture += 1
                guard packetsWithoutPicture <= Self.pictureSearchLimit else {
                    throw .damaged(
                        source: input.source.name, reason: "no picture in \(packetsWithoutPicture - 1) packets")
                }
                if let read = try processPacket() { return read }
            }
        }
    }

    /// Returns whether the current packet precedes the first key frame of a live stream, so it cannot be decoded.
    private func waitsForKeyFrame() -> Bool {
        guard let began = keyFrameWait else { return false }
        let waits =
            !input.source.isFile && [AV_CODEC_ID_H264, AV_CODEC_ID_HEVC].contains(input.codec) && !input.isKeyPacket
            && MonotonicTime.now - began < Self.keyFrameTimeout
        if !waits { keyFrameWait = nil }
        return waits
    }

    /// Copies the current frame's bytes to the start of `destination`.
    ///
    /// - Precondition: there is a current frame, and `destination` has at least its ``MediaFrame/byteCount``.
    package func copyFrame(into destination: inout MutableRawSpan) {
        unsafe destination.withUnsafeMutableBytes { bytes in
            switch current {
            case .none:
                preconditionFailure("there is no current frame")
            case .picture(let byteCount):
                precondition(bytes.count >= byteCount, "the buffer is smaller than the frame")
                unsafe decoder?.copyPicture(into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<byteCount]))
            case .packet(let byteCount):
                precondition(bytes.count >= byteCount, "the buffer is smaller than the frame")
                input.withPacketBytes { packet in
                    unsafe packet.withUnsafeBytes { unsafe bytes.copyMemory(from: $0) }
                }
            }
        }
    }

    /// Passes the current frame's JPEG to `body` without a copy; returns `nil` if the frame is a decoded picture.
    package func withJPEG<R>(_ body: (RawSpan) -> R) -> R? {
        guard case .packet = current else { return nil }
        return input.withPacketBytes(body)
    }

    /// Continues with the first frame, with timestamps from 0. A live stream is reopened.
    package func rewind() throws(MediaError) {
        current = .none
        // A single picture may have changed meanwhile.
        if input.isSinglePicture || !input.seekToStart() {
            decoder = nil
            tables = nil
            input = try MediaInput(input.source, interrupt)
        }
        resetPosition()
    }

    /// Continues with the last key frame at or before a time of a file, or with its first frame if there is none.
    ///
    /// - Parameter microseconds: since the start, as in ``MediaFrame/timestampMicroseconds``.
    package func seek(toMicroseconds microseconds: Int64) throws(MediaError) {
        current = .none
        guard input.seek(toMicroseconds: max(0, microseconds)) else { return try rewind() }
        resetPosition()
    }

    private func resetPosition() {
        decoder?.flush()
        isDraining = false
        lastMicroseconds = nil
        packetsWithoutPicture = 0
    }

    /// Returns the file's metadata under this name, such as `title`; `nil` if there is none.
    package func tag(_ name: String) -> String? { input.tag(name) }

    // MARK: Packets and pictures

    /// Returns the packet as a frame, or passes it to the decoder.
    private func processPacket() throws(MediaError) -> Read? {
        guard passesJPEGs else { return try decode() }
        let scan = input.withPacketBytes { bytes in JPEGScan(bytes) }
        guard case .whole(let header) = scan else { return try countDamaged("a JPEG is truncated or broken") }
        try Self.check(header.width, header.height, input)
        // Two fields in one packet must be decoded to make one picture.
        if header.width == format.width, header.height < format.height, header.height == (format.height + 1) / 2 {
            guard !header.isProgressive else { return try countDamaged("a field is a progressive JPEG") }
            return try decode()
        }
        if !header.hasHuffmanTables, try !addTables() {
            return try countDamaged("a JPEG without Huffman tables cannot be completed")
        }
        let byteCount = input.withPacketBytes { $0.byteCount }
        current = .packet(byteCount: byteCount)
        return .frame(frame(.jpeg, header.width, header.height, byteCount, input.packetMicroseconds))
    }

    private static func check(_ width: Int, _ height: Int, _ input: MediaInput) throws(MediaError) {
        guard width <= largestSide, height <= largestSide else {
            throw .pictureTooLarge(source: input.source.name, width: width, height: height)
        }
    }

    private func addTables() throws(MediaError) -> Bool {
        let tables: HuffmanTables
        if let known = self.tables { tables = known } else { tables = try HuffmanTables(input) }
        self.tables = tables
        return try unsafe input.withPacket { packet in unsafe tables.complete(packet) }
    }

    private func openDecoder() throws(MediaError) -> AVDecoder {
        if let decoder { return decoder }
        let new = try AVDecoder(
            input, threads: options.decoderThreads, fullRange: options.fullRange, appliesShape: options.appliesShape)
        decoder = new
        return new
    }

    private func decode() throws(MediaError) -> Read? {
        let decoder = try openDecoder()
        let isAccepted = try unsafe input.withPacket { packet in unsafe decoder.send(packet) }
        return isAccepted ? nil : try countDamaged("a packet cannot be decoded")
    }

    private func receivePicture(from decoder: AVDecoder) throws(MediaError) -> Read? {
        while true {
            switch try decoder.receive() {
            case .needsPacket, .end: return nil
            case .damaged: return try countDamaged("a picture cannot be decoded")
            case .picture(let pixelFormat, let width, let height, let timestamp):
                guard let byteCount = pixelFormat.byteCount(width: width, height: height) else { continue }
                current = .picture(byteCount: byteCount)
                return .frame(frame(pixelFormat, width, height, byteCount, input.microseconds(timestamp)))
            }
        }
    }

    private func frame(
        _ pixelFormat: PixelFormat, _ width: Int, _ height: Int, _ byteCount: Int, _ microseconds: Int64?
    ) -> MediaFrame {
        consecutiveDamaged = 0
        packetsWithoutPicture = 0
        let usual = Int64(1_000_000 / max(format.framesPerSecond ?? Self.defaultRate, 0.001))
        let expected = lastMicroseconds.map { $0 &+ usual } ?? 0
        let timestamp = (0...Self.latestTimestamp).clamping(max(lastMicroseconds ?? 0, microseconds ?? expected))
        lastMicroseconds = timestamp
        return MediaFrame(
            pixelFormat: pixelFormat, width: width, height: height, byteCount: byteCount,
            timestampMicroseconds: timestamp, statedMicroseconds: microseconds)
    }

    private func countDamaged(_ reason: String) throws(MediaError) -> Read {
        damagedCount += 1
        consecutiveDamaged += 1
        guard consecutiveDamaged < Self.damagedPacketLimit else {
            throw .damaged(source: input.source.name, reason: "\(reason), \(consecutiveDamaged) in succession")
        }
        return .damaged(reason)
    }
}
