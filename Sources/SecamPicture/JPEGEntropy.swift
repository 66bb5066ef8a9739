/// The Huffman tables of a JPEG as look-up tables: slots 0 to 3 for DC, 4 to 7 for AC.
struct HuffmanLookups {
    /// Codes up to this length are found with one look-up.
    static let lookupBits = 9

    /// Each slot has `1 << lookupBits` entries, length << 8 | symbol; 0 for longer codes.
    private(set) var short = [UInt16](repeating: 0, count: 8 << HuffmanLookups.lookupBits)
    /// Each slot has 18 entries: the largest code of each length, shifted to 16 bits, plus 1.
    private(set) var limits = [Int32](repeating: 0, count: 8 * 18)
    /// Each slot has 18 entries: the index of a length's first symbol, less its first code.
    private(set) var offsets = [Int32](repeating: 0, count: 8 * 18)
    private(set) var symbols = [UInt8](repeating: 0, count: 8 * 256)

    /// The standard tables, for pictures without tables.
    static let standard = HuffmanLookups()

    private init() {
        let standard: [(Int, Int, StandardHuffmanTables.Table)] = [
            (0, 0, StandardHuffmanTables.luminanceDC), (0, 1, StandardHuffmanTables.chrominanceDC),
            (1, 0, StandardHuffmanTables.luminanceAC), (1, 1, StandardHuffmanTables.chrominanceAC),
        ]
        for (kind, slot, table) in standard {
            unsafe table.counts.withUnsafeBytes { counts in
                unsafe table.symbols.withUnsafeBytes { symbols in
                    _ = unsafe set(kind: kind, slot: slot, counts: counts, symbols: symbols)
                }
            }
        }
    }

    /// Replaces a table.
    ///
    /// - Returns: `false` if the counts do not describe a code.
    mutating func set(
        kind: Int, slot: Int, counts: UnsafeRawBufferPointer, symbols newSymbols: UnsafeRawBufferPointer
    ) -> Bool {
        let slot = 4 * kind + slot
        let base = slot << Self.lookupBits
        for index in 0..<1 << Self.lookupBits { short[base + index] = 0 }
        var (code, index) = (0, 0)
        for length in 1...16 {
            offsets[slot * 18 + length] = Int32(index - code)
            for _ in unsafe 0..<Int(counts[length - 1]) {
                guard code < 1 << length else { return false }
                let symbol = unsafe newSymbols[index]
                symbols[slot * 256 + index] = symbol
                if length <= Self.lookupBits {
                    let shift = Self.lookupBits - length
                    let entry = UInt16(length) << 8 | UInt16(symbol)
                    for rest in 0..<1 << shift { short[base + code << shift + rest] = entry }
                }
                code += 1
                index += 1
            }
            limits[slot * 18 + length] = Int32(code << (16 - length))
            code <<= 1
        }
        return true
    }
}

/// A reader of the bits of a scan, up to its next marker.
@safe struct EntropyReader {
    private let bytes: UnsafeRawBufferPointer
    /// The next byte to load.
    private(set) var position: Int
    private var buffer: UInt64 = 0
    private var count = 0
    /// Bits after the data, which were read as zeros.
    private var missing = 0

    init(_ bytes: UnsafeRawBufferPointer, from position: Int) {
        unsafe self.bytes = unsafe bytes
        self.position = position
    }

    /// More bits were read than there are.
    var isOverrun: Bool { missing > count }

    /// Loads bits until there are at least 32.
    @inline(__always)
    mutating func fill() {
        guard count <= 32 else { return }
        if missing == 0, unsafe position + 4 <= bytes.count {
            let word = unsafe UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
            // No byte is 0xff, which needs a closer look.
            if (~word &- 0x0101_0101) & word & 0x8080_8080 == 0 {
                buffer = buffer << 32 | UInt64(word)
                count += 32
                position += 4
                return
            }
        }
        while count <= 32 {
            if missing == 0, unsafe position < bytes.count {
                let byte = unsafe bytes[position]
                if byte != 0xff {
                    position += 1
                    buffer = buffer << 8 | UInt64(byte)
                    count += 8
                    continue
                }
                if unsafe position + 1 < bytes.count, unsafe bytes[position + 1] == 0 {
                    position += 2
                    buffer = buffer << 8 | 0xff
                    count += 8
                    continue
                }
            }
            buffer <<= 8
            count += 8
            missing += 8
        }
    }

    /// Returns the next bits, at most 16, without consuming them.
    @inline(__always)
    func peek(_ bits: Int) -> Int { Int(truncatingIfNeeded: buffer >> UInt64(count - bits)) & (1 << bits - 1) }

    @inline(__always)
    mutating func skip(_ bits: Int) { count -= bits }
}

/// The blocks of a scan's units (MCU).
struct ScanLayout {
    /// The slots of the tables of one block of 8x8 samples.
    struct Block {
        let dc: Int
        let ac: Int
    }

    let blocks: [Block]
    /// Units in the scan.
    let count: Int

    /// Walks through the data of some units.
    ///
    /// - Returns: `nil`, or the number of units before the data ended or broke.
    func walk(_ units: Int, _ reader: inout EntropyReader, _ tables: HuffmanLookups) -> Int? {
        // Pointers, because the bounds checks of arrays double the time of this innermost loop. `HuffmanLookups.set`
        // bounds each code and index; a slot is at most 7.
        unsafe tables.short.withUnsafeBufferPointer { short in
            for unit in 0..<units {
                for block in blocks {
                    guard unsafe Self.walk(block, &reader, short, tables) else { return unit }
                }
                if reader.isOverrun { return unit }
            }
            return nil
        }
    }

    /// Walks through one block.
    ///
    /// - Returns: `false` if the data break.
    @inline(__always)
    private static func walk(
        _ block: Block, _ reader: inout EntropyReader, _ short: UnsafeBufferPointer<UInt16>, _ tables: HuffmanLookups
    ) -> Bool {
        guard let size = unsafe symbol(block.dc, &reader, short, tables), size <= 16 else { return false }
        reader.skip(size)
        var coefficient = 1
        while coefficient < 64 {
            guard let code = unsafe symbol(block.ac, &reader, short, tables) else { return false }
            reader.skip(code & 15)
            if code & 15 == 0, code != 0xf0 { return true }
            coefficient += (code >> 4) + 1
        }
        return true
    }

    @inline(__always)
    private static func symbol(
        _ slot: Int, _ reader: inout EntropyReader, _ short: UnsafeBufferPointer<UInt16>, _ tables: HuffmanLookups
    ) -> Int? {
        reader.fill()
        let entry = unsafe short[slot << HuffmanLookups.lookupBits + reader.peek(HuffmanLookups.lookupBits)]
        if entry != 0 {
            reader.skip(Int(entry >> 8))
            return Int(entry & 0xff)
        }
        return longSymbol(slot, &reader, tables)
    }

    @inline(never)
    private static func longSymbol(_ slot: Int, _ reader: inout EntropyReader, _ tables: HuffmanLookups) -> Int? {
        let code = reader.peek(16)
        for length in HuffmanLookups.lookupBits + 1...16 where Int32(code) < tables.limits[slot * 18 + length] {
            let index = Int(tables.offsets[slot * 18 + length]) + code >> (16 - length)
            guard (0..<256).contains(index) else { return nil }
            reader.skip(length)
            return Int(tables.symbols[slot * 256 + index])
        }
        return nil
    }
}
