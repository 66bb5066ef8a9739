/// The state of an event at a camera. A motion service sends these fields in DETECTION, and a camera in EVENT.
///
///     offset  type           field         meaning
///     0       u8 EventKind   kind
///     1       u8 EventState  state
///     2       zero 2         reserved
///     4       u64            id            random number chosen by the originator; the same in start, updates and end
///     12      i64            start         UTC microseconds of the first sign of the event
///     20      i64            last          UTC microseconds of the last sign of the event, not before start
///     28      i64            peakTime      UTC microseconds of the peak, the moment at which most was visible
///     36      u64            peakSequence  sequence number of the frame of the peak, in the camera's incarnation; 0
///                                          for none
///     44      box            peakBox       one box around all motion at the peak
///     56      list 16        boxes         present motion; empty at the end; for each:
///     +0      box
///
/// A box:
///
///     +0      u16            x             left edge, in 65535ths of the picture's width
///     +2      u16            y             upper edge, in 65535ths of the picture's height
///     +4      u16            width         in 65535ths of the picture's width; x + width at most 65535
///     +6      u16            height        in 65535ths of the picture's height; y + height at most 65535
///     +8      u32            score         prominence in tenths: 50 is low, thousands are a person close by
package struct CameraEvent: Sendable, Hashable {
    package let kind: EventKind
    package let state: EventState
    package let id: UInt64
    /// UTC microseconds.
    package let start: Int64
    /// UTC microseconds.
    package let last: Int64
    /// UTC microseconds.
    package let peakTime: Int64
    package let peakSequence: UInt64
    package let peakBox: Box
    package let boxes: [Box]

    /// A part of the picture, in 65535ths of its width and height from the left and upper edge.
    package struct Box: Sendable, Hashable {
        package let x: UInt16
        package let y: UInt16
        package let width: UInt16
        package let height: UInt16
        /// Prominence, in tenths.
        package let score: UInt32

        package init(x: UInt16, y: UInt16, width: UInt16, height: UInt16, score: UInt32) {
            self.x = x
            self.y = y
            self.width = width
            self.height = height
            self.score = score
        }

        package static let none = Box(x: 0, y: 0, width: 0, height: 0, score: 0)

        fileprivate init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
            x = try reader.integer("x", bytes)
            y = try reader.integer("y", bytes)
            width = try reader.integer("width", bytes)
            guard Int(x) + Int(width) <= Int(UInt16.max) else { throw .badValue(field: "width") }
            height = try reader.integer("height", bytes)
            guard Int(y) + Int(height) <= Int(UInt16.max) else { throw .badValue(field: "height") }
            score = try reader.integer("score", bytes)
        }

        fileprivate func write(_ writer: inout WireWriter) {
            writer.integer(x)
            writer.integer(y)
            writer.integer(width)
            writer.integer(height)
            writer.integer(score)
        }
    }

    package init(
        kind: EventKind, state: EventState, id: UInt64, start: Int64, last: Int64, peakTime: Int64,
        peakSequence: UInt64, peakBox: Box, boxes: [Box]
    ) {
        precondition(last >= start && boxes.count <= WireLimits.boxes)
        self.kind = kind
        self.state = state
        self.id = id
        self.start = start
        self.last = last
        self.peakTime = peakTime
        self.peakSequence = peakSequence
        self.peakBox = peakBox
        self.boxes = boxes
    }

    init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        kind = try reader.choice("kind", bytes)
        state = try reader.choice("state", bytes)
        try reader.skip("reserved", count: 2)
        id = try reader.integer("id", bytes)
        start = try reader.time("start", bytes)
        last = try reader.time("last", bytes)
        guard last >= start else { throw .badValue(field: "last") }
        peakTime = try reader.time("peakTime", bytes)
        peakSequence = try reader.sequence("peakSequence", bytes)
        peakBox = try Box(bytes, &reader)
        var list: [Box] = []
        for _ in 0..<(try reader.count("count", limit: WireLimits.boxes, bytes)) {
            list.append(try Box(bytes, &reader))
        }
        boxes = list
    }

    func write(_ writer: inout WireWriter) {
        writer.choice(kind)
        writer.choice(state)
        writer.integer(UInt16(0))
        writer.integer(id)
        writer.integer(start)
        writer.integer(last)
        writer.integer(peakTime)
        writer.integer(peakSequence)
        peakBox.write(&writer)
        writer.integer(UInt16(boxes.count))
        for box in boxes { box.write(&writer) }
    }

    /// Returns the ended event, without motion.
    package var ended: CameraEvent {
        CameraEvent(
            kind: kind, state: .end, id: id, start: start, last: last, peakTime: peakTime, peakSequence: peakSequence,
            peakBox: peakBox, boxes: [])
    }
}

package enum EventKind: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// Something moves.
    case motion = 1
    /// Motion detection is required, but no motion service watches.
    case unwatched = 2

    package var description: String {
        switch self {
        case .motion: "motion"
        case .unwatched: "unwatched"
        }
    }
}

package enum EventState: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    case start = 1
    case update = 2
    case end = 3

    package var description: String {
        switch self {
        case .start: "start"
        case .update: "update"
        case .end: "end"
        }
    }
}
