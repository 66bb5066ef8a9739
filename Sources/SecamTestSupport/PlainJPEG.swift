/// Returns a whole baseline JPEG of a grey picture, built by hand. Without tables, it assumes the standard ones.
///
/// - Parameters:
///   - tables: segments before the scan, such as Huffman tables.
///   - components: number of colour components, without subsampling.
///   - restartInterval: blocks between two restart markers; 0 for none.
package func plainJPEG(
    width: Int, height: Int, tables: [UInt8] = [], components: Int = 1, restartInterval: Int = 0
) -> [UInt8] {
    func word(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 255), UInt8(value & 255)] }
    let ids = (1...components).map { UInt8($0) }
    let quantization: [UInt8] = [0xff, 0xdb] + word(67) + [0] + [UInt8](repeating: 16, count: 64)
    let frame: [UInt8] =
        [0xff, 0xc0] + word(8 + 3 * components) + [8] + word(height) + word(width) + [UInt8(components)]
        + ids.flatMap { [$0, 0x11, 0] }
    let restart: [UInt8] = restartInterval > 0 ? [0xff, 0xdd, 0, 4] + word(restartInterval) : []
    let scan: [UInt8] =
        [0xff, 0xda] + word(6 + 2 * components) + [UInt8(components)] + ids.flatMap { [$0, 0] } + [0, 63, 0]
    // A block without differences and coefficients: 00 for DC, 1010 for the end of the block.
    let units = ((width + 7) / 8) * ((height + 7) / 8)
    let interval = restartInterval > 0 ? restartInterval : units
    var data: [UInt8] = []
    var done = 0
    while done < units {
        if done > 0 { data += [0xff, 0xd0 + UInt8(done / interval - 1) % 8] }
        let count = min(interval, units - done) * components
        var bits = (0..<count).flatMap { _ in [0, 0, 1, 0, 1, 0] as [UInt8] }
        while bits.count % 8 != 0 { bits.append(1) }
        data += stride(from: 0, to: bits.count, by: 8).map { start in
            bits[start..<start + 8].reduce(0) { $0 << 1 | $1 }
        }
        done += interval
    }
    return [0xff, 0xd8] + quantization + frame + restart + tables + scan + data + [0xff, 0xd9]
}
