import SecamPicture
import SecamWire

/// A picture of slopes and a square, defined pixel by pixel, in any raw format.
struct Slopes {
    let width: Int
    let height: Int

    /// Returns the luma and chroma of a pixel, in JPEG's full range.
    func pixel(_ x: Int, _ y: Int) -> (y: Int, u: Int, v: Int) {
        let inSquare = x > width / 3 && x < width / 2 && y > height / 3 && y < height / 2
        return (inSquare ? 200 : 40 + 120 * x / width, 90 + 60 * y / height, inSquare ? 150 : 120)
    }

    func bytes(_ format: PixelFormat) -> [UInt8] {
        switch format {
        case .jpeg: return []
        case .gray8: return rows { x, y in [pixel(x, y).y] }
        case .rgb24: return rows { x, y in rgb(pixel(x, y)) }
        case .yuyv:
            return (0..<height).flatMap { y in
                (0..<(width + 1) / 2).flatMap { pair -> [UInt8] in
                    let (left, right) = (pixel(2 * pair, y), pixel(min(2 * pair + 1, width - 1), y))
                    return [left.y, left.u, right.y, left.v].map { UInt8($0) }
                }
            }
        case .nv12: return rows { x, y in [pixel(x, y).y] } + chroma { [$0.u, $0.v] }
        case .i420:
            return rows { x, y in [pixel(x, y).y] } + chroma { [$0.u] } + chroma { [$0.v] }
        }
    }

    /// Returns the rounded mean luma of each box.
    func means(factor: Int) -> [Int] {
        stride(from: 0, to: height, by: factor).flatMap { top in
            stride(from: 0, to: width, by: factor).map { left in
                var (sum, count) = (0, 0)
                for y in top..<min(top + factor, height) {
                    for x in left..<min(left + factor, width) { (sum, count) = (sum + pixel(x, y).y, count + 1) }
                }
                return (sum + count / 2) / count
            }
        }
    }

    private func rows(_ values: (Int, Int) -> [Int]) -> [UInt8] {
        (0..<height).flatMap { y in (0..<width).flatMap { x in values(x, y).map { UInt8($0) } } }
    }

    private func chroma(_ values: ((y: Int, u: Int, v: Int)) -> [Int]) -> [UInt8] {
        (0..<(height + 1) / 2).flatMap { y in
            (0..<(width + 1) / 2).flatMap { x in values(pixel(2 * x, 2 * y)).map { UInt8($0) } }
        }
    }

    private func rgb(_ pixel: (y: Int, u: Int, v: Int)) -> [Int] {
        let (y, u, v) = (Double(pixel.y), Double(pixel.u - 128), Double(pixel.v - 128))
        return [y + 1.402 * v, y - 0.344136 * u - 0.714136 * v, y + 1.772 * u].map {
            max(0, min(255, Int($0.rounded())))
        }
    }
}

/// Returns the mean difference between two rows of values.
func difference(_ left: some Sequence<Int>, _ right: some Sequence<Int>) -> Double {
    var (sum, count) = (0, 0)
    for (one, other) in zip(left, right) { (sum, count) = (sum + abs(one - other), count + 1) }
    return Double(sum) / Double(max(1, count))
}
