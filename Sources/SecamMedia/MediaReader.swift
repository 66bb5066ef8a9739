import CAVFormat
package import SecamWire

/// What a file or stream holds.
package struct MediaFormat: Hashable, Sendable, CustomStringConvertible {
    /// As libavcodec names it, such as `h264`.
    package let codecName: String
    /// Pixels, as the container says; each frame has its own.
    package let width: Int
    package let height: Int
    /// The average; `nil` when it is not known.
    package let framesPerSecond: Double?
    /// Its pictures come undecoded.
    package let isMotionJPEG: Bool
    /// `nil` for live streams and where the container does not say.
    package let durationMicroseconds: Int64?

    package var description: String {
        let rate = framesPerSecond.map { "\(Double(Int(($0 * 100).rounded())) / 100) fps" } ?? "unknown rate"
        return "\(width)x\(height) \(codecName), \(rate)"
    }
}

/// About one frame.
package struct MediaFrame: Hashable, Sendable {
    /// ``PixelFormat/jpeg``: as it is in the file. Otherwise a decoded picture, rows and planes without padding.
    package let pixelFormat: PixelFormat
    package let width: Int
    package let height: Int
    /// What ``MediaReader/copyFrame(into:)`` needs.
    package let byteCount: Int
    /// When it is shown: microseconds from the start; never before the frame before it.
    package let timestampMicroseconds: Int64
}

