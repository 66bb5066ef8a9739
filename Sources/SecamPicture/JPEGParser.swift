import Glibc

/// The parser behind ``JPEGStructure``.
struct JPEGParser {
    typealias Problem = JPEGStructure.Problem

    /// Other bytes after the data of a scan that still count as a camera's habit and not as damage.
    private static let longestTail = 64
    /// Scans after which a picture is refused: a progressive picture has about ten.
    private static let scanLimit = 64

    /// The header of the frame, SOF.
    struct Frame {
        struct Component {
            let id: UInt8
            let horizontal: Int
            let vertical: Int
        }

        let width: Int
        let height: Int
        /// Baseline or extended sequential with Huffman codes, so the scans can be walked through.
        let isSequential: Bool
        let components: [Component]

        var horizontal: Int { components.reduce(1) { max($0, $1.horizontal) } }
        var vertical: Int { components.reduce(1) { max($0, $1.vertical) } }

        /// Whether libturbojpeg decodes it: grey, or three components with a usual subsampling.
        var isDecodable: Bool {
            guard components.count == 3 else { return components.count == 1 }
            let (first, second, third) = (components[0], components[1], components[2])
            guard second.horizontal == third.horizontal, second.vertical == third.vertical,
                first.horizontal % second.horizontal == 0, first.vertical % second.vertical == 0
            else { return false }
            let ratio = (first.horizontal / second.horizontal, first.vertical / second.vertical)
            return [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1)].contains { $0 == ratio }
        }
    }

    /// Walks through the entropy-coded data.
    let checksData: Bool
    private var frame: Frame?
    private var tables = HuffmanLookups.standard
    private var hasTables = false
    private var orientation = 1
    private var firstScan: Int?
    private var restartInterval = 0
    private var scans = 0

    init(checksData: Bool) { self.checksData = checksData }

    mutating func parse(_ bytes: UnsafeRawBufferPointer) throws(Problem) -> JPEGStructure {
        guard bytes.count > 3, unsafe bytes[0] == 0xff, unsafe bytes[1] == 0xd8 else {
            throw .damaged("the start of the JPEG is missing (FF D8)")
        }
        var offset = 2
        while true {
            guard offset + 2 <= bytes.count else { throw unsafe missingEnd(bytes) }
            guard unsafe bytes[offset] == 0xff else { throw .damaged("a marker of the JPEG is missing") }
            let marker = unsafe bytes[offset + 1]
            if marker == 0xff {  // A fill byte.
                offset += 1
                continue
            }
            if marker == 0xd9 {
                guard let frame, let firstScan else { throw .damaged("the JPEG holds no picture") }
                return JPEGStructure(
                    frame: frame, orientation: orientation, hasHuffmanTables: hasTables, firstScan: firstScan,
                    byteCount: offset + 2)
            }
            guard offset + 4 <= bytes.count else { throw unsafe missingEnd(bytes) }
            let end = unsafe offset + 2 + Self.word(bytes, offset + 2)
            guard end >= offset + 4, marker >= 0xc0, !(0xd0...0xd8).contains(marker) else {
                throw .damaged("a segment of the JPEG is broken")
            }
            guard end <= bytes.count else { throw unsafe missingEnd(bytes) }
            let segment = unsafe UnsafeRawBufferPointer(rebasing: bytes[(offset + 4)..<end])
            switch marker {
            case 0xc4: try unsafe readTables(segment)
            case 0xc0...0xcf where marker != 0xc8 && marker != 0xcc: try unsafe readFrame(marker, segment)
            case 0xdd where segment.count >= 2: restartInterval = unsafe Self.word(segment, 0)
            case 0xe1: unsafe readOrientation(segment)
            case 0xda:
                if firstScan == nil { firstScan = offset }
                offset = try unsafe readScan(segment, end, bytes)
                continue
            default: break
            }
            offset = end
        }
    }

    private func missingEnd(_ bytes: UnsafeRawBufferPointer) -> Problem {
        .damaged("the end of the JPEG is missing (FF D9), \(bytes.count) bytes received")
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Int {
        unsafe Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
    }

    // MARK: Segments

    private mutating func readFrame(_ marker: UInt8, _ segment: UnsafeRawBufferPointer) throws(Problem) {
        guard frame == nil else { throw .damaged("the JPEG has two frames") }
        guard segment.count >= 6, unsafe segment.count >= 6 + 3 * Int(segment[5]) else {
            throw .damaged("the frame header of the JPEG is too short")
        }
        guard unsafe segment[0] == 8 else { throw unsafe .unsupported("a JPEG with \(segment[0]) bits per sample") }
        switch marker {
        case 0xc0, 0xc1, 0xc2, 0xc9, 0xca: break
        default: throw .unsupported("a lossless or hierarchical JPEG")
        }
        let (height, width) = unsafe (Self.word(segment, 1), Self.word(segment, 3))
        guard width > 0, height > 0 else { throw .damaged("the JPEG has no size") }
        var components: [Frame.Component] = []
        for index in unsafe 0..<Int(segment[5]) {
            let sampling = unsafe segment[7 + 3 * index]
            let (horizontal, vertical) = (Int(sampling >> 4), Int(sampling & 15))
            guard (1...4).contains(horizontal), (1...4).contains(vertical) else {
                throw .damaged("the JPEG has a sampling factor of 0")
            }
            components.append(
                unsafe Frame.Component(id: segment[6 + 3 * index], horizontal: horizontal, vertical: vertical))
        }
        guard (1...4).contains(components.count) else {
            throw .unsupported("a JPEG with \(components.count) colour components")
        }
        frame = Frame(
            width: width, height: height, isSequential: marker == 0xc0 || marker == 0xc1, components: components)
    }

    private mutating func readTables(_ segment: UnsafeRawBufferPointer) throws(Problem) {
        hasTables = true
        guard checksData else { return }
        var offset = 0
        while offset + 17 <= segment.count {
            let (kind, slot) = unsafe (segment[offset] >> 4, segment[offset] & 15)
            let counts = unsafe UnsafeRawBufferPointer(rebasing: segment[(offset + 1)..<(offset + 17)])
            let count = unsafe counts.reduce(0) { $0 + Int($1) }
            guard kind <= 1, slot <= 3, count <= 256, offset + 17 + count <= segment.count else {
                throw .damaged("a Huffman table of the JPEG is broken")
            }
            let symbols = unsafe UnsafeRawBufferPointer(rebasing: segment[(offset + 17)..<(offset + 17 + count)])
            guard unsafe tables.set(kind: Int(kind), slot: Int(slot), counts: counts, symbols: symbols) else {
                throw .damaged("a Huffman table of the JPEG is broken")
            }
            offset += 17 + count
        }
    }

    /// Reads the orientation from an EXIF segment (TIFF tag 0x0112 of its first directory).
    private mutating func readOrientation(_ segment: UnsafeRawBufferPointer) {
        let name: [UInt8] = [0x45, 0x78, 0x69, 0x66, 0, 0]
        guard segment.count >= 14, unsafe segment.starts(with: name) else { return }
        let tiff = unsafe UnsafeRawBufferPointer(rebasing: segment[6...])
        let isLittle = unsafe tiff[0] == 0x49
        let number = { (offset: Int, count: Int) -> Int? in
            guard offset >= 0, offset + count <= tiff.count else { return nil }
            return (0..<count).reduce(0) { sum, index in
                let byte = unsafe Int(tiff[offset + (isLittle ? count - 1 - index : index)])
                return sum << 8 | byte
            }
        }
        guard let directory = number(4, 4), let entries = number(directory, 2) else { return }
        for index in 0..<min(entries, 64) {
            let entry = directory + 2 + 12 * index
            guard number(entry, 2) == 0x0112 else { continue }
            if let value = number(entry + 8, 2), (1...8).contains(value) { orientation = value }
            return
        }
    }

    // MARK: Scans

    /// Reads a scan.
    ///
    /// - Returns: the offset of the next marker.
    private mutating func readScan(
        _ header: UnsafeRawBufferPointer, _ start: Int, _ bytes: UnsafeRawBufferPointer
    ) throws(Problem) -> Int {
        scans += 1
        guard scans <= Self.scanLimit else { throw .damaged("the JPEG has too many scans") }
        guard let frame else { throw .damaged("the JPEG has no size before its first scan") }
        guard frame.isSequential, checksData else {
            guard let end = unsafe Self.nextMarker(bytes, from: start) else { throw unsafe missingEnd(bytes) }
            return end
        }
        let layout = try unsafe scanLayout(header, frame)
        var reader = unsafe EntropyReader(bytes, from: start)
        var left = layout.count
        while left > 0 {
            let interval = restartInterval > 0 ? min(restartInterval, left) : left
            let finished = layout.walk(interval, &reader, tables)
            if let finished {
                let done = layout.count - left + finished
                throw .damaged("the JPEG's data end or break after \(done * 100 / layout.count) % of the picture")
            }
            left -= interval
            let end = unsafe try scanEnd(reader, bytes)
            guard left > 0 else { return end }
            guard unsafe (0xd0...0xd7).contains(bytes[end + 1]) else {
                throw .damaged(
                    "the JPEG's data end after \((layout.count - left) * 100 / layout.count) % of the picture")
            }
            unsafe reader = EntropyReader(bytes, from: end + 2)
        }
        guard let end = unsafe Self.nextMarker(bytes, from: start) else { throw unsafe missingEnd(bytes) }
        return end
    }

    /// Returns the offset of the marker after the data that were read.
    private func scanEnd(_ reader: EntropyReader, _ bytes: UnsafeRawBufferPointer) throws(Problem) -> Int {
        var offset = reader.position
        var other = 0
        while offset + 1 < bytes.count {
            let (byte, next) = unsafe (bytes[offset], bytes[offset + 1])
            if byte == 0xff, next != 0, next != 0xff { break }
            if byte != 0, byte != 0xff { other += 1 }
            offset += 1
        }
        guard offset + 1 < bytes.count else { throw unsafe missingEnd(bytes) }
        guard other <= Self.longestTail else {
            throw .damaged("\(other) bytes of the JPEG's data belong to no part of the picture")
        }
        return offset
    }

    /// Returns the offset of the next marker that does not belong to a scan's data.
    private static func nextMarker(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var offset = start
        while let base = bytes.baseAddress, offset + 1 < bytes.count,
            let found = unsafe memchr(base + offset, 0xff, bytes.count - offset - 1)
        {
            offset = unsafe UnsafeRawPointer(found) - base
            let next = unsafe bytes[offset + 1]
            if next != 0, next != 0xff, !(0xd0...0xd7).contains(next) { return offset }
            offset += next == 0xff ? 1 : 2
        }
        return nil
    }

    private func scanLayout(_ header: UnsafeRawBufferPointer, _ frame: Frame) throws(Problem) -> ScanLayout {
        guard let count = unsafe header.first.map(Int.init), (1...4).contains(count),
            header.count >= 1 + 2 * count
        else { throw .damaged("the header of a scan of the JPEG is broken") }
        var blocks: [ScanLayout.Block] = []
        var single: Frame.Component?
        for index in 0..<count {
            let (id, slots) = unsafe (header[1 + 2 * index], header[2 + 2 * index])
            guard let component = frame.components.first(where: { $0.id == id }), slots >> 4 <= 3, slots & 15 <= 3
            else { throw .damaged("a scan of the JPEG names an unknown component") }
            let block = ScanLayout.Block(dc: Int(slots >> 4), ac: 4 + Int(slots & 15))
            let blockCount = count == 1 ? 1 : component.horizontal * component.vertical
            blocks += Array(repeating: block, count: blockCount)
            single = count == 1 ? component : nil
        }
        let (across, down) = (8 * frame.horizontal, 8 * frame.vertical)
        let units: Int
        if let single {
            let width = (frame.width * single.horizontal + frame.horizontal - 1) / frame.horizontal
            let height = (frame.height * single.vertical + frame.vertical - 1) / frame.vertical
            units = ((width + 7) / 8) * ((height + 7) / 8)
        } else {
            units = ((frame.width + across - 1) / across) * ((frame.height + down - 1) / down)
        }
        return ScanLayout(blocks: blocks, count: units)
    }
}
