import SecamJPEG
import SecamMedia
import SecamPicture
import SecamWire

/// A frame of a video as the motion service sees it.
package struct LumaFrame: Hashable, Sendable {
    /// Counts all frames of the file, from 0.
    package let number: Int
    package let timestampMicroseconds: Int64
    /// The frame's size in pixels, and its map's.
    package let frameWidth: Int
    package let frameHeight: Int
    package let width: Int
    package let height: Int
}

/// Reads a video file as luma maps: JPEGs decoded at the scale of ``SecamPicture/LumaMap``, other codecs' pictures
/// averaged, exactly as encoders make them of cameras' frames.
package final class LumaFootage {
    private let reader: MediaReader
    private var decoder: JPEGDecoder
    /// The last frame's map.
    package private(set) var map: [UInt8] = []
    private var number = -1

    /// - Parameter path: a file, or an address that SecamMedia opens.
    package init(path: String) throws {
        reader = try MediaReader(url: path)
        decoder = try JPEGDecoder()
    }

    /// The file's own words on its frame rate; `nil` when it has none.
    package var framesPerSecond: Double? { reader.format.framesPerSecond }

    /// Goes to the next frame and makes its map, or leaves it out.
    ///
    /// - Parameter isWanted: whether the frame at that time (µs) is to be looked at; otherwise ``map`` stays.
    /// - Returns: `nil` at the end.
    package func next(where isWanted: (Int64) -> Bool) throws -> (frame: LumaFrame, isMap: Bool)? {
        guard let media = try reader.next() else { return nil }
        number += 1
        let isMap = isWanted(media.timestampMicroseconds)
        let size = isMap ? try makeMap(media) : (width: 0, height: 0)
        let frame = LumaFrame(
            number: number, timestampMicroseconds: media.timestampMicroseconds, frameWidth: media.width,
            frameHeight: media.height, width: size.width, height: size.height)
        return (frame, isMap)
    }

    private func makeMap(_ media: MediaFrame) throws -> (width: Int, height: Int) {
        var bytes = [UInt8](repeating: 0, count: media.byteCount)
        var span = bytes.mutableSpan
        var raw = unsafe span.mutableBytes
        reader.copyFrame(into: &raw)
        if media.pixelFormat == .jpeg { return try decode(bytes.span) }
        let layout = try PictureLayout(format: media.pixelFormat, width: media.width, height: media.height)
        return try average(bytes.span, layout, factor: LumaMap.factor(width: media.width, height: media.height))
    }

    /// libturbojpeg scales down to an eighth; what is still too large is averaged.
    private func decode(_ jpeg: Span<UInt8>) throws -> (width: Int, height: Int) {
        let header = try decoder.header(of: jpeg)
        let factor = LumaMap.factor(width: header.width, height: header.height)
        let scale = JPEGScale.allCases.last { $0.rawValue <= factor } ?? .full
        let size = header.size(at: scale)
        var pixels = [UInt8](repeating: 0, count: size.width * size.height)
        var target = pixels.mutableSpan
        let decoded = try decoder.decodeLuma(jpeg, scale: scale, into: &target)
        guard factor > scale.rawValue else {
            map = pixels
            return (decoded.width, decoded.height)
        }
        let layout = try PictureLayout(format: .gray8, width: decoded.width, height: decoded.height)
        return try average(pixels.span, layout, factor: factor / scale.rawValue)
    }

    private func average(
        _ source: Span<UInt8>, _ layout: PictureLayout, factor: Int
    ) throws -> (width: Int, height: Int) {
        let size = LumaMap.size(width: layout.width, height: layout.height, factor: factor)
        var smaller = [UInt8](repeating: 0, count: size.width * size.height)
        var target = smaller.mutableSpan
        try LumaMap.average(source, layout: layout, factor: factor, into: &target)
        map = smaller
        return size
    }
}
