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
            if let problem = made.mismatch(with: picture, payload.extracting(start..<end)) {
                return "a \(made.rendition) of \(made.width)x\(made.height) and \(made.length) bytes for a picture of "
                    + "\(picture.width)x\(picture.height): \(problem)"
            }
            start = end
        }
        return nil
    }
}

extension EncodedRendition {
    /// Maximum size of a JPEG's headers, bytes.
    private static let headerLimit = 4096

    /// Returns why the rendition does not have the size that follows from its picture; `nil` if it has.
    ///
    /// A JPEG has at most three bytes for each pixel of the whole blocks that cover the picture: no encoder needs more,
    /// even for noise in the best quality.
    fileprivate func mismatch(with picture: CapturedPicture, _ bytes: Span<UInt8>) -> String? {
        let size = size(of: picture)
        guard (Int(width), Int(height)) == size else { return "expected \(size.width)x\(size.height)" }
        guard format == (rendition == .luma ? .gray8 : .jpeg) else { return "in the format \(format)" }
        guard rendition != .luma else {
            return bytes.count == size.width * size.height ? nil : "expected \(size.width * size.height) bytes"
        }
        let blocks = ((size.width + 15) / 16) * ((size.height + 15) / 16)
        let limit = min(blocks * 16 * 16 * 3 + Self.headerLimit, CameraService.frameLimit)
        guard bytes.count <= limit else { return "expected at most \(limit) bytes" }
        guard let header = JPEGFrameHeader(bytes) else { return "the JPEG has no frame header (SOF)" }
        guard header.width == size.width, header.height == size.height else {
            return "the JPEG's frame header (SOF) says \(header.width)x\(header.height)"
        }
        return nil
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
