/// The structure of a camera's JPEG (ITU-T T.81, annex B), read without decoding its pixels.
package struct JPEGStructure: Sendable, Equatable {
    /// The reason why a JPEG must not be passed on.
    package enum Problem: Error, Sendable, Equatable, CustomStringConvertible {
        /// This picture is truncated or broken; the next one may be whole.
        case damaged(String)
        /// No viewer can show a picture of this kind.
        case unsupported(String)

        package var description: String {
            switch self {
            case .damaged(let reason), .unsupported(let reason): reason
            }
        }
    }

    /// Pixels.
    package let width: Int
    package let height: Int
    /// Colour components: 1 for grey, 3 for YCbCr or RGB, 4 for CMYK.
    package let components: Int
    /// The way in which the picture is to be turned, 1 to 8, as EXIF defines it; 1 for upright.
    package let orientation: Int
    /// Decoders that do not assume the standard tables cannot decode a picture without tables.
    package let hasHuffmanTables: Bool
    /// The offset of the first scan's marker, before which missing tables belong.
    package let firstScan: Int
    /// Bytes of the picture up to its end marker, without the bytes that some cameras append.
    package let byteCount: Int
    /// The viewers' and encoders' decoder supports the colours and their subsampling.
    package let isDecodable: Bool

    /// Reads a picture.
    ///
    /// - Parameter checksData: walks through the entropy-coded data of a baseline JPEG, because a picture that lost some
    ///   of them ends with grey or displaced rows. This takes 15 ns per byte, the rest of the check less than 1 ns.
    package init(_ jpeg: Span<UInt8>, checksData: Bool = true) throws(Problem) {
        var parser = JPEGParser(checksData: checksData)
        self = try unsafe jpeg.withUnsafeBufferPointer { (bytes) throws(Problem) in
            try unsafe parser.parse(UnsafeRawBufferPointer(bytes))
        }
    }

    init(
        frame: JPEGParser.Frame, orientation: Int, hasHuffmanTables: Bool, firstScan: Int, byteCount: Int
    ) {
        width = frame.width
        height = frame.height
        components = frame.components.count
        isDecodable = frame.isDecodable
        self.orientation = orientation
        self.hasHuffmanTables = hasHuffmanTables
        self.firstScan = firstScan
        self.byteCount = byteCount
    }

    /// Returns the picture with the standard Huffman tables if it has none, and without bytes after its end.
    ///
    /// - Parameter jpeg: the bytes that the structure was read from.
    package func completed(_ jpeg: Span<UInt8>) -> [UInt8] {
        let tables = hasHuffmanTables ? [] : StandardHuffmanTables.segment
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount + tables.count)
        unsafe jpeg.withUnsafeBufferPointer { source in
            unsafe bytes.append(contentsOf: source[..<firstScan])
            bytes.append(contentsOf: tables)
            unsafe bytes.append(contentsOf: source[firstScan..<byteCount])
        }
        return bytes
    }
}
