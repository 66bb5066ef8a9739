import CTurboJPEG
import SecamPicture
package import SecamWire

/// An encoder of JPEG images (4:2:0, or grey), with libturbojpeg. Each thread has its own, which reuses its buffers.
package struct JPEGEncoder: ~Copyable, Sendable {
    private var codec: TurboJPEG
    private var output = ScratchBuffer()
    private var planar = ScratchBuffer()
    private var even = ScratchBuffer()

    /// - Throws: ``JPEGError/outOfMemory``.
    package init() throws(JPEGError) {
        codec = try TurboJPEG(compressing: true)
    }

    /// Encodes a picture whose rows have no padding (see ``SecamPicture/Repack``).
    ///
    /// I420, RGB24 and GRAY8 are passed to libturbojpeg unchanged; YUYV and NV12 are first converted to I420.
    ///
    /// - Parameters:
    ///   - quality: 1 to 100; other values are clamped.
    ///   - body: receives the image, which is valid until `body` returns.
    /// - Throws: ``JPEGError/picture(_:)`` if the size or the number of bytes is wrong,
    ///   ``JPEGError/alreadyEncoded``, ``JPEGError/encoding(_:)``.
    package mutating func encode<Result: ~Copyable>(
        _ picture: Span<UInt8>, format: PixelFormat, width: Int, height: Int, quality: Int,
        _ body: (Span<UInt8>) -> Result
    ) throws(JPEGError) -> Result {
        if format == .jpeg { throw .alreadyEncoded }
        let layout: PictureLayout
        do throws(PictureError) {
            layout = try PictureLayout(format: format, width: width, height: height)
            guard picture.count >= layout.byteCount else {
                throw .sourceTooSmall(bytes: picture.count, needed: layout.byteCount)
            }
        } catch { throw .picture(error) }

        let chroma: JPEGHeader.Chroma = format == .gray8 ? .gray : .yuv420
        let room = unsafe output.bytes(Int(tjBufSize(CInt(width), CInt(height), chroma.code)))
        var size: CUnsignedLong = 0
        let outcome = try unsafe compress(picture, layout, quality: CInt(min(max(quality, 1), 100)), into: room, &size)
        switch outcome {
        case .success: break
        case .warning(let reason), .failure(let reason): throw .encoding(reason)
        }
        return body(unsafe UnsafeBufferPointer(rebasing: room[..<Int(size)]).span)
    }

    private mutating func compress(
        _ picture: Span<UInt8>, _ layout: PictureLayout, quality: CInt, into room: UnsafeMutableBufferPointer<UInt8>,
        _ size: inout CUnsignedLong
    ) throws(JPEGError) -> TurboJPEG.Outcome {
        switch layout.format {
        case .rgb24:
            return unsafe picture.withUnsafeBufferPointer { pixels in
                unsafe codec.call { handle in
                    unsafe secam_compress_rgb(
                        handle, pixels.baseAddress, CInt(layout.width), CInt(layout.height),
                        JPEGHeader.Chroma.yuv420.code, room.baseAddress, &size, quality, TJFLAG_FASTDCT)
                }
            }
        case .yuyv, .nv12:
            let scratch = unsafe planar.bytes(Repack.byteCount(of: layout))
            var planes = unsafe scratch.mutableSpan
            do throws(PictureError) {
                try Repack.copy(picture, layout: layout, into: &planes)
            } catch { throw .picture(error) }
            return unsafe compressPlanes(
                UnsafeBufferPointer(scratch), layout, .yuv420, quality, into: room, &size)
        case .i420, .gray8, .jpeg:
            let chroma: JPEGHeader.Chroma = layout.format == .gray8 ? .gray : .yuv420
            return unsafe picture.withUnsafeBufferPointer { bytes in
                unsafe compressPlanes(bytes, layout, chroma, quality, into: room, &size)
            }
        }
    }

    private mutating func compressPlanes(
        _ bytes: UnsafeBufferPointer<UInt8>, _ layout: PictureLayout, _ chroma: JPEGHeader.Chroma, _ quality: CInt,
        into room: UnsafeMutableBufferPointer<UInt8>, _ size: inout CUnsignedLong
    ) -> TurboJPEG.Outcome {
        let y = bytes.baseAddress
        let u = unsafe y.map { unsafe $0 + layout.width * layout.height }
        let v = unsafe u.map { unsafe $0 + layout.chromaWidth * layout.chromaHeight }
        let plane = chroma.planeSize(0, width: layout.width, height: layout.height)
        let luma = unsafe plane == (layout.width, layout.height) ? y : evenLuma(bytes, layout, plane)
        return unsafe codec.call { handle in
            unsafe secam_compress_planes(
                handle, luma, u, v, CInt(layout.width), CInt(layout.height), chroma.code, room.baseAddress, &size,
                quality, TJFLAG_FASTDCT)
        }
    }

    /// Returns a copy of the luma with the last column and row repeated to an even size, because libturbojpeg reads
    /// planes of even size.
    private mutating func evenLuma(
        _ bytes: UnsafeBufferPointer<UInt8>, _ layout: PictureLayout, _ size: (width: Int, height: Int)
    ) -> UnsafePointer<UInt8>? {
        let copy = unsafe even.bytes(size.width * size.height)
        for row in 0..<size.height {
            let from = min(row, layout.height - 1) * layout.width
            let to = row * size.width
            for column in 0..<size.width {
                unsafe copy[to + column] = unsafe bytes[from + min(column, layout.width - 1)]
            }
        }
        return unsafe UnsafePointer(copy.baseAddress)
    }
}
