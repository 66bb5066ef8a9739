import SecamBase
import SecamJPEG
import SecamMesh
import SecamPicture
import SecamWire

/// Makes renditions of pictures. One for each thread: it keeps its buffers from picture to picture.
final class PictureWorker {
    private var encoder: JPEGEncoder
    private var decoder: JPEGDecoder
    /// Planes of a picture that is about to be encoded, or a brightness that is about to be averaged.
    private var planes: [UInt8] = []

    init() throws(JPEGError) {
        encoder = try JPEGEncoder()
        decoder = try JPEGDecoder()
    }

    /// What came of one message from a camera.
    enum Answer: Sendable {
        case result(MeshMessage, isFailure: Bool, microseconds: UInt32)
        /// It was no job.
        case unreadable(WireError)
    }

    /// Does one job.
    ///
    /// - Returns: a result, also when the picture is unusable: it says why, so that the camera need not wait.
    func answer(_ message: MeshMessage) -> Answer {
        let start = MonotonicTime.now
        do throws(WireError) {
            return try message.withBytes { (bytes) throws(WireError) in
                let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
                guard envelope.type == .work else {
                    // A camera that is about to end says so; nothing is to be done about it.
                    throw .unknownType(envelope.type.rawValue)
                }
                let (work, payload) = try Work.decode(bytes, envelope)
                return answer(work, bytes.extracting(payload), start)
            }
        } catch {
            return .unreadable(error)
        }
    }

    private func answer(_ work: Work, _ picture: Span<UInt8>, _ start: MonotonicTime) -> Answer {
        var bytes: [UInt8] = []
        var made: [WorkResult.Made] = []
        var failure = ""
        do throws(WorkFailure) {
            for rendition in Rendition.allCases where work.renditions.contains(rendition) {
                made.append(try make(rendition, work, picture, appendingTo: &bytes))
            }
        } catch {
            (made, bytes, failure) = ([], [], error.description)
        }
        let elapsed = UInt32(clamping: MonotonicTime.now.since(start))
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

    private func make(
        _ rendition: Rendition, _ work: Work, _ picture: Span<UInt8>, appendingTo bytes: inout [UInt8]
    ) throws(WorkFailure) -> WorkResult.Made {
        let start = bytes.count
        let full = (width: Int(work.width), height: Int(work.height))
        let size: Size
        do {
            guard PictureLimits.allows(width: full.width, height: full.height) else {
                throw WorkFailure("\(full.width)x\(full.height) is more than this encoder takes")
            }
            let needed = work.format.byteCount(width: full.width, height: full.height) ?? 1
            guard picture.count >= needed else {
                throw WorkFailure("\(picture.count) bytes are no \(work.format) of \(full.width)x\(full.height)")
            }
            switch (rendition, work.format) {
            case (.jpeg, .jpeg):
                throw WorkFailure("the picture is a JPEG already")
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
        return WorkResult.Made(
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

    // MARK: Smaller JPEGs

    /// A JPEG scaled down by 1, 2, 4 or 8, so that it is at most as wide as asked for where that is possible.
    private func makeSub(
        _ job: Work, _ picture: Span<UInt8>, _ size: Size, appendingTo bytes: inout [UInt8]
    ) throws -> Size {
        let factor = [1, 2, 4].first { (size.width + $0 - 1) / $0 <= Int(job.subWidth) } ?? 8
        let scaled: Size
        switch job.format {
        case .jpeg:
            scaled = try shrinkJPEG(picture, by: factor)
        case .rgb24, .gray8:
            // Rare, and libturbojpeg knows how.
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

    /// The scratch buffer with that many bytes, taken out of its property: a span must not outlive the access to what
    /// it shows. Whoever takes it puts it back.
    private func takePlanes(_ count: Int) throws -> [UInt8] {
        guard count <= PictureLimits.maximumPixels * 2 else { throw WorkFailure("a picture of \(count) bytes") }
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

    /// A JPEG's brightness, decoded no larger than needed.
    private func decodeLuma(_ jpeg: Span<UInt8>, appendingTo bytes: inout [UInt8]) throws -> Size {
        let header = try decoder.header(of: jpeg)
        let factor = LumaMap.factor(width: header.width, height: header.height)
        let scale = JPEGScale(rawValue: min(factor, 8))!
        let size = header.size(at: scale)
        var buffer = try takePlanes(size.width * size.height)
        defer { planes = buffer }
        var target = buffer.mutableSpan
        let decoded = try decoder.decodeLuma(jpeg, scale: scale, into: &target)
        let reduced = (width: decoded.width, height: decoded.height)
        guard factor > 8 else {
            bytes += buffer
            return reduced
        }
        let layout = try PictureLayout(format: .gray8, width: reduced.width, height: reduced.height)
        let scaled = LumaMap.size(width: reduced.width, height: reduced.height, factor: factor / 8)
        var map = [UInt8](repeating: 0, count: scaled.width * scaled.height)
        var mapTarget = map.mutableSpan
        try LumaMap.average(buffer.span, layout: layout, factor: factor / 8, into: &mapTarget)
        bytes += map
        return scaled
    }
}
