package import SecamWire

/// The layout of an uncompressed picture's rows and planes. It is validated once, so users only have to compare
/// ``byteCount`` with the size of their buffer.
package struct PictureLayout: Sendable, Equatable {
    package let format: PixelFormat
    /// Pixels.
    package let width: Int
    /// Pixels.
    package let height: Int
    /// Bytes from the start of a row (of the first plane) to the next.
    package let bytesPerLine: Int

    /// - Parameter bytesPerLine: bytes per row, as reported by the device; `nil` for rows without padding.
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

    /// Minimum size of the picture, bytes. It excludes the padding of the last row, which devices may omit.
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

    /// Bytes from one chroma row to the next. V4L2 pads the U and V rows of I420 half as much as those of Y, and the UV
    /// rows of NV12 equally.
    package var chromaBytesPerLine: Int {
        format == .nv12 ? max(bytesPerLine, 2 * chromaWidth) : (bytesPerLine + 1) / 2
    }

    /// Offset of U (I420) or UV (NV12).
    package var chromaOffset: Int { bytesPerLine * height }

    /// Offset of V in I420.
    package var secondChromaOffset: Int { chromaOffset + chromaBytesPerLine * chromaHeight }

    /// Throws ``PictureError/sourceTooSmall(bytes:needed:)`` if a picture of `bytes` bytes is truncated.
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
