/// The size of the small JPEG of a picture (proto-spec/work.md).
package enum SubPicture {
    /// Returns the factor by which a picture is reduced: the first of 1, 2 and 4 that makes it no wider than `limit`,
    /// else 8.
    ///
    /// - Parameters:
    ///   - width: the picture's width, pixels.
    ///   - limit: the maximum width of the small JPEG, pixels.
    package static func factor(width: Int, limit: Int) -> Int {
        [1, 2, 4].first { (width + $0 - 1) / $0 <= limit } ?? 8
    }

    /// Returns the size of the small JPEG, pixels, rounded up.
    package static func size(width: Int, height: Int, limit: Int) -> (width: Int, height: Int) {
        let factor = factor(width: width, limit: limit)
        return ((width + factor - 1) / factor, (height + factor - 1) / factor)
    }
}
