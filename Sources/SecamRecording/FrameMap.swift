import SecamWire

/// The capture time and number of each frame of a segment, in a few bytes per frame.
///
///     for each frame  varint  microseconds since the frame before it (since the segment's start for the first)
///                     varint  sequence numbers since the frame before it, less one (for the first: 0)
///
/// A varint has seven bits per byte, lowest first. The eighth bit is set in all bytes but the last.
package struct FrameMap: Sendable, Equatable {
    package struct Entry: Sendable, Equatable {
        /// UTC microseconds.
        package let time: Int64
        package let sequence: UInt64
    }

    package private(set) var bytes: [UInt8] = []
    package private(set) var count = 0
    private var last: Entry?
    private let start: Int64

    /// - Parameter start: the time of the segment's first frame, UTC microseconds.
    package init(start: Int64) { self.start = start }

    /// Appends a frame, whose time must not be before, and whose number must be after, those of the previous frame.
    package mutating func append(time: Int64, sequence: UInt64) {
        let lastTime = last?.time ?? start
        precondition(time >= lastTime && last.map { sequence > $0.sequence } ?? true, "a map only goes forward")
        FrameMap.write(UInt64(time - lastTime), to: &bytes)
        FrameMap.write(last.map { sequence - $0.sequence - 1 } ?? 0, to: &bytes)
        last = Entry(time: time, sequence: sequence)
        count += 1
    }

    /// Returns the frames of an encoded map; `nil` if the bytes are malformed.
    package static func entries(_ bytes: [UInt8], start: Int64, firstSequence: UInt64) -> [Entry]? {
        var entries: [Entry] = []
        var offset = 0
        while offset < bytes.count {
            guard let elapsed = read(bytes, &offset), let skipped = read(bytes, &offset) else { return nil }
            let before = entries.last
            let (time, isLate) = (before?.time ?? start).addingReportingOverflow(Int64(clamping: elapsed))
            let (sequence, isLarge) = (before.map { $0.sequence &+ 1 } ?? firstSequence)
                .addingReportingOverflow(skipped)
            guard !isLate, !isLarge, WireLimits.times.contains(time), sequence <= WireLimits.sequence else {
                return nil
            }
            entries.append(Entry(time: time, sequence: sequence))
        }
        return entries
    }

    private static func write(_ value: UInt64, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private static func read(_ bytes: [UInt8], _ offset: inout Int) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 63, by: 7) {
            guard offset < bytes.count else { return nil }
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
