/// A rectangle in pixels.
struct Rectangle: Equatable, Sendable {
    var x, y, width, height: Int
}

/// The layout of the cameras' pictures in a window.
enum GridLayout {
    /// Space between two cells, in pixels.
    private static let gap = 2

    /// Returns the cells of `count` pictures, in the number of columns that makes pictures of 16:9 largest.
    static func cells(count: Int, width: Int, height: Int) -> [Rectangle] {
        guard count > 0, width > 0, height > 0 else { return [] }
        let columns =
            (1...count).max { left, right in
                pictureWidth(count, left, width, height) < pictureWidth(count, right, width, height)
            } ?? 1
        let rows = (count + columns - 1) / columns
        return (0..<count).map { index in
            let (row, column) = index.quotientAndRemainder(dividingBy: columns)
            let left = start(column, columns, width)
            let top = start(row, rows, height)
            return Rectangle(
                x: left, y: top, width: max(1, start(column + 1, columns, width) - gap - left),
                height: max(1, start(row + 1, rows, height) - gap - top))
        }
    }

    /// Returns the largest rectangle with the picture's aspect ratio in the middle of a cell.
    static func fit(width: Int, height: Int, in cell: Rectangle) -> Rectangle {
        guard width > 0, height > 0 else { return Rectangle(x: cell.x, y: cell.y, width: 0, height: 0) }
        let isWide = width * cell.height > height * cell.width
        let fitted =
            isWide
            ? (width: cell.width, height: max(1, cell.width * height / width))
            : (width: max(1, cell.height * width / height), height: cell.height)
        return Rectangle(
            x: cell.x + (cell.width - fitted.width) / 2, y: cell.y + (cell.height - fitted.height) / 2,
            width: fitted.width, height: fitted.height)
    }

    /// Returns the position of a column or row.
    private static func start(_ index: Int, _ count: Int, _ length: Int) -> Int { (length + gap) * index / count }

    private static func pictureWidth(_ count: Int, _ columns: Int, _ width: Int, _ height: Int) -> Int {
        let rows = (count + columns - 1) / columns
        return min(width / columns, height / rows * 16 / 9)
    }
}
