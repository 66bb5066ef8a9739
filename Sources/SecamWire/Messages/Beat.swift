/// A member's sign of life to the registry, and the registry's to each member, once a second.
///
///     offset  type       field        meaning
///     0       u64        incarnation  incarnation of the sender
///     8       figures    figures      see types.md; may be empty
///     ..      list 256   failing      since version 2: names of cameras that an archive should record but cannot
///     ..      list 8     causes       since version 3: reasons for figures that report problems; for each:
///     +0      u16        metric       the figure; unknown metrics are skipped
///     +2      text 1024  detail       human-readable text
///
/// Unknown metrics are skipped, because members of different versions run side by side.
package struct Beat: WireMessage {
    package static let type = MessageType.beat
    package static let version: UInt8 = 3
    package let incarnation: UInt64
    package let figures: [Figure]
    /// Cameras that an archive should record but cannot.
    package let failing: [Name]
    /// Explanations of the problems in the figures.
    package let causes: [Cause]

    /// - Parameters:
    ///   - failing: cut to `WireLimits.failingCameras` entries.
    ///   - causes: cut to `WireLimits.causesOfMember` entries.
    package init(incarnation: UInt64, figures: [Figure], failing: [Name] = [], causes: [Cause] = []) {
        self.incarnation = incarnation
        self.figures = figures
        self.failing = Array(failing.prefix(WireLimits.failingCameras))
        self.causes = Array(causes.prefix(WireLimits.causesOfMember))
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        incarnation = try reader.integer("incarnation", bytes)
        figures = try Figure.list(bytes, &reader)
        var names: [Name] = []
        if reader.version >= 2 {
            for _ in 0..<(try reader.count("count", limit: WireLimits.failingCameras, bytes)) {
                names.append(try reader.name("name", bytes))
            }
        }
        failing = names
        causes = reader.version >= 3 ? try Cause.list(bytes, &reader) : []
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(incarnation)
        Figure.write(figures, &writer)
        writer.integer(UInt16(failing.count))
        for name in failing { writer.name(name) }
        Cause.write(causes, &writer)
    }
}

/// An explanation of the problem that a figure reports.
package struct Cause: Sendable, Hashable {
    package let metric: Metric
    /// Human-readable text.
    package let detail: String

    package init(_ metric: Metric, _ detail: String) {
        self.metric = metric
        self.detail = detail
    }

    fileprivate static func list(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) -> [Cause] {
        var causes: [Cause] = []
        for _ in 0..<(try reader.count("count", limit: WireLimits.causesOfMember, bytes)) {
            let code = try reader.integer("metric", as: UInt16.self, bytes)
            let detail = try reader.text("detail", limit: WireLimits.text, bytes)
            if let metric = Metric(rawValue: code) { causes.append(Cause(metric, detail)) }
        }
        return causes
    }

    fileprivate static func write(_ causes: [Cause], _ writer: inout WireWriter) {
        writer.integer(UInt16(causes.count))
        for cause in causes {
            writer.choice(cause.metric)
            writer.text(cause.detail, limit: WireLimits.text)
        }
    }
}

/// The value of one metric.
package struct Figure: Sendable, Hashable {
    package let metric: Metric
    package let value: UInt64

    package init(_ metric: Metric, _ value: UInt64) {
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
