import SecamJPEG
import SecamPicture
import SecamWire

/// The result of decoding an image.
struct Decoded: Equatable {
    let picture: JPEGPicture
    let bytes: [UInt8]
    /// The bytes after the picture are intact.
    let kept: Bool

    var gray: PictureLayout {
        get throws { try PictureLayout(format: .gray8, width: picture.width, height: picture.height) }
    }
}

/// Decodes into `count` bytes that initially contain `old`.
func decoded(
    _ count: Int, old: UInt8 = 0xa5, _ body: (inout MutableSpan<UInt8>) throws(JPEGError) -> JPEGPicture
) throws(JPEGError) -> Decoded {
    var memory = [UInt8](repeating: old, count: count + 64)
    let picture = try unsafe memory.withUnsafeMutableBufferPointer { all throws(JPEGError) in
        var room = unsafe UnsafeMutableBufferPointer(rebasing: all[..<count]).mutableSpan
        return try body(&room)
    }
    return Decoded(
        picture: picture, bytes: Array(memory[..<count]), kept: memory[count...].allSatisfy { $0 == old })
}

extension JPEGDecoder {
    /// Decodes into a buffer of exactly the header's size.
    mutating func pixels(
        _ jpeg: [UInt8], _ pixels: JPEGPixels, _ scale: JPEGScale = .full, old: UInt8 = 0xa5
    ) throws(JPEGError) -> Decoded {
        let size = try header(of: jpeg.span).size(at: scale)
        return try decoded(size.width * size.height * pixels.bytesPerPixel, old: old) { room throws(JPEGError) in
            try decode(jpeg.span, as: pixels, scale: scale, into: &room)
        }
    }

    /// Decodes into a buffer of exactly the header's size.
    mutating func i420(_ jpeg: [UInt8], _ scale: JPEGScale = .full, old: UInt8 = 0xa5) throws(JPEGError) -> Decoded {
        let size = try header(of: jpeg.span).size(at: scale)
        let count = PixelFormat.i420.byteCount(width: size.width, height: size.height) ?? 0
        return try decoded(count, old: old) { room throws(JPEGError) in
            try decodeI420(jpeg.span, scale: scale, into: &room)
        }
    }
}

extension JPEGEncoder {
    mutating func image(
        _ picture: [UInt8], _ format: PixelFormat, _ width: Int, _ height: Int, quality: Int = 80
    ) throws(JPEGError) -> [UInt8] {
        try encode(picture.span, format: format, width: width, height: height, quality: quality) { jpeg in
            jpeg.indices.map { jpeg[$0] }
        }
    }
}

/// Returns a frame of the test picture.
func testFrame(_ width: Int, _ height: Int, frame: UInt64 = 0x1234_5678) throws -> [UInt8] {
    let picture = try TestPicture(width: width, height: height, framesPerSecond: 30)
    var bytes = [UInt8](repeating: 0, count: picture.layout.byteCount)
    var room = bytes.mutableSpan
    try picture.render(frame: frame, utcMicroseconds: 1_800_000_000_000_000, into: &room)
    return bytes
}

/// Returns the mean difference of two pictures' bytes.
func difference(_ one: some Sequence<UInt8>, _ two: some Sequence<UInt8>) -> Double {
    let differences = zip(one, two).map { abs(Int($0) - Int($1)) }
    return Double(differences.reduce(0, +)) / Double(max(differences.count, 1))
}
