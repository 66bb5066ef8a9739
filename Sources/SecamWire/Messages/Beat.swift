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
///     since version 3:
///     ..      2     count        of causes; then for each:
///     +0      2     metric       the figure that tells of a problem
///     +2      2+n   detail       why, for people
///
/// A metric that the reader does not know is passed over, since members of different versions live side by side.
package struct Beat: WireMessage {
    package static let type = MessageType.beat
    package static let version: UInt8 = 3
    package let incarnation: UInt64
    package let figures: [Figure]
    /// Cameras that an archive is to record and cannot.
    package let failing: [Name]
    /// Why figures tell of problems.
    package let causes: [Cause]

    /// - Parameters:
    ///   - failing: of more than `WireLimits.failingCameras` the first are told.
    ///   - causes: of more than `WireLimits.causesOfMember` the first are told.
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

/// Why a figure tells of a problem.
package struct Cause: Sendable, Hashable {
    package let metric: Metric
    /// For people.
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

/// One running figure and its value.
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
