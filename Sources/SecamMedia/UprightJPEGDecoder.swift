import SecamWire

/// A decoder of JPEGs that no viewer shows as they are: with CMYK colours, an unusual subsampling, or turned as their
/// EXIF data say.
package final class UprightJPEGDecoder {
    private var decoder: AVDecoder?
    private var orientation = 1

    package init() {}

    /// Decodes a JPEG to planar 4:2:0 in full range, without padding, and turns it upright.
    ///
    /// - Parameter orientation: 1 to 8, as EXIF defines it.
    /// - Returns: `nil` if it cannot be decoded.
    package func decode(_ jpeg: [UInt8], orientation: Int) -> (bytes: [UInt8], width: Int, height: Int)? {
        do throws(MediaError) {
            if decoder == nil || orientation != self.orientation {
                decoder = try AVDecoder(
                    jpegsOf: "JPEG", transform: PictureTransform(exifOrientation: orientation))
                self.orientation = orientation
            }
            guard let decoder, decoder.send(jpeg: jpeg),
                case .picture(let format, let width, let height, _) = try decoder.receive(),
                let count = format.byteCount(width: width, height: height), format == .i420
            else { return reset() }
            var bytes = [UInt8](repeating: 0, count: count)
            unsafe bytes.withUnsafeMutableBytes { unsafe decoder.copyPicture(into: $0) }
            return (bytes, width, height)
        } catch {
            return reset()
        }
    }

    private func reset() -> (bytes: [UInt8], width: Int, height: Int)? {
        decoder = nil
        return nil
    }
}
