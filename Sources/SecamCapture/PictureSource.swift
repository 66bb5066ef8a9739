import SecamWire

/// The format of the pictures that an open source delivers.
struct SourceFormat: Sendable, Equatable {
    let pixelFormat: PixelFormat
    let width: Int
    let height: Int
    /// Bytes from one row of a raw picture to the next; 0 if rows have no padding.
    let bytesPerLine: Int
    /// Frames per second; `nil` if unknown.
    let framesPerSecond: Double?
    /// Device and negotiated format, for users.
    let description: String
}

/// The outcome of waiting for a picture.
enum SourceOutcome {
    case picture
    /// No picture came in time; the source may still work.
    case nothing
    /// The source works, and has no picture yet for this reason.
    case waiting(String)
    /// Data came that are no picture.
    case damaged(String)
}

/// The reason why a source cannot be opened or read, with advice.
struct SourceFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of failures, which differ in when it is sensible to try again.
    enum Kind: Sendable, Equatable {
        case fault
        /// The source ended or closed the connection.
        case ended
        /// Cameras lock accounts after some wrong passwords.
        case loginRefused
    }

    let description: String
    var kind = Kind.fault
}

/// An open source of pictures. It blocks and belongs to the capture thread.
protocol PictureSource: AnyObject {
    /// The format that was found when the source was opened.
    var format: SourceFormat { get }

    /// Waits for the next picture and passes it to the closure.
    ///
    /// - Parameters:
    ///   - timeout: the maximum wait.
    ///   - body: receives the picture's bytes, which are valid only until it returns, their format, which may change,
    ///     and the time of capture, UTC microseconds.
    func next(
        timeout: Duration, _ body: (Span<UInt8>, SourceFormat, _ timestamp: Int64) -> Void
    ) throws(SourceFailure) -> SourceOutcome
}
