/// Returns the beginning of a JPEG up to its frame header, padded with zeros.
///
/// - Parameters:
///   - width: pixels.
///   - height: pixels.
///   - count: bytes in all; by default those of the beginning alone.
package func jpegBeginning(width: UInt16, height: UInt16, count: Int = 0) -> [UInt8] {
    let size = [UInt8(height >> 8), UInt8(height & 255), UInt8(width >> 8), UInt8(width & 255)]
    let beginning: [UInt8] = [0xff, 0xd8, 0xff, 0xc0, 0, 11, 8] + size + [1, 1, 0x11, 0]
    return beginning + [UInt8](repeating: 0, count: max(0, count - beginning.count))
}
