package import SecamWire

/// Where the rows and planes of an uncompressed picture lie in its bytes, checked once: whoever has a layout need
/// only compare ``byteCount`` with the bytes at hand.
package struct PictureLayout: Sendable, Equatable {
    package let format: PixelFormat
    /// Pixels.
    package let width: Int
    /// Pixels.
    package let height: Int
    /// Bytes from the start of a row (of the first plane) to the next.
    package let bytesPerLine: Int

    /// - Parameter bytesPerLine: as the device says; `nil` when rows lie side by side without padding.
    /// - Throws: ``PictureError/badSize(width:height:)``, ``PictureError/unsupportedFormat(_:)`` for JPEG,
    ///   ``PictureError/badBytesPerLine(_:needed:)``.
    package init(format: PixelFormat, width: Int, height: Int, bytesPerLine: Int? = nil) throws(PictureError) {
        guard PictureLimits.allows(width: width, height: height) else {
            throw .badSize(width: width, height: height)
        }
        guard let rowBytes = Self.rowBytes(format, width: width) else { throw .unsupportedFormat(format) }
        let stride = bytesPerLine ?? rowBytes
        guard stride >= rowBytes, stride <= PictureLimits.maximumBytesPerLine else {
            throw .badBytesPerLine(stride, needed: rowBytes)
        }
        self.format = format
        self.width = width
        self.height = height
        self.bytesPerLine = stride
    }

    /// The bytes that must be there. The padding after the last row need not be: devices leave it out.
    package var byteCount: Int {
        switch format {
        case .i420: secondChromaOffset + chromaBytesPerLine * (chromaHeight - 1) + chromaWidth
        case .nv12: chromaOffset + chromaBytesPerLine * (chromaHeight - 1) + 2 * chromaWidth
        case .yuyv: bytesPerLine * (height - 1) + 4 * chromaWidth
        case .rgb24: bytesPerLine * (height - 1) + 3 * width
        case .gray8, .jpeg: bytesPerLine * (height - 1) + width
        }
    }

    /// Columns of a half-size chroma plane.
    package var chromaWidth: Int { (width + 1) / 2 }
    /// Rows of a half-size chroma plane.
    package var chromaHeight: Int { (height + 1) / 2 }

    /// Bytes from one chroma row to the next: V4L2 pads the U and V rows of I420 half as much as those of Y, and the
    /// UV rows of NV12 just as much.
    package var chromaBytesPerLine: Int {
        format == .nv12 ? max(bytesPerLine, 2 * chromaWidth) : (bytesPerLine + 1) / 2
    }

    /// Where U (I420) or UV (NV12) begins.
    package var chromaOffset: Int { bytesPerLine * height }

    /// Where V of I420 begins.
    package var secondChromaOffset: Int { chromaOffset + chromaBytesPerLine * chromaHeight }

    /// Throws ``PictureError/sourceTooSmall(bytes:needed:)`` when the picture's bytes are not all there.
    func checkSource(_ bytes: Int) throws(PictureError) {
        guard bytes >= byteCount else { throw .sourceTooSmall(bytes: bytes, needed: byteCount) }
    }

    private static func rowBytes(_ format: PixelFormat, width: Int) -> Int? {
        switch format {
        case .jpeg: nil
        case .gray8, .nv12, .i420: width
        case .yuyv: 4 * ((width + 1) / 2)
        case .rgb24: 3 * width
        }
    }
}
