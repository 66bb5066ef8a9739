import SecamPicture
import SecamWire

extension WorkResult {
    /// Returns what does not fit the picture; `nil` if the result holds each requested rendition once and no other,
    /// each of the size that follows from the picture, and fills its payload.
    func mismatch(with picture: CapturedPicture, payload: Span<UInt8>) -> String? {
        let made = renditions.reduce(into: RenditionSet()) { $0.insert(RenditionSet($1.rendition)) }
        guard made == picture.requested, renditions.count == picture.requested.rawValue.nonzeroBitCount else {
            return "other renditions than requested"
        }
        guard renditions.reduce(0, { $0 + Int($1.length) }) == payload.count else {
            return "the renditions do not fill the payload"
        }
        var start = 0
        for made in renditions {
            let end = start + Int(made.length)
            guard made.fits(picture, payload.extracting(start..<end)) else {
                return "a \(made.rendition) of \(made.width)x\(made.height) and \(made.length) bytes for a picture of "
                    + "\(picture.width)x\(picture.height)"
            }
            start = end
        }
        return nil
    }
}

extension EncodedRendition {
    /// Maximum size of a JPEG's headers, bytes.
    private static let headerLimit = 4096

    /// Returns whether the rendition has the size that follows from its picture.
    ///
    /// A JPEG has at most three bytes for each pixel of the whole blocks that cover the picture: no encoder needs more,
    /// even for noise in the best quality.
    fileprivate func fits(_ picture: CapturedPicture, _ bytes: Span<UInt8>) -> Bool {
        guard (Int(width), Int(height)) == size(of: picture) else { return false }
        guard rendition != .luma else { return format == .gray8 && bytes.count == Int(width) * Int(height) }
        let blocks = ((Int(width) + 15) / 16) * ((Int(height) + 15) / 16)
        guard format == .jpeg, bytes.count <= blocks * 16 * 16 * 3 + Self.headerLimit,
            bytes.count <= CameraService.frameLimit, let header = JPEGFrameHeader(bytes)
        else { return false }
        return header.width == Int(width) && header.height == Int(height)
    }

    private func size(of picture: CapturedPicture) -> (width: Int, height: Int) {
        let (width, height) = (Int(picture.width), Int(picture.height))
        switch rendition {
        case .jpeg: return (width, height)
        case .sub: return SubPicture.size(width: width, height: height, limit: Int(picture.subWidth))
        case .luma:
            let factor = LumaMap.factor(width: width, height: height)
            return LumaMap.size(width: width, height: height, factor: factor)
        }
    }
}
