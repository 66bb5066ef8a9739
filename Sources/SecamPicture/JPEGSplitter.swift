import Glibc

/// Splits a stream of bytes into JPEGs, such as the body of an HTTP Motion JPEG stream.
///
/// It follows the markers of each JPEG and skips everything in between. Boundaries and headers of multipart streams are
/// not read, because cameras send wrong lengths and boundaries, or none. A state machine without I/O.
package struct JPEGSplitter: Sendable {
    package enum Piece: Sendable, Equatable {
        /// A JPEG from its start to its end marker.
        case jpeg([UInt8])
        /// A JPEG that broke off.
        case damaged(String)
    }

    /// Maximum size of one JPEG, bytes.
    private static let sizeLimit = 32 << 20

    /// The bytes that were not returned yet.
    private var buffer: [UInt8] = []
    /// The start of the current JPEG in the buffer; `nil` before one was found.
    private var start: Int?
    /// The next byte to look at.
    private var offset = 0
    /// The bytes at `offset` are entropy-coded data, not a segment.
    private var isInScan = false
    /// Bytes since the last JPEG that belong to none.
    package private(set) var skippedBytes = 0

    package init() {}

    package mutating func append(_ bytes: Span<UInt8>) {
        // What lies before the current JPEG is not needed any more.
        let used = start ?? offset
        if used > 0 {
            buffer.removeFirst(used)
            offset -= used
            start = start.map { $0 - used }
        }
        unsafe bytes.withUnsafeBufferPointer { unsafe buffer.append(contentsOf: $0) }
    }

    /// Returns the next piece; `nil` if more bytes are needed.
    package mutating func next() -> Piece? {
        while true {
            guard let start else {
                guard findStart() else { return nil }
                continue
            }
            guard buffer.count - start <= Self.sizeLimit else {
                return breakOff("a JPEG is larger than \(Self.sizeLimit >> 20) MiB")
            }
            if isInScan {
                guard skipData() else { return nil }
            }
            // A segment, or the end.
            guard offset + 2 <= buffer.count else { return nil }
            let marker = buffer[offset + 1]
            guard buffer[offset] == 0xff else { return breakOff("a marker of a JPEG is missing") }
            switch marker {
            case 0xff: offset += 1
            case 0xd9:
                offset += 2
                return finish(from: start)
            case 0xd8 where offset > start: return breakOff("a JPEG broke off")
            case 0xd8: offset += 2
            case 0xc0...0xfe where !(0xd0...0xd7).contains(marker):
                guard offset + 4 <= buffer.count else { return nil }
                let length = Int(buffer[offset + 2]) << 8 | Int(buffer[offset + 3])
                guard length >= 2 else { return breakOff("a segment of a JPEG is broken") }
                guard offset + 2 + length <= buffer.count else { return nil }
                offset += 2 + length
                isInScan = marker == 0xda
            default: return breakOff("a marker of a JPEG is unknown")
            }
        }
    }

    /// Ends the stream.
    ///
    /// - Returns: whether a JPEG broke off.
    package mutating func end() -> Bool {
        defer { self = JPEGSplitter() }
        return start != nil
    }

    /// Finds the next start marker.
    private mutating func findStart() -> Bool {
        while let found = nextMarkerByte(from: offset) {
            skippedBytes += found - offset
            offset = found
            guard found + 3 <= buffer.count else { return false }
            if buffer[found + 1] == 0xd8, buffer[found + 2] == 0xff {
                start = found
                return true
            }
            offset += 1
        }
        skippedBytes += buffer.count - offset
        offset = buffer.count
        return false
    }

    /// Moves to the marker after the entropy-coded data.
    ///
    /// - Returns: `false` if it has not arrived yet.
    private mutating func skipData() -> Bool {
        while let found = nextMarkerByte(from: offset) {
            offset = found
            guard found + 2 <= buffer.count else { return false }
            let next = buffer[found + 1]
            if next >= 0xc0, next < 0xff, !(0xd0...0xd7).contains(next) {
                isInScan = false
                return true
            }
            offset += next == 0xff ? 1 : 2
        }
        offset = buffer.count
        return false
    }

    private func nextMarkerByte(from offset: Int) -> Int? {
        unsafe buffer.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, offset < bytes.count,
                let found = unsafe memchr(base + offset, 0xff, bytes.count - offset)
            else { return nil }
            return unsafe UnsafeRawPointer(found) - base
        }
    }

    private mutating func finish(from start: Int) -> Piece {
        let jpeg = Array(buffer[start..<offset])
        (self.start, isInScan, skippedBytes) = (nil, false, 0)
        return .jpeg(jpeg)
    }

    /// Gives up the current JPEG and looks for the next one after its start.
    private mutating func breakOff(_ reason: String) -> Piece {
        offset = max(offset, (start ?? 0) + 2)
        // Segments of the broken JPEG may have swallowed the start of the next one.
        if !isInScan, let start { offset = start + 2 }
        (start, isInScan) = (nil, false)
        return .damaged(reason)
    }
}
