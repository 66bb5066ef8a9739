import SecamJPEG
import SecamMedia
import SecamPicture
import SecamWire

/// A frame of a video, and its luma map's size.
package struct LumaFrame: Hashable, Sendable {
    /// Number in the file, from 0.
    package let number: Int
    package let timestampMicroseconds: Int64
    /// The frame's width in pixels.
    package let frameWidth: Int
    /// The frame's height in pixels.
    package let frameHeight: Int
    /// The map's width in pixels; 0 without a map.
    package let width: Int
    /// The map's height in pixels; 0 without a map.
    package let height: Int
}

/// A reader of a video file's luma maps, which it makes like cameras and encoders.
package final class LumaFootage {
    private let reader: MediaReader
    private var decoder: JPEGDecoder
    /// The last map.
    package private(set) var map: [UInt8] = []
    private var scratch: [UInt8] = []
    private var number = -1

    /// - Parameter path: a file, or a URL that SecamMedia can open.
    package init(path: String) throws {
        reader = try MediaReader(url: path)
        decoder = try JPEGDecoder()
    }

    /// Reads the next frame, and makes its map if wanted.
    ///
    /// - Parameter isWanted: returns whether to make the map of a frame at a time in microseconds; otherwise ``map`` stays.
    /// - Returns: `nil` at the end of the file.
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
        if media.pixelFormat == .jpeg {
            map.removeAll(keepingCapacity: true)
            return try decoder.appendLumaMap(of: bytes.span, to: &map, scratch: &scratch)
        }
        let layout = try PictureLayout(format: media.pixelFormat, width: media.width, height: media.height)
        let factor = LumaMap.factor(width: media.width, height: media.height)
        let size = LumaMap.size(width: media.width, height: media.height, factor: factor)
        var averaged = [UInt8](repeating: 0, count: size.width * size.height)
        var target = averaged.mutableSpan
        try LumaMap.average(bytes.span, layout: layout, factor: factor, into: &target)
        map = averaged
        return size
    }
}
