package import SecamWire

/// A copy of a picture from a device's buffer to a packed one.
///
/// The buffer goes back to the device, so a copy is needed anyway. The same pass removes padding and converts 4:2:2 and
/// NV12 to I420, the input of the JPEG encoder, with a quarter fewer bytes to encrypt than YUYV.
package enum Repack {
    /// Returns the format of a picture after repacking; `nil` for JPEG, which has no rows.
    package static func result(of format: PixelFormat) -> PixelFormat? {
        switch format {
        case .jpeg: nil
        case .yuyv, .nv12, .i420: .i420
        case .rgb24: .rgb24
        case .gray8: .gray8
        }
    }

    /// Returns the size of the repacked picture, bytes.
    package static func byteCount(of layout: PictureLayout) -> Int {
        result(of: layout.format)?.byteCount(width: layout.width, height: layout.height) ?? 0
    }

    /// Copies a picture into the first bytes of `destination`, in the format ``result(of:)``.
    ///
    /// - Returns: the number of bytes written, ``byteCount(of:)``.
    /// - Throws: ``PictureError/sourceTooSmall(bytes:needed:)`` or ``PictureError/destinationTooSmall(bytes:needed:)``.
    @discardableResult
    package static func copy(
        _ source: Span<UInt8>, layout: PictureLayout, into destination: inout MutableSpan<UInt8>
    ) throws(PictureError) -> Int {
        try layout.checkSource(source.count)
        let needed = byteCount(of: layout)
        guard destination.count >= needed else {
            throw .destinationTooSmall(bytes: destination.count, needed: needed)
        }
        unsafe source.withUnsafeBufferPointer { source in
            unsafe destination.withUnsafeMutableBufferPointer { destination in
                // A picture has at least one byte, so neither address is `nil`.
                guard let from = source.baseAddress, let to = destination.baseAddress else { return }
                unsafe copy(from, layout, into: to)
            }
        }
        return needed
    }

    private static func copy(
        _ source: UnsafePointer<UInt8>, _ layout: PictureLayout, into target: UnsafeMutablePointer<UInt8>
    ) {
        switch layout.format {
        case .yuyv:
            unsafe copyYUYV(source, layout, into: target)
        case .nv12:
            unsafe copyNV12(source, layout, into: target)
        case .i420:
            unsafe copyI420(source, layout, into: target)
        case .rgb24:
            unsafe copyRows(
                source, bytesPerLine: layout.bytesPerLine, into: target, rowBytes: 3 * layout.width,
                rows: layout.height)
        case .gray8, .jpeg:
            unsafe copyRows(
                source, bytesPerLine: layout.bytesPerLine, into: target, rowBytes: layout.width, rows: layout.height)
        }
    }

    private static func copyYUYV(
        _ source: UnsafePointer<UInt8>, _ layout: PictureLayout, into target: UnsafeMutablePointer<UInt8>
    ) {
        let (width, height, chromaWidth) = (layout.width, layout.height, layout.chromaWidth)
        var u = unsafe target + width * height
        var v = unsafe u + chromaWidth * layout.chromaHeight
        // Two rows at a time, so that they are still in the first-level cache for their chroma.
        for row in stride(from: 0, to: height, by: 2) {
            let upper = unsafe source + row * layout.bytesPerLine
            let hasLower = row + 1 < height
            let lower = unsafe hasLower ? upper + layout.bytesPerLine : upper
            let luma = unsafe target + row * width
            unsafe RowKernels.evenBytes(upper, into: luma, count: width)
            if hasLower { unsafe RowKernels.evenBytes(lower, into: luma + width, count: width) }
            unsafe RowKernels.averagedChroma(upper, lower, into: u, v, count: chromaWidth)
            unsafe u += chromaWidth
            unsafe v += chromaWidth
        }
    }

    private static func copyNV12(
        _ source: UnsafePointer<UInt8>, _ layout: PictureLayout, into target: UnsafeMutablePointer<UInt8>
    ) {
        unsafe copyRows(
            source, bytesPerLine: layout.bytesPerLine, into: target, rowBytes: layout.width, rows: layout.height)
        let chromaWidth = layout.chromaWidth
        let chroma = unsafe source + layout.chromaOffset
        let u = unsafe target + layout.width * layout.height
        let v = unsafe u + chromaWidth * layout.chromaHeight
        for row in 0..<layout.chromaHeight {
            unsafe RowKernels.split(
                chroma + row * layout.chromaBytesPerLine, into: u + row * chromaWidth, v + row * chromaWidth,
                count: chromaWidth)
        }
    }

    private static func copyI420(
        _ source: UnsafePointer<UInt8>, _ layout: PictureLayout, into target: UnsafeMutablePointer<UInt8>
    ) {
        let (width, chromaWidth, chromaHeight) = (layout.width, layout.chromaWidth, layout.chromaHeight)
        unsafe copyRows(
            source, bytesPerLine: layout.bytesPerLine, into: target, rowBytes: width, rows: layout.height)
        let u = unsafe target + width * layout.height
        unsafe copyRows(
            source + layout.chromaOffset, bytesPerLine: layout.chromaBytesPerLine, into: u, rowBytes: chromaWidth,
            rows: chromaHeight)
        unsafe copyRows(
            source + layout.secondChromaOffset, bytesPerLine: layout.chromaBytesPerLine,
            into: u + chromaWidth * chromaHeight, rowBytes: chromaWidth, rows: chromaHeight)
    }

    private static func copyRows(
        _ source: UnsafePointer<UInt8>, bytesPerLine: Int, into target: UnsafeMutablePointer<UInt8>, rowBytes: Int,
        rows: Int
    ) {
        if bytesPerLine == rowBytes {
            unsafe target.update(from: source, count: rowBytes * rows)
            return
        }
        for row in 0..<rows {
            unsafe (target + row * rowBytes).update(from: source + row * bytesPerLine, count: rowBytes)
        }
    }
}
