import SecamBase
import SecamJPEG
import SecamMesh
import SecamPicture
import SecamSharedMemory
import SecamWire

/// An encoder of pictures into renditions. Each thread has its own, which reuses its buffers.
final class PictureWorker {
    private var encoder: JPEGEncoder
    private var decoder: JPEGDecoder
    /// Scratch buffer for the planes of a scaled picture, or for luma.
    private var planes: [UInt8] = []

    init() throws(JPEGError) {
        encoder = try JPEGEncoder()
        decoder = try JPEGDecoder()
    }

    /// The answer to one message from a camera.
    enum Answer: Sendable {
        case result(MeshMessage, isFailure: Bool, microseconds: UInt32)
        /// The message was not a job.
        case unreadable(WireError)
    }

    /// Runs one job.
    ///
    /// - Parameter memory: the camera's shared memory, if the encoder has mapped it.
    /// - Returns: a result in any case. For an unusable picture it holds the reason, so that the camera does not wait.
    func answer(_ message: MeshMessage, memory: MappedMemory? = nil) -> Answer {
        let start = MonotonicTime.now
        do throws(WireError) {
            return try message.withBytes { (bytes) throws(WireError) in
                let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
                guard envelope.type == .work else {
                    throw .unknownType(envelope.type.rawValue)
                }
                let (work, payload) = try Work.decode(bytes, envelope)
                guard work.memory == 0 else { return answer(work, in: memory, payload: payload.count, start) }
                return answer(work, bytes.extracting(payload), start)
            }
        } catch {
            return .unreadable(error)
        }
    }

    /// Runs a job whose picture is in shared memory, where the camera can change it at any time.
    private func answer(_ work: Work, in memory: MappedMemory?, payload: Int, _ start: MonotonicTime) -> Answer {
        do throws(WorkFailure) {
            guard let memory, memory.number == work.memory else { throw WorkFailure("the shared memory is not mapped") }
            guard payload == 0 else { throw WorkFailure("the picture is in shared memory, and also in the message") }
            // A decoder checks what it reads, and relies on it later. An encoder only reads a fixed number of pixels.
            guard work.format != .jpeg else { throw WorkFailure("a JPEG must not be in shared memory") }
            do throws(MappedMemory.SlotFailure) {
                return try memory.withPicture(
                    slot: Int(work.slot), generation: work.generation, length: Int(work.length)
                ) { answer(work, $0, start) }
            } catch {
                throw WorkFailure(error)
            }
        } catch {
            return result(of: work, start, failure: error.description)
        }
    }

    private func answer(_ work: Work, _ picture: Span<UInt8>, _ start: MonotonicTime) -> Answer {
        var bytes: [UInt8] = []
        var made: [EncodedRendition] = []
        do throws(WorkFailure) {
            try check(work, picture)
            for rendition in Rendition.allCases where work.renditions.contains(rendition) {
                made.append(try make(rendition, work, picture, appendingTo: &bytes))
            }
        } catch {
            return result(of: work, start, failure: error.description)
        }
        return result(of: work, start, made, bytes)
    }

    private func result(
        of work: Work, _ start: MonotonicTime, _ made: [EncodedRendition] = [], _ bytes: [UInt8] = [],
        failure: String = ""
    ) -> Answer {
        let elapsed = UInt32(clamping: (MonotonicTime.now - start).microseconds)
        let result = WorkResult(job: work.job, elapsed: elapsed, failure: failure, renditions: made)
        return .result(
            MeshMessage(result.encoded(payload: bytes.count), payload: bytes[...]), isFailure: !failure.isEmpty,
            microseconds: elapsed)
    }

    private typealias Size = (width: Int, height: Int)

    private struct WorkFailure: Error, CustomStringConvertible {
        let description: String
        init(_ error: any Error) { description = "\(error)" }
        init(_ text: String) { description = text }
    }

    /// Checks that the picture has the size that the job states.
    private func check(_ work: Work, _ picture: Span<UInt8>) throws(WorkFailure) {
        let size = (width: Int(work.width), height: Int(work.height))
        guard PictureLimits.allows(width: size.width, height: size.height) else {
            throw WorkFailure("\(size.width)x\(size.height) exceeds the encoder's maximum size")
        }
        let needed = work.format.byteCount(width: size.width, height: size.height) ?? 1
        guard picture.count >= needed else {
            throw WorkFailure(
                "\(picture.count) bytes are too few for \(work.format) of \(size.width)x\(size.height)")
        }
        guard work.format == .jpeg else { return }
        let header: JPEGHeader
        do { header = try decoder.header(of: picture) } catch { throw WorkFailure(error) }
        guard (header.width, header.height) == size else {
            throw WorkFailure("the JPEG has \(header.width)x\(header.height) pixels, not \(size.width)x\(size.height)")
        }
    }

    private func make(
        _ rendition: Rendition, _ work: Work, _ picture: Span<UInt8>, appendingTo bytes: inout [UInt8]
    ) throws(WorkFailure) -> EncodedRendition {
        let start = bytes.count
        let full = (width: Int(work.width), height: Int(work.height))
        let size: Size
        do {
            switch (rendition, work.format) {
            case (.jpeg, .jpeg):
                throw WorkFailure("the picture is JPEG already")
            case (.jpeg, _):
                try encode(picture, work.format, full, work.quality, appendingTo: &bytes)
                size = full
            case (.sub, _):
                size = try makeSub(work, picture, full, appendingTo: &bytes)
            case (.luma, .jpeg):
                size = try decodeLuma(picture, appendingTo: &bytes)
            case (.luma, _):
                size = try averageLuma(picture, work.format, full, appendingTo: &bytes)
            }
        } catch {
            throw WorkFailure(error)
        }
        return EncodedRendition(
            rendition: rendition, format: rendition == .luma ? .gray8 : .jpeg, width: UInt16(size.width),
            height: UInt16(size.height), length: UInt32(bytes.count - start))
    }

