// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// An event of a camera at one moment.
///
///     offset  size  field
///     0       1     kind
///     1       1     state
///     2       2     reserved
///     4       8     id
///     12      8     start
///     20      8     last
///     28      8     peakTime
///     36      8     peakSequence
///     44      12    peakBox
///     56      2     count of boxes
package struct CameraEvent: WireElement, Sendable, Hashable {
    package let kind: EventKind
    package let state: EventState
    /// Random number; the same in start, updates and end.
    package let id: UInt64
    /// UTC microseconds of the first sign of the event.
    package let start: Int64
    /// UTC microseconds of the last sign of the event, not before `start`.
    package let last: Int64
    /// UTC microseconds of the peak, the moment at which most was visible.
    package let peakTime: Int64
    /// Sequence number of the frame of the peak, in the camera's incarnation; 0 for none.
    package let peakSequence: UInt64
    /// One box around all motion at the peak.
    package let peakBox: Box
    /// Present motion; empty at the end.
    package let boxes: [Box]

    package init(
        kind: EventKind, state: EventState, id: UInt64, start: Int64, last: Int64, peakTime: Int64,
        peakSequence: UInt64, peakBox: Box, boxes: [Box]
    ) {
        precondition(last >= start)
        precondition(boxes.count <= WireLimits.boxes)
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
        boxes = try reader.list("count", limit: WireLimits.boxes, bytes)
    }

    func write(_ writer: inout WireWriter) {
        writer.choice(kind)
        writer.choice(state)
        writer.zeros(2)
        writer.integer(id)
        writer.integer(start)
        writer.integer(last)
        writer.integer(peakTime)
        writer.integer(peakSequence)
        peakBox.write(&writer)
        writer.list(boxes)
    }
}

extension CameraEvent {
    /// A part of the picture.
    ///
    ///     offset  size  field
    ///     0       2     x
    ///     2       2     y
    ///     4       2     width
    ///     6       2     height
    ///     8       4     score
    package struct Box: WireElement, Sendable, Hashable {
        /// Left edge, in 65535ths of the picture's width.
        package let x: UInt16
        /// Upper edge, in 65535ths of the picture's height.
        package let y: UInt16
        /// In 65535ths of the picture's width; `x` + `width` at most 65535.
        package let width: UInt16
        /// In 65535ths of the picture's height; `y` + `height` at most 65535.
        package let height: UInt16
        /// Prominence in tenths: 50 is low, thousands are a person close by.
        package let score: UInt32

        package init(x: UInt16, y: UInt16, width: UInt16, height: UInt16, score: UInt32) {
            self.x = x
            self.y = y
            self.width = width
            self.height = height
            self.score = score
        }

        init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
            x = try reader.integer("x", bytes)
            y = try reader.integer("y", bytes)
            width = try reader.integer("width", bytes)
            guard Int(x) + Int(width) <= 65_535 else { throw .badValue(field: "width") }
            height = try reader.integer("height", bytes)
            guard Int(y) + Int(height) <= 65_535 else { throw .badValue(field: "height") }
            score = try reader.integer("score", bytes)
        }

        func write(_ writer: inout WireWriter) {
            writer.integer(x)
            writer.integer(y)
            writer.integer(width)
            writer.integer(height)
            writer.integer(score)
        }
    }
}
