import CAVFormat
import Glibc

/// A writer of pictures to a Matroska file as H.264, with the time of every picture, for small recordings.
package final class CompressedWriter {
    private let file: MatroskaFile
    private let encoder: H264Encoder
    private let start: Int64
    private var lastMilliseconds: Int64 = -1

    /// Maximum number of pixels; the encoder would need a gigabyte for more.
    private static let pixelLimit = 4096 * 2304

    /// Returns whether pictures of this size can be compressed. H.264 stores colours for squares of two by two pixels.
    package static func supports(width: Int, height: Int) -> Bool {
        width.isMultiple(of: 2) && height.isMultiple(of: 2) && min(width, height) >= 16
            && width * height <= pixelLimit
    }

    /// Creates the file and writes its header; see ``MatroskaWriter``.
    package init(
        path: String, width: Int, height: Int, startMicroseconds: Int64, title: String,
        tags: KeyValuePairs<String, String>
    ) throws(MediaError) {
        start = startMicroseconds
        encoder = try H264Encoder(path: path, width: width, height: height)
        file = try MatroskaFile(path: path, container: .matroska, replacing: false)
        do {
            file.setMetadata("creation_time", MatroskaWriter.iso8601(startMicroseconds))
            file.setMetadata("title", title)
            for (name, value) in tags { file.setMetadata(name, value) }
            try file.writeHeader(encoder)
        } catch {
            unsafe unlink(path)
            throw error
        }
    }

    /// Appends a picture.
    ///
    /// - Parameters:
    ///   - i420: full range, rows and planes without padding, of the file's size.
    ///   - timestampMicroseconds: UTC since 1970, later than that of the previous picture; stored in milliseconds.
    package func write(i420: Span<UInt8>, timestampMicroseconds: Int64) throws(MediaError) {
        // Encoders reject two pictures with the same time.
        lastMilliseconds = max(lastMilliseconds + 1, (timestampMicroseconds - start + 500) / 1000)
        try unsafe encoder.encode(i420, milliseconds: lastMilliseconds) { (packet) throws(MediaError) in
            try unsafe file.write(packet)
        }
    }

    /// Finishes the file and syncs it to the disk.
    package func finish() throws(MediaError) {
        try unsafe encoder.encode(nil, milliseconds: 0) { (packet) throws(MediaError) in try unsafe file.write(packet) }
        try file.end()
    }
}
