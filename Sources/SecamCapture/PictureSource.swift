import SecamWire

/// What an opened source delivers.
struct SourceFormat: Sendable, Equatable {
    let pixelFormat: PixelFormat
    let width: Int
    let height: Int
    /// Bytes from one row of a raw picture to the next; 0 when they lie side by side.
    let bytesPerLine: Int
    /// Frames a second; `nil` when the source does not say.
    let framesPerSecond: Double?
    /// For people: device and what was negotiated.
    let description: String
}

/// What came of waiting for a picture.
enum SourceOutcome {
    case picture
    /// Nothing came in time; the source may still be all right.
    case nothing
    /// Something came that is no picture.
    case damaged(String)
}

/// Why a source cannot be opened or goes on no longer; the text says what to do.
struct SourceFailure: Error, Sendable, Equatable, CustomStringConvertible {
    let description: String
}

/// Something that delivers pictures, opened. It blocks and belongs to the capture thread.
protocol PictureSource: AnyObject {
    /// What was found when it was opened.
    var format: SourceFormat { get }

    /// Waits for the next picture and shows it.
    ///
    /// - Parameters:
    ///   - microseconds: how long to wait at most.
    ///   - take: is given the picture's bytes, their format, which may change, and the time of the capture, UTC
    ///     microseconds. The bytes are there only until it returns.
    func next(
        waiting microseconds: Int64, _ take: (Span<UInt8>, SourceFormat, _ timestamp: Int64) -> Void
    ) throws(SourceFailure) -> SourceOutcome
}
