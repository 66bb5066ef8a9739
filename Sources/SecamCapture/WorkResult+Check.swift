import SecamWire

extension WorkResult {
    /// Returns whether the result holds each requested rendition once and no other, none larger than its picture, and
    /// fills its payload.
    func fits(_ picture: CapturedPicture, bytes: Int) -> Bool {
        let made = renditions.reduce(into: RenditionSet()) { $0.insert(RenditionSet($1.rendition)) }
        return made == picture.requested && renditions.count == picture.requested.rawValue.nonzeroBitCount
            && renditions.allSatisfy { $0.length > 0 && $0.fits(picture) }
            && renditions.reduce(0) { $0 + Int($1.length) } == bytes
    }
}

extension WorkResult.Made {
    /// Maximum size of a JPEG's headers, bytes.
    private static let headerLimit = 4096

    /// Returns whether the rendition is no larger than its picture.
    ///
    /// A luma map has one byte for each pixel. The others are JPEGs with at most three bytes for each pixel of the
    /// whole blocks that cover the picture: no encoder needs more, even for noise in the best quality.
    fileprivate func fits(_ picture: CapturedPicture) -> Bool {
        guard width <= picture.width, height <= picture.height else { return false }
        switch rendition {
        case .jpeg, .sub:
            let blocks = ((Int(picture.width) + 15) / 16, (Int(picture.height) + 15) / 16)
            return format == .jpeg && Int(length) <= blocks.0 * blocks.1 * 16 * 16 * 3 + Self.headerLimit
                && Int(length) <= CameraService.frameLimit
        case .luma: return format == .gray8 && Int(length) == Int(width) * Int(height)
        }
    }
}