/// Reads the pictures of a video file or network stream. Its calls block: it belongs to one thread of its own.
///
/// Motion JPEG is passed through byte for byte (missing Huffman tables are added); other codecs are decoded to
/// planar 4:2:0. Damaged packets are left out and counted.
package final class MediaReader {
    /// The widest and highest picture that is taken, in pixels.
    package static let largestSide = 16_384
    /// So many damaged packets without a picture in between end the reading.
    package static let mostDamagedInSuccession = 250
    /// So many packets without a picture in between, damaged or not, end the reading.
    package static let mostPacketsWithoutPicture = 3000

    /// The most pixels of a picture that is decoded: 8K video has a little fewer.
    package static let mostPixels = 1 << 25
    /// The latest timestamp of a frame, microseconds: far below the limits of its type, so that it can be added to times.
    private static let longestMicroseconds: Int64 = 1 << 60

    /// For frames without a timestamp in a stream without a rate.
    private static let usualRate = 25.0

    package struct Options: Sendable {
        /// How long opening, and each wait for a packet, may take.
        package var timeoutSeconds: Double
        /// More make large H.264 files faster, and live streams later by a frame each.
        package var decoderThreads: Int
        /// Stretches pictures of "TV range" (16 to 235) to what JPEG means (0 to 255).
        package var fullRange: Bool

        package init(timeoutSeconds: Double = 10, decoderThreads: Int = 1, fullRange: Bool = true) {
            self.timeoutSeconds = timeoutSeconds
            self.decoderThreads = decoderThreads
            self.fullRange = fullRange
        }
    }

    package let format: MediaFormat
    /// How many packets were left out so far.
    package private(set) var damagedCount = 0

    private let options: Options
    private let interrupt: MediaInterrupt
    private var input: MediaInput
    private var decoder: AVDecoder?
    private var tables: HuffmanTables?
    private var current = Current.none
    private var isDraining = false
    private var lastMicroseconds: Int64?
    private var damagedInSuccession = 0
    private var packetsWithoutPicture = 0

    private enum Current {
        case none
        case packet(byteCount: Int)
        case picture(byteCount: Int)
    }

    /// Opens a file (path or `file://`), `rtsp(s)://` or `http(s)://`, and finds its best video stream.
    ///
    /// - Parameter cancellation: ends a blocked call, this one too, from another thread.
    package init(
        url: String, options: Options = Options(), cancellation: MediaCancellation = MediaCancellation()
    ) throws(MediaError) {
        let source = try MediaURL(url)
        self.options = options
        interrupt = MediaInterrupt(cancellation: cancellation, timeoutSeconds: options.timeoutSeconds)
        input = try MediaInput(source, interrupt)
        format = MediaFormat(
            codecName: input.codecName, width: input.width, height: input.height,
            framesPerSecond: input.framesPerSecond, isMotionJPEG: input.codec == AV_CODEC_ID_MJPEG,
            durationMicroseconds: input.durationMicroseconds)
        try Self.check(format.width, format.height, input)
        // Told here and not at the first frame: a codec that cannot be decoded is no video for us.
        if !format.isMotionJPEG { _ = try openDecoder() }
    }

    /// Goes to the next frame; its bytes are there until the next call.
    ///
    /// - Returns: `nil` at the end.
    /// - Throws: ``MediaError``; a live stream is best opened anew then.
    package func next() throws(MediaError) -> MediaFrame? {
        current = .none
        while true {
            if let decoder, let frame = try takePicture(decoder) { return frame }
            if isDraining { return nil }
            switch try input.read() {
            case .end:
                isDraining = true
                guard let decoder else { return nil }
                _ = unsafe decoder.send(nil)
            case .damaged:
                try countDamaged("a packet is corrupt")
            case .packet:
                packetsWithoutPicture += 1
                guard packetsWithoutPicture <= Self.mostPacketsWithoutPicture else {
                    throw .damaged(
                        source: input.source.name, reason: "no picture in \(packetsWithoutPicture - 1) packets")
                }
                if let frame = try take() { return frame }
            }
        }
    }

    /// Copies the current frame's bytes to the start of `destination`.
    ///
    /// - Precondition: there is a current frame, and room for its ``MediaFrame/byteCount``.
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

    /// Shows the current frame's JPEG without a copy; `nil` when the frame is a decoded picture.
    package func withJPEG<R>(_ body: (RawSpan) -> R) -> R? {
        guard case .packet = current else { return nil }
        return input.withPacketBytes(body)
    }

    /// Begins again at the first frame, with timestamps from 0. A live stream is opened anew.
    package func rewind() throws(MediaError) {
        current = .none
        if !input.seekToStart() {
            decoder = nil
            tables = nil
            input = try MediaInput(input.source, interrupt)
        }
        decoder?.flush()
        isDraining = false
        lastMicroseconds = nil
        packetsWithoutPicture = 0
    }

    /// Goes on with the last key frame at or before a time of a file; with its first frame where there is none.
    ///
    /// - Parameter microseconds: since the start, as in ``MediaFrame/timestampMicroseconds``.
    package func seek(toMicroseconds microseconds: Int64) throws(MediaError) {
        current = .none
        guard input.seek(toMicroseconds: max(0, microseconds)) else { return try rewind() }
        decoder?.flush()
        isDraining = false
        lastMicroseconds = nil
        packetsWithoutPicture = 0
    }

    /// What the file says of itself under this name, as `title`; `nil` for nothing.
    package func tag(_ name: String) -> String? { input.tag(name) }

    // MARK: Packets and pictures

    /// Passes the packet on as a frame, or gives it to the decoder.
    private func take() throws(MediaError) -> MediaFrame? {
        guard format.isMotionJPEG else {
            try decode()
            return nil
        }
        let scan = input.withPacketBytes { bytes in JPEGScan(bytes) }
        guard case .whole(let header) = scan else {
            try countDamaged("a JPEG is cut short or broken")
            return nil
        }
        try Self.check(header.width, header.height, input)
        // Two fields in one packet make one picture only when they are decoded.
        if header.width == format.width, header.height < format.height, header.height == (format.height + 1) / 2 {
            guard !header.isProgressive else {
                try countDamaged("a field is a progressive JPEG")
                return nil
            }
            try decode()
            return nil
        }
        if !header.hasHuffmanTables, try !addTables() {
            try countDamaged("a JPEG without Huffman tables cannot be completed")
            return nil
        }
        let byteCount = input.withPacketBytes { $0.byteCount }
        current = .packet(byteCount: byteCount)
        return frame(.jpeg, header.width, header.height, byteCount, input.packetMicroseconds)
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
        let new = try AVDecoder(input, threads: options.decoderThreads, fullRange: options.fullRange)
        decoder = new
        return new
    }

    private func decode() throws(MediaError) {
        let decoder = try openDecoder()
        let isTaken = try unsafe input.withPacket { packet in unsafe decoder.send(packet) }
        if !isTaken { try countDamaged("a packet cannot be decoded") }
    }

    private func takePicture(_ decoder: AVDecoder) throws(MediaError) -> MediaFrame? {
        while true {
            switch try decoder.receive() {
            case .needsPacket, .end: return nil
            case .damaged: try countDamaged("a picture cannot be decoded")
            case .picture(let pixelFormat, let width, let height, let timestamp):
                guard let byteCount = pixelFormat.byteCount(width: width, height: height) else { continue }
                current = .picture(byteCount: byteCount)
                return frame(pixelFormat, width, height, byteCount, input.microseconds(timestamp))
            }
        }
    }

    private func frame(
        _ pixelFormat: PixelFormat, _ width: Int, _ height: Int, _ byteCount: Int, _ microseconds: Int64?
    ) -> MediaFrame {
        damagedInSuccession = 0
        packetsWithoutPicture = 0
        let usual = Int64(1_000_000 / max(format.framesPerSecond ?? Self.usualRate, 0.001))
        let expected = lastMicroseconds.map { $0 &+ usual } ?? 0
        let timestamp = (0...Self.longestMicroseconds).clamping(max(lastMicroseconds ?? 0, microseconds ?? expected))
        lastMicroseconds = timestamp
        return MediaFrame(
            pixelFormat: pixelFormat, width: width, height: height, byteCount: byteCount,
            timestampMicroseconds: timestamp)
    }

    private func countDamaged(_ reason: String) throws(MediaError) {
        damagedCount += 1
        damagedInSuccession += 1
        guard damagedInSuccession < Self.mostDamagedInSuccession else {
            throw .damaged(source: input.source.name, reason: "\(reason), \(damagedInSuccession) in succession")
        }
    }
}