    private func encode(
        _ picture: Span<UInt8>, _ format: PixelFormat, _ size: Size, _ quality: UInt8,
        appendingTo bytes: inout [UInt8]
    ) throws(JPEGError) {
        try encoder.encode(
            picture, format: format, width: size.width, height: size.height, quality: Int(quality)
        ) { bytes.append(copying: $0) }
    }

    // MARK: Small JPEGs

    /// Makes a JPEG of the size that ``SecamPicture/SubPicture`` gives.
    private func makeSub(
        _ job: Work, _ picture: Span<UInt8>, _ size: Size, appendingTo bytes: inout [UInt8]
    ) throws -> Size {
        let factor = SubPicture.factor(width: size.width, limit: Int(job.subWidth))
        let scaled: Size
        switch job.format {
        case .jpeg:
            scaled = try shrinkJPEG(picture, by: factor)
        case .rgb24, .gray8:
            // These formats are rare, so they take the slow path over a full JPEG.
            var full: [UInt8] = []
            try encode(picture, job.format, size, job.quality, appendingTo: &full)
            scaled = try shrinkJPEG(full.span, by: factor)
        case .yuyv, .nv12:
            let layout = try PictureLayout(format: job.format, width: size.width, height: size.height)
            var packed = [UInt8](repeating: 0, count: Repack.byteCount(of: layout))
            var target = packed.mutableSpan
            try Repack.copy(picture, layout: layout, into: &target)
            scaled = try shrinkPlanes(packed.span, size, by: factor)
        case .i420:
            scaled = try shrinkPlanes(picture, size, by: factor)
        }
        let shrunk = planes
        try encode(shrunk.span, .i420, scaled, job.quality, appendingTo: &bytes)
        return scaled
    }

    /// Decodes a JPEG at a fraction of its size into `planes`.
    private func shrinkJPEG(_ jpeg: Span<UInt8>, by factor: Int) throws -> Size {
        let header = try decoder.header(of: jpeg)
        let scale = JPEGScale(rawValue: factor)!
        let size = header.size(at: scale)
        var buffer = try takePlanes(PixelFormat.i420.byteCount(width: size.width, height: size.height)!)
        defer { planes = buffer }
        var target = buffer.mutableSpan
        let decoded = try decoder.decodeI420(jpeg, scale: scale, into: &target)
        return (decoded.width, decoded.height)
    }

    /// Averages the planes of an I420 picture into `planes`.
    private func shrinkPlanes(_ picture: Span<UInt8>, _ size: Size, by factor: Int) throws -> Size {
        let chroma = (width: (size.width + 1) / 2, height: (size.height + 1) / 2)
        let scaled = LumaMap.size(width: size.width, height: size.height, factor: factor)
        let scaledChroma = (width: (scaled.width + 1) / 2, height: (scaled.height + 1) / 2)
        var buffer = try takePlanes(PixelFormat.i420.byteCount(width: scaled.width, height: scaled.height)!)
        defer { planes = buffer }
        var source = 0
        var target = 0
        for (from, to) in [(size, scaled), (chroma, scaledChroma), (chroma, scaledChroma)] {
            let layout = try PictureLayout(format: .gray8, width: from.width, height: from.height)
            let plane = picture.extracting(source..<source + from.width * from.height)
            var map = [UInt8](repeating: 0, count: to.width * to.height)
            var part = map.mutableSpan
            try LumaMap.average(plane, layout: layout, factor: factor, into: &part)
            buffer.replaceSubrange(target..<target + map.count, with: map)
            source += from.width * from.height
            target += to.width * to.height
        }
        return scaled
    }

    /// Moves the scratch buffer out of its property and resizes it, because a span must not outlive the access to its
    /// memory. The caller moves it back.
    private func takePlanes(_ count: Int) throws -> [UInt8] {
        guard count <= PictureLimits.maximumPixels * 2 else {
            throw WorkFailure("a picture of \(count) bytes is too large")
        }
        var buffer = planes
        planes = []
        if buffer.count != count { buffer = [UInt8](repeating: 0, count: count) }
        return buffer
    }

    // MARK: Luma maps

    private func averageLuma(
        _ picture: Span<UInt8>, _ format: PixelFormat, _ size: Size, appendingTo bytes: inout [UInt8]
    ) throws -> Size {
        let layout = try PictureLayout(format: format, width: size.width, height: size.height)
        let factor = LumaMap.factor(width: size.width, height: size.height)
        let scaled = LumaMap.size(width: size.width, height: size.height, factor: factor)
        var buffer = try takePlanes(scaled.width * scaled.height)
        defer { planes = buffer }
        var target = buffer.mutableSpan
        try LumaMap.average(picture, layout: layout, factor: factor, into: &target)
        bytes += buffer
        return scaled
    }

    /// Makes a luma map of a JPEG, decoded no larger than needed.
    private func decodeLuma(_ jpeg: Span<UInt8>, appendingTo bytes: inout [UInt8]) throws -> Size {
        try decoder.appendLumaMap(of: jpeg, to: &bytes, scratch: &planes)
    }
}
