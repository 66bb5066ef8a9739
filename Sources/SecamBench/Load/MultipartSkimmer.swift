import NIOCore

/// A decoder of a multipart stream of JPEGs over HTTP, which other camera servers send.
struct MultipartSkimmer {
    struct Picture {
        /// Empty unless pictures are kept.
        let bytes: [UInt8]
        let byteCount: Int
    }

    enum Failure: Error, Equatable {
        /// The header exceeds its limit.
        case longHeader
        /// The length of a part is not a number or exceeds its limit.
        case badLength
    }

    private static let headerLimit = 8 << 10
    private static let pictureLimit = 64 << 20
    private static let headerEnd: [UInt8] = [13, 10, 13, 10]

    private let keepsPictures: Bool
    private var header: [UInt8] = []
    private var body: (length: Int, rest: Int)?
    private var kept: [UInt8] = []

    init(keepsPictures: Bool) { self.keepsPictures = keepsPictures }

    /// Consumes bytes up to the end of the next picture; `nil` when the picture is incomplete.
    mutating func next(_ buffer: inout ByteBuffer) throws(Failure) -> Picture? {
        while buffer.readableBytes > 0 {
            guard let body else {
                try readHeader(&buffer)
                continue
            }
            let count = min(body.rest, buffer.readableBytes)
            if keepsPictures { kept += buffer.readableBytesView.prefix(count) }
            buffer.moveReaderIndex(forwardBy: count)
            self.body = (body.length, body.rest - count)
            guard count == body.rest else { return nil }
            defer {
                self.body = nil
                kept = []
            }
            return Picture(bytes: kept, byteCount: body.length)
        }
        return nil
    }

    /// Reads headers until one has a length. The response's own header has none; the boundary counts as part of a header.
    private mutating func readHeader(_ buffer: inout ByteBuffer) throws(Failure) {
        while let byte = buffer.readInteger(as: UInt8.self) {
            header.append(byte)
            guard header.count <= MultipartSkimmer.headerLimit else { throw .longHeader }
            guard byte == 10, header.suffix(4).elementsEqual(MultipartSkimmer.headerEnd) else { continue }
            defer { header = [] }
            guard let length = try contentLength() else { continue }
            body = (length, length)
            return
        }
    }

    private func contentLength() throws(Failure) -> Int? {
        for line in String(decoding: header, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let pair = line.split(separator: ":", maxSplits: 1)
            guard pair.count == 2, pair[0].lowercased() == "content-length" else { continue }
            guard let length = Int(pair[1].filter { $0 != " " }), length > 0,
                length <= MultipartSkimmer.pictureLimit
            else { throw .badLength }
            return length
        }
        return nil
    }
}
