import CTurboJPEG
import Glibc
import SecamPicture
import SecamWire

/// A decoder of untrusted JPEG images, with libturbojpeg. Each thread has its own.
///
/// Size and memory use are checked before any allocation or decoding, and images with too many scans are rejected.
package struct JPEGDecoder: ~Copyable, Sendable {
    private var codec: TurboJPEG
    private var planes = ScratchBuffer()
    /// Maximum number of pixels in all scans together. A progressive image has about ten scans; hundreds of empty ones
    /// in a few kilobytes would take seconds.
    private static let scannedPixelLimit = 1 << 28
    /// Default limit of the memory for one image, including the decoded picture, bytes: enough for any baseline image
    /// within ``SecamPicture/PictureLimits`` and for a progressive 4K one.
    package static let defaultMemoryLimit = 128 << 20
    private let memoryLimit: Int

    /// - Parameter memoryLimit: maximum memory for one image, including the decoded picture, bytes.
    /// - Throws: ``JPEGError/outOfMemory``.
    package init(memoryLimit: Int = defaultMemoryLimit) throws(JPEGError) {
        self.memoryLimit = memoryLimit
        codec = try TurboJPEG(compressing: false)
    }

    /// Reads an image's header, which takes some microseconds.
    ///
    /// - Throws: ``JPEGError/invalid(_:)``, ``JPEGError/tooLarge(width:height:)``,
    ///   ``JPEGError/tooMuchMemory(bytes:limit:)``, ``JPEGError/unsupportedColors``.
    package mutating func header(of jpeg: Span<UInt8>) throws(JPEGError) -> JPEGHeader {
        var (width, height, sampling, colors) = (CInt(0), CInt(0), CInt(0), CInt(0))
        let outcome = unsafe jpeg.withUnsafeBufferPointer { bytes in
            unsafe codec.call { handle in
                unsafe tjDecompressHeader3(
                    handle, bytes.baseAddress, CUnsignedLong(bytes.count), &width, &height, &sampling, &colors)
            }
        }
        switch outcome {
        // libturbojpeg accepts an image that only holds tables.
        case .success where width <= 0 || height <= 0: throw .invalid("it contains no picture")
        case .success: break
        case .failure(let reason): throw .invalid(reason)
        // The image is damaged, but the header's fields are known.
        case .warning where width > 0 && height > 0: break
        case .warning(let reason): throw .invalid(reason)
        }
        guard PictureLimits.allows(width: Int(width), height: Int(height)) else {
            throw .tooLarge(width: Int(width), height: Int(height))
        }
        guard Self.scans(in: jpeg) * Int(width) * Int(height) <= Self.scannedPixelLimit else {
            throw .invalid("it has too many scans")
        }
        if colors == CInt(TJCS_CMYK.rawValue) || colors == CInt(TJCS_YCCK.rawValue) { throw .unsupportedColors }
        guard let chroma = JPEGHeader.Chroma(code: sampling) else {
            throw .invalid("unknown chroma subsampling")
        }
        let header = JPEGHeader(
            width: Int(width), height: Int(height), chroma: chroma,
            keepsCoefficients: JPEGMarkers.keepCoefficients(jpeg))
        try check(memory: header.coefficientBytes)
        return header
    }

    private func check(memory bytes: Int) throws(JPEGError) {
        guard bytes <= memoryLimit else { throw .tooMuchMemory(bytes: bytes, limit: memoryLimit) }
    }

    /// Returns an upper bound of the number of scans; scans of embedded images count too.
    private static func scans(in jpeg: Span<UInt8>) -> Int {
        unsafe jpeg.withUnsafeBufferPointer { bytes in
            var count = 0
            var rest = UnsafeRawBufferPointer(bytes)
            while let start = rest.baseAddress, let marker = unsafe memchr(start, 0xff, rest.count) {
                let next = unsafe UnsafeRawPointer(marker) - start + 1
                guard next < rest.count else { break }
                if unsafe rest[next] == 0xda { count += 1 }
                unsafe rest = UnsafeRawBufferPointer(rebasing: rest[next...])
            }
            return count
        }
    }

    /// Decodes into the first bytes of `destination`, rows without padding. The size is ``JPEGHeader/size(at:)`` times
    /// ``JPEGPixels/bytesPerPixel``.
    ///
    /// ``JPEGPixels/gray`` at ``JPEGScale/eighth`` is the cheapest decoding: the mean luma of each block.
    ///
    /// - Throws: the errors of ``header(of:)``, and ``JPEGError/picture(_:)`` if `destination` is too small.
    package mutating func decode(
        _ jpeg: Span<UInt8>, as pixels: JPEGPixels, scale: JPEGScale = .full, into destination: inout MutableSpan<UInt8>
    ) throws(JPEGError) -> JPEGPicture {
        let header = try header(of: jpeg)
        let (width, height) = header.size(at: scale)
        let needed = width * height * pixels.bytesPerPixel
        try check(destination.count, needed: needed)
        try check(memory: header.coefficientBytes + needed)
        // Luma is for programs, for which the rounding of the fast transform is negligible.
        let flags = TJFLAG_LIMITSCANS | (pixels == .gray ? TJFLAG_FASTDCT : 0)
        let outcome = unsafe jpeg.withUnsafeBufferPointer { bytes in
            unsafe destination.withUnsafeMutableBufferPointer { target in
                unsafe codec.decode {
                    unsafe target[..<needed].update(repeating: 0)
                } _: { handle in
                    unsafe tjDecompress2(
                        handle, bytes.baseAddress, CUnsignedLong(bytes.count), target.baseAddress, CInt(width), 0,
                        CInt(height), pixels.code, flags)
                }
            }
        }
        return try picture(outcome, width, height)
    }

    /// Decodes luma only: ``decode(_:as:scale:into:)`` with ``JPEGPixels/gray``.
    package mutating func decodeLuma(
        _ jpeg: Span<UInt8>, scale: JPEGScale, into destination: inout MutableSpan<UInt8>
    ) throws(JPEGError) -> JPEGPicture {
        try decode(jpeg, as: .gray, scale: scale, into: &destination)
    }

    /// Decodes into the first bytes of `destination` as I420 without padding, without a conversion to RGB. Chroma with
    /// a higher resolution than 4:2:0 (most webcams deliver 4:2:2) is averaged.
    ///
    /// - Throws: the errors of ``header(of:)``, and ``JPEGError/picture(_:)`` if `destination` is too small.
    package mutating func decodeI420(
        _ jpeg: Span<UInt8>, scale: JPEGScale = .full, into destination: inout MutableSpan<UInt8>
    ) throws(JPEGError) -> JPEGPicture {
        let header = try header(of: jpeg)
        let (width, height) = header.size(at: scale)
        let target = I420Target(width: width, height: height)
        try check(destination.count, needed: target.byteCount)
        let scratch = Self.scratchBytes(header.chroma, target)
        try check(memory: header.coefficientBytes + target.byteCount + scratch.luma + 2 * scratch.color)
        let outcome = unsafe destination.withUnsafeMutableBufferPointer { bytes in
            unsafe decodePlanes(jpeg, header.chroma, target, into: bytes)
        }
        return try picture(outcome, width, height)
    }

    /// Returns the sizes of the image's planes that cannot be decoded directly into the destination, bytes.
    private static func scratchBytes(
        _ subsampling: JPEGHeader.Chroma, _ target: I420Target
    ) -> (luma: Int, color: Int) {
        let luma = subsampling.planeSize(0, width: target.width, height: target.height)
        let color = subsampling.planeSize(1, width: target.width, height: target.height)
        return (
            luma == (target.width, target.height) ? 0 : luma.width * luma.height,
            subsampling == .yuv420 ? 0 : color.width * color.height
        )
    }

    private mutating func decodePlanes(
        _ jpeg: Span<UInt8>, _ subsampling: JPEGHeader.Chroma, _ target: I420Target,
        into destination: UnsafeMutableBufferPointer<UInt8>
    ) -> TurboJPEG.Outcome {
        let luma = subsampling.planeSize(0, width: target.width, height: target.height)
        let color = subsampling.planeSize(1, width: target.width, height: target.height)
        let lumaDirect = luma == (target.width, target.height)
        let colorDirect = subsampling == .yuv420
        let (scratchLuma, scratchColor) = Self.scratchBytes(subsampling, target)
        let scratch = unsafe planes.bytes(scratchLuma + 2 * scratchColor)
        guard let y = destination.baseAddress else { return .success }
        let u = unsafe y + target.lumaBytes
        let v = unsafe u + target.chromaBytes
        let from = scratch.baseAddress
        let decodedY = unsafe lumaDirect ? y : from
        let decodedU = unsafe colorDirect ? u : from.map { unsafe $0 + scratchLuma }
        let decodedV = unsafe colorDirect ? v : from.map { unsafe $0 + scratchLuma + scratchColor }
        let outcome = unsafe jpeg.withUnsafeBufferPointer { bytes in
            unsafe codec.decode {
                unsafe destination[..<target.byteCount].update(repeating: 0)
                unsafe scratch.update(repeating: 0)
            } _: { handle in
                unsafe secam_decompress_planes(
                    handle, bytes.baseAddress, CUnsignedLong(bytes.count), decodedY, decodedU, decodedV,
                    CInt(target.width), CInt(target.height), TJFLAG_LIMITSCANS)
            }
        }
        if case .failure = outcome { return outcome }
        if !lumaDirect, let decodedY = unsafe decodedY {
            for row in 0..<target.height {
                unsafe (y + row * target.width).update(from: decodedY + row * luma.width, count: target.width)
            }
        }
        if subsampling == .gray {
            unsafe u.update(repeating: 128, count: 2 * target.chromaBytes)
        } else if !colorDirect, let decodedU = unsafe decodedU, let decodedV = unsafe decodedV {
            unsafe ChromaResampling.halve(decodedU, color, of: subsampling, into: u, target)
            unsafe ChromaResampling.halve(decodedV, color, of: subsampling, into: v, target)
        }
        return outcome
    }

    private func check(_ bytes: Int, needed: Int) throws(JPEGError) {
        guard bytes >= needed else { throw .picture(.destinationTooSmall(bytes: bytes, needed: needed)) }
    }

    private func picture(_ outcome: TurboJPEG.Outcome, _ width: Int, _ height: Int) throws(JPEGError) -> JPEGPicture {
        switch outcome {
        case .success: JPEGPicture(width: width, height: height, isDamaged: false)
        case .warning: JPEGPicture(width: width, height: height, isDamaged: true)
        case .failure(let reason): throw .invalid(reason)
        }
    }
}
