/// A query for recordings, events and gaps. The answer is FOUND.
///
///     offset  type       field     meaning
///     0       u32        request   number chosen by the requester; the answer repeats it
///     4       u8         kinds     set of requested entries: bit 0 recordings, 1 events, 2 gaps; not 0, no other bits
///     5       zero 3     reserved
///     8       i64        from      UTC microseconds
///     16      i64        to        UTC microseconds, after from
///     24      list 4096  cameras   empty for all cameras; for each:
///     +0      name       name
///     ..      u32        limit     since version 2: maximum number of entries of each kind, 1 to 100 000
package struct Search: WireMessage {
    package static let type = MessageType.search
    package static let version: UInt8 = 2
    /// Maximum number of entries of each kind in one answer.
    package static let largestLimit: UInt32 = 100_000
    package let request: UInt32
    package let kinds: FoundKinds
    /// UTC microseconds.
    package let from: Int64
    /// UTC microseconds, exclusive.
    package let to: Int64
    package let cameras: [Camera]
    package let limit: UInt32

    package struct Camera: Sendable, Hashable {
        package let name: Name

        package init(name: Name) { self.name = name }
    }

    package init(
        request: UInt32, kinds: FoundKinds, from: Int64, to: Int64, cameras: [Camera] = [],
        limit: UInt32 = Search.largestLimit
    ) {
        precondition(from < to && cameras.count <= WireLimits.members && (1...Search.largestLimit).contains(limit))
        self.request = request
        self.kinds = kinds
        self.from = from
        self.to = to
        self.cameras = cameras
        self.limit = limit
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        request = try reader.integer("request", bytes)
        kinds = FoundKinds(rawValue: try reader.integer("kinds", bytes))
        guard !kinds.isEmpty, kinds.isSubset(of: .all) else { throw .badValue(field: "kinds") }
        try reader.skip("reserved", count: 3)
        from = try reader.timeBound("from", bytes)
        to = try reader.timeBound("to", bytes)
        guard to > from else { throw .badValue(field: "to") }
        var list: [Camera] = []
        for _ in 0..<(try reader.count("count", limit: WireLimits.members, bytes)) {
            list.append(Camera(name: try reader.name("name", bytes)))
        }
        cameras = list
        limit = reader.version >= 2 ? try reader.integer("limit", bytes) : Search.largestLimit
        guard (1...Search.largestLimit).contains(limit) else { throw .badValue(field: "limit") }
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(request)
        writer.integer(kinds.rawValue)
        writer.raw([0, 0, 0])
        writer.integer(from)
        writer.integer(to)
        writer.integer(UInt16(cameras.count))
        for camera in cameras { writer.name(camera.name) }
        writer.integer(limit)
    }
}

/// The kinds of entries that a search returns.
package struct FoundKinds: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let recordings = FoundKinds(rawValue: 1)
    package static let events = FoundKinds(rawValue: 2)
    package static let gaps = FoundKinds(rawValue: 4)
    package static let all: FoundKinds = [.recordings, .events, .gaps]
}
