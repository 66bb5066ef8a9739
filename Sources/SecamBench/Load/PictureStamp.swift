import SecamJPEG

/// A frame number in the top left corner of a picture: 32 cells of 8x8 pixels, lowest bit first, white for 1. It survives
/// JPEG encoding, so it identifies a frame in the output of any program.
enum PictureStamp {
    static let bits = 32
    private static let cell = 8

    /// Draws a number into a YUYV picture without padding.
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

    /// Returns the number in a JPEG; `nil` when the JPEG cannot be decoded or is too narrow.
    static func read(_ jpeg: [UInt8], with decoder: inout JPEGDecoder, _ buffer: inout [UInt8]) -> UInt32? {
        do throws(JPEGError) {
            // At an eighth of the size, each cell is one pixel, the mean of its block.
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
