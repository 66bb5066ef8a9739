import SecamBase
import SecamPicture

/// A reader of one JPEG, or a stream of them, over HTTP. Its calls block, so it belongs to a dedicated thread.
package final class HTTPJPEGReader {
    package enum Read {
        case jpeg([UInt8])
        case damaged(String)
        /// The server closed the connection.
        case end
    }

    /// Bytes without a JPEG after which reading fails.
    private static let skippedLimit = 4 << 20
    private static let chunk = 64 << 10

    private let connection: HTTPConnection
    private var splitter = JPEGSplitter()
    /// Whole JPEGs so far.
    package private(set) var pictureCount = 0

    package init(_ connection: HTTPConnection) { self.connection = connection }

    package func next() throws(MediaError) -> Read {
        while true {
            switch splitter.next() {
            case .jpeg(let jpeg):
                pictureCount += 1
                return .jpeg(jpeg)
            case .damaged(let reason): return .damaged(reason)
            case nil: break
            }
            guard splitter.skippedBytes <= Self.skippedLimit else { throw noJPEG }
            let bytes = try connection.read(limit: Self.chunk)
            guard bytes.isEmpty else {
                splitter.append(bytes.span)
                continue
            }
            if splitter.end() { return .damaged("the connection was closed in the middle of a JPEG") }
            if pictureCount == 0 { throw noJPEG }
            return .end
        }
    }

    /// The error for a stream that ended.
    package var closed: MediaError { .closed(source: connection.source.name) }

    private var noJPEG: MediaError {
        let type = connection.contentType.isEmpty ? "content without a type" : connection.contentType
        return .notVideo(source: connection.source.name, found: "\(type) without a JPEG")
    }
}
