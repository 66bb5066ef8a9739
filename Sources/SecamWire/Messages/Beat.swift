/// Sent by each member to the registry once a second, and by the registry to each member.
///
///     offset  size  field
///     0       8     incarnation  the sender's
///     8       2     count        of figures; then for each:
///     +0      2     metric
///     +2      8     value
///
/// A metric that the reader does not know is passed over, since members of different versions live side by side.
public struct Beat: WireMessage {
    public static let type = MessageType.beat
    public let incarnation: UInt64
    public let figures: [Figure]

    public init(incarnation: UInt64, figures: [Figure]) {
        self.incarnation = incarnation
        self.figures = figures
    }

    public init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        incarnation = try reader.integer("incarnation", bytes)
        figures = try Figure.list(bytes, &reader)
    }

    public func write(_ writer: inout WireWriter) {
        writer.integer(incarnation)
        Figure.write(figures, &writer)
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
