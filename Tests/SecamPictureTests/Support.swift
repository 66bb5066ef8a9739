import SecamPicture
import SecamTestSupport
import SecamWire

/// A picture of noise that looks up a pixel's values by the definition of its format.
struct NoisePicture {
    let layout: PictureLayout
    let bytes: [UInt8]

    init(_ format: PixelFormat, _ width: Int, _ height: Int, padding: Int, seed: UInt64 = 1) throws {
        let tight = try PictureLayout(format: format, width: width, height: height)
        layout = try PictureLayout(
            format: format, width: width, height: height, bytesPerLine: tight.bytesPerLine + padding)
        var noise = SeededGenerator(seed: seed)
        bytes = noise.bytes(layout.byteCount)
    }

    func luma(_ x: Int, _ y: Int) -> Int {
        let row = y * layout.bytesPerLine
        return Int(layout.format == .yuyv ? bytes[row + 2 * x] : bytes[row + x])
    }

    /// Returns U (`second` false) or V of the chroma sample in column `x`, half-size row `y`.
    func chroma(_ x: Int, _ y: Int, second: Bool) -> UInt8 {
        switch layout.format {
        case .yuyv:
            let offset = 4 * x + (second ? 3 : 1)
            let upper = Int(bytes[2 * y * layout.bytesPerLine + offset])
            let lower = Int(bytes[min(2 * y + 1, layout.height - 1) * layout.bytesPerLine + offset])
            return UInt8((upper + lower + 1) / 2)
        case .nv12:
            return bytes[layout.chromaOffset + y * layout.chromaBytesPerLine + 2 * x + (second ? 1 : 0)]
        default:
            let plane = second ? layout.secondChromaOffset : layout.chromaOffset
            return bytes[plane + y * layout.chromaBytesPerLine + x]
        }
    }

    /// Returns the picture as I420 by definition: one plane after the other.
    func i420() -> [UInt8] {
        var result: [UInt8] = []
        for y in 0..<layout.height { for x in 0..<layout.width { result.append(UInt8(luma(x, y))) } }
        for second in [false, true] {
            for y in 0..<(layout.height + 1) / 2 {
                for x in 0..<(layout.width + 1) / 2 { result.append(chroma(x, y, second: second)) }
            }
        }
        return result
    }
}

/// Runs `body` on a buffer of `count` bytes. Returns the bytes written, and whether the bytes after the buffer are
/// intact.
func written(_ count: Int, _ body: (inout MutableSpan<UInt8>) throws -> Void) rethrows -> (bytes: [UInt8], kept: Bool) {
    var memory = [UInt8](repeating: 0xa5, count: count + 64)
    try unsafe memory.withUnsafeMutableBufferPointer { all in
        var room = unsafe UnsafeMutableBufferPointer(rebasing: all[..<count]).mutableSpan
        try body(&room)
    }
    return (Array(memory[..<count]), memory[count...].allSatisfy { $0 == 0xa5 })
}
