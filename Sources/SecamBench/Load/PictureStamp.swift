import SecamJPEG

/// A frame's number in the picture's top left corner: 32 cells of 8x8 pixels, the lowest bit first, white for 1. It
/// survives encoding, so that any program's output tells which frame it shows.
enum PictureStamp {
    static let bits = 32
    private static let cell = 8

    /// Writes a number into a YUYV picture without padding.
    static func write(_ number: UInt32, intoYUYV picture: inout [UInt8], width: Int) {
        for y in 0..<cell {
            for x in 0..<min(bits * cell, width) {
                let index = (y * width + x) * 2
                guard index + 1 < picture.count else { return }
                picture[index] = number >> UInt32(x / cell) & 1 == 1 ? 235 : 16
                picture[index + 1] = 128
            }
        }
    }

    /// Reads the number back; `nil` when the picture cannot be decoded or is too narrow.
    static func read(_ jpeg: [UInt8], with decoder: inout JPEGDecoder, _ buffer: inout [UInt8]) -> UInt32? {
        do throws(JPEGError) {
            // An eighth of the size is the mean of each block: a pixel for each cell.
            let size = try decoder.header(of: jpeg.span).size(at: .eighth)
            guard size.width >= bits else { return nil }
            if buffer.count != size.width * size.height {
                buffer = [UInt8](repeating: 0, count: size.width * size.height)
            }
            var target = buffer.mutableSpan
            _ = try decoder.decodeLuma(jpeg.span, scale: .eighth, into: &target)
            return (0..<bits).reduce(0) { number, bit in number | (buffer[bit] >= 128 ? 1 << UInt32(bit) : 0) }
        } catch {
            return nil
        }
    }
}
