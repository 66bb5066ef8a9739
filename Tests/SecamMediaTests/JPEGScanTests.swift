import Testing

@testable import SecamMedia

@Suite struct JPEGScanTests {
    static let start: [UInt8] = [0xff, 0xd8]
    static let tables: [UInt8] = [0xff, 0xc4, 0x00, 0x03, 0x00]
    static let size: [UInt8] = [0xff, 0xc0, 0x00, 0x0b, 8, 0x01, 0x02, 0x03, 0x04, 1, 1, 0x11, 0]
    static let scan: [UInt8] = [0xff, 0xda, 0x00, 0x02, 1, 2, 3]
    static let end: [UInt8] = [0xff, 0xd9]
    static let picture = start + tables + size + scan + end

    func scan(_ bytes: [UInt8]) -> JPEGScan {
        unsafe JPEGScan(bytes.span.bytes)
    }

    @Test func `size and tables are found`() {
        #expect(
            scan(Self.picture)
                == .whole(JPEGScan.Header(width: 0x304, height: 0x102, hasHuffmanTables: true, isProgressive: false)))
        let without = Self.start + Self.size + Self.scan + Self.end
        #expect(
            scan(without)
                == .whole(JPEGScan.Header(width: 0x304, height: 0x102, hasHuffmanTables: false, isProgressive: false)))
    }

    @Test func `fill bytes and padding are valid`() {
        let filled = Self.start + [0xff, 0xff] + Self.tables + Self.size + Self.scan + Self.end + [0, 0, 0, 0]
        #expect(scan(filled) != .damaged)
    }

    @Test func `every truncated JPEG is damaged`() {
        for count in 0..<Self.picture.count { #expect(scan(Array(Self.picture.prefix(count))) == .damaged) }
    }

    @Test func `segments beyond the end, too short or missing are damage`() {
        let tooLong: [UInt8] = [0xff, 0xe0, 0xff, 0xff]
        let tooShort: [UInt8] = [0xff, 0xe0, 0x00, 0x01]
        let shortSize: [UInt8] = [0xff, 0xc0, 0x00, 0x04, 8, 1]
        #expect(scan(Self.start + tooLong + Self.picture.dropFirst(2)) == .damaged)
        #expect(scan(Self.start + tooShort + Self.picture.dropFirst(2)) == .damaged)
        #expect(scan(Self.start + shortSize + Self.scan + Self.end) == .damaged)
        #expect(scan(Self.start + Self.tables + Self.scan + Self.end) == .damaged)
        #expect(scan(Self.start + Self.tables + Self.size + Self.end) == .damaged)
    }
}
