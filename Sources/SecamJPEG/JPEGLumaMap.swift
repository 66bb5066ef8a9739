import SecamPicture
import SecamWire

extension JPEGDecoder {
    /// Appends the luma map of a JPEG to `bytes`. It decodes no more pixels than needed: at an eighth of the size at
    /// the smallest, and averages the result where that is still too large (see ``SecamPicture/LumaMap``).
    ///
    /// - Parameter scratch: memory to reuse from picture to picture.
    /// - Returns: the map's size in pixels.
    /// - Throws: the errors of ``header(of:)``.
    package mutating func appendLumaMap(
        of jpeg: Span<UInt8>, to bytes: inout [UInt8], scratch: inout [UInt8]
    ) throws(JPEGError) -> (width: Int, height: Int) {
        let header = try header(of: jpeg)
        let factor = LumaMap.factor(width: header.width, height: header.height)
        let scale = JPEGScale(rawValue: min(factor, JPEGScale.eighth.rawValue))!
        let size = header.size(at: scale)
        if scratch.count != size.width * size.height {
            scratch = [UInt8](repeating: 0, count: size.width * size.height)
        }
        var target = scratch.mutableSpan
        _ = try decodeLuma(jpeg, scale: scale, into: &target)
        guard factor > scale.rawValue else {
            bytes += scratch
            return size
        }
        do throws(PictureError) {
            let layout = try PictureLayout(format: .gray8, width: size.width, height: size.height)
            let rest = factor / scale.rawValue
            let mapSize = LumaMap.size(width: size.width, height: size.height, factor: rest)
            var map = [UInt8](repeating: 0, count: mapSize.width * mapSize.height)
            var mapTarget = map.mutableSpan
            try LumaMap.average(scratch.span, layout: layout, factor: rest, into: &mapTarget)
            bytes += map
            return mapSize
        } catch {
            throw .picture(error)
        }
    }
}
