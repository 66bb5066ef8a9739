import CV4L2
import SecamWire

/// V4L2's name of a pixel format: four characters, the first in the lowest byte.
struct FourCC: Hashable, Sendable, CustomStringConvertible {
    /// The code as defined by V4L2; its highest bit marks big-endian formats.
    let code: UInt32

    init(code: UInt32) {
        self.code = code
    }

    /// - Parameter text: four ASCII characters, such as `MJPG`.
    init(_ text: StaticString) {
        precondition(text.utf8CodeUnitCount == 4 && text.hasPointerRepresentation)
        self.code = text.description.utf8.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    static let mjpeg = FourCC("MJPG")
    static let jpeg = FourCC("JPEG")
    static let yuyv = FourCC("YUYV")
    static let nv12 = FourCC("NV12")
    static let yu12 = FourCC("YU12")
    static let rgb24 = FourCC("RGB3")

    /// The corresponding `PixelFormat`; `nil` if the format is unsupported.
    var pixelFormat: PixelFormat? {
        switch self {
        case .mjpeg, .jpeg: .jpeg
        case .yuyv: .yuyv
        case .nv12: .nv12
        case .yu12: .i420
        case .rgb24: .rgb24
        default: nil
        }
    }

    /// The four characters; `0x…` if they are not printable.
    var description: String {
        let bytes = (0..<4).map { UInt8(truncatingIfNeeded: (code & 0x7fff_ffff) >> (8 * $0)) }
        guard bytes.allSatisfy({ (0x20...0x7e).contains($0) }) else { return "0x" + String(code, radix: 16) }
        let text = String(decoding: bytes, as: UTF8.self)
        return code & 0x8000_0000 == 0 ? text : text + "-BE"
    }
}
