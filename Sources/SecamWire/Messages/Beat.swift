/// Sent by each member to the registry once a second, and by the registry to each member.
///
///     offset  size  field
///     0       8     incarnation  the sender's
///     8       2     count        of figures; then for each:
///     +0      2     metric
///     +2      8     value
///     since version 2:
///     ..      2     count        of failing; then for each:
///     +0      2+n   name         a camera that an archive is to record and cannot
///
/// A metric that the reader does not know is passed over, since members of different versions live side by side.
public struct Beat: WireMessage {
    public static let type = MessageType.beat
    public static let version: UInt8 = 2
    public let incarnation: UInt64
    public let figures: [Figure]
    /// Cameras that an archive is to record and cannot.
    public let failing: [Name]

    /// - Parameter failing: of more than `WireLimits.failingCameras` the first are told.
    public init(incarnation: UInt64, figures: [Figure], failing: [Name] = []) {
        self.incarnation = incarnation
        self.figures = figures
        self.failing = Array(failing.prefix(WireLimits.failingCameras))
    }

    public init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        incarnation = try reader.integer("incarnation", bytes)
        figures = try Figure.list(bytes, &reader)
        var names: [Name] = []
        if reader.version >= 2 {
            for _ in 0..<(try reader.count("count", limit: WireLimits.failingCameras, bytes)) {
                names.append(try reader.name("name", bytes))
            }
        }
        failing = names
    }

    public func write(_ writer: inout WireWriter) {
        writer.integer(incarnation)
        Figure.write(figures, &writer)
        writer.integer(UInt16(failing.count))
        for name in failing { writer.name(name) }
    }
}

/// One running figure and its value.
public struct Figure: Sendable, Hashable {
    public let metric: Metric
    public let value: UInt64

    public init(_ metric: Metric, _ value: UInt64) {
        self.metric = metric
        self.value = value
    }

    static func list(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) -> [Figure] {
        var figures: [Figure] = []
        for _ in 0..<(try reader.count("count", limit: WireLimits.figures, bytes)) {
            let code = try reader.integer("metric", as: UInt16.self, bytes)
            let value = try reader.integer("value", as: UInt64.self, bytes)
            if let metric = Metric(rawValue: code) { figures.append(Figure(metric, value)) }
        }
        return figures
    }

    static func write(_ figures: [Figure], _ writer: inout WireWriter) {
        writer.integer(UInt16(figures.count))
        for figure in figures {
            writer.choice(figure.metric)
            writer.integer(figure.value)
        }
    }
}
