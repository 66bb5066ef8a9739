/// Somebody asks what was recorded; the answer is `Found`.
///
///     offset  size  field
///     0       4     request   chosen by the asker; the answer has it too
///     4       1     kinds     set: bit 0 recordings, 1 events, 2 gaps; not 0
///     5       3     reserved  0
///     8       8     from      UTC microseconds
///     16      8     to        UTC microseconds, after from
///     24      2     count     of cameras, 0 for all; then for each:
///     +0      2+n   name
///     since version 2:
///     ..      4     limit     recordings, events and gaps that are wanted at most, each, the last ones; 1 to 100,000
public struct Search: WireMessage {
    public static let type = MessageType.search
    public static let version: UInt8 = 2
    /// Entries of each kind that one answer has at most.
    public static let largestLimit: UInt32 = 100_000
    public let request: UInt32
    public let kinds: FoundKinds
    /// UTC microseconds.
    public let from: Int64
    /// UTC microseconds; what begins then is not meant any more.
    public let to: Int64
    public let cameras: [Camera]
    public let limit: UInt32

    public struct Camera: Sendable, Hashable {
        public let name: Name

        public init(name: Name) { self.name = name }
    }

    public init(
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

    public init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
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

    public func write(_ writer: inout WireWriter) {
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

/// What is looked for.
public struct FoundKinds: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let recordings = FoundKinds(rawValue: 1)
    public static let events = FoundKinds(rawValue: 2)
    public static let gaps = FoundKinds(rawValue: 4)
    public static let all: FoundKinds = [.recordings, .events, .gaps]
}
