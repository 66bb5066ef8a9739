import Foundation
import SecamJPEG
import SecamPicture
import SecamTestSupport
import SecamWire

/// The contents of a JPEG of the built-in test picture.
struct SeenPicture {
    let width: Int
    let height: Int
    /// The frame number in the picture; `nil` when it is not the test picture.
    let number: UInt32?

    /// Decodes a JPEG as a viewer does.
    ///
    /// - Throws: when the JPEG is damaged.
    init(_ jpeg: Data) throws {
        let bytes = [UInt8](jpeg)
        var decoder = try JPEGDecoder()
        let header = try decoder.header(of: bytes.span)
        (width, height) = (header.width, header.height)
        var luma = [UInt8](repeating: 0, count: header.width * header.height)
        var target = luma.mutableSpan
        _ = try decoder.decodeLuma(bytes.span, scale: .full, into: &target)
        number = TestPicture.frameNumber(
            inLuma: luma.span, layout: try PictureLayout(format: .gray8, width: header.width, height: header.height))
    }
}

extension RunningSet {
    /// Returns one picture of a camera.
    func snapshot(_ camera: String, _ arguments: [String] = []) async throws -> Data {
        let finished = try await view(["snapshot", camera, "-o", "-", "--timeout", "60"] + arguments)
        guard finished.status == 0 else { throw TestFailure("secam-view snapshot: \(finished.errors)") }
        return finished.outputData
    }
}

/// Successive JPEGs, as `ffmpeg -f mjpeg` writes them.
func split(jpegs data: Data) -> [Data] {
    var pictures: [Data] = []
    var start: Int?
    let bytes = [UInt8](data)
    for index in bytes.indices.dropLast() where bytes[index] == 0xFF {
        if bytes[index + 1] == 0xD8, start == nil { start = index }
        if bytes[index + 1] == 0xD9, let begin = start {
            pictures.append(Data(bytes[begin...index + 1]))
            start = nil
        }
    }
    return pictures
}
