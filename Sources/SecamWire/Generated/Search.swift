// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// SEARCH: Searches recordings, events and gaps.
///
///     offset  size  field
///     0       4     request
///     4       1     kinds
///     5       3     reserved
///     8       8     from
///     16      8     to
///     24      2     count of cameras; for each:
///     +0      2+n   name
///     ..      4     limit, since version 2
package struct Search: WireMessage {
    package static let type = MessageType.search
    package static let version: UInt8 = 2
    /// Number chosen by the requester; the answer repeats it.
    package let request: UInt32
    /// Set of requested entries: bit 0 recordings, 1 events, 2 gaps; not 0, no other bits.
    package let kinds: FoundKinds
    /// UTC microseconds.
    package let from: Int64
    /// UTC microseconds, after `from`.
    package let to: Int64
    /// Empty for all cameras.
    package let cameras: [Camera]
    /// Maximum number of entries of each kind, 1 to 100 000.
    package let limit: UInt32

    /// An entry of `cameras`.
    package struct Camera: WireElement, Sendable, Hashable {
        package let name: Name

        package init(name: Name) { self.name = name }

        init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
            name = try reader.name("name", bytes)
        }

        func write(_ writer: inout WireWriter) {
            writer.name(name)
        }
    }

    package init(
        request: UInt32, kinds: FoundKinds, from: Int64, to: Int64, cameras: [Camera] = [],
        limit: UInt32 = WireLimits.answer
    ) {
        precondition(to > from)
        precondition(cameras.count <= WireLimits.members)
        precondition((1...WireLimits.answer).contains(limit))
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
        cameras = try reader.list("count", limit: WireLimits.members, bytes)
        if reader.version >= 2 {
            limit = try reader.integer("limit", bytes)
            guard (1...WireLimits.answer).contains(limit) else { throw .badValue(field: "limit") }
        } else {
            limit = WireLimits.answer
        }
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(request)
        writer.integer(kinds.rawValue)
        writer.zeros(3)
        writer.integer(from)
        writer.integer(to)
        writer.list(cameras)
        writer.integer(limit)
    }
}
