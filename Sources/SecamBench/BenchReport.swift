import SecamBase

/// The results of a benchmark, as a table or as JSON.
struct BenchReport {
    enum Value {
        case text(String)
        case number(Double, digits: Int)
        /// Not measured.
        case none
    }

    struct Column {
        /// Key in JSON.
        let key: String
        /// Title in the table, with the unit.
        let title: String

        init(_ key: String, _ title: String) {
            self.key = key
            self.title = title
        }
    }

    struct Part {
        let key: String
        let title: String
        let columns: [Column]
        var rows: [[Value]] = []
        /// Figures of the whole part.
        var figures: [(key: String, value: Value)] = []
        /// Notes below the table, such as what was left out.
        var notes: [String] = []

        init(_ key: String, _ title: String, _ columns: [Column]) {
            self.key = key
            self.title = title
            self.columns = columns
        }

        mutating func add(_ row: [Value]) {
            precondition(row.count == columns.count, "a row has a value for each column")
            rows.append(row)
        }
    }

    /// Note of a part that was cut short.
    static let outOfTime = "out of time: further measurements were left out"

    let machine: Machine
    let versions: [(program: String, version: String)]
    var parts: [Part] = []

    var json: String {
        let machineText = JSONText.object([
            "model": JSONText.string(machine.model), "cores": "\(machine.cores)",
            "kernel": JSONText.string(machine.kernel), "load": JSONText.string(machine.load),
        ])
        let versionText = JSONText.array(
            versions.map {
                JSONText.object(["program": JSONText.string($0.program), "version": JSONText.string($0.version)])
            })
        return JSONText.object([
            "machine": machineText, "versions": versionText, "parts": JSONText.object(parts.map { ($0.key, $0.json) }),
        ])
    }

    var table: String {
        var text = "\(machine.model), \(machine.cores) cores, Linux \(machine.kernel), load \(machine.load)\n"
        text += versions.map { "\($0.program) \($0.version)" }.joined(separator: ", ") + "\n"
        for part in parts { text += "\n" + part.table }
        return text
    }
}

extension BenchReport.Value {
    /// Returns a number, or `none` for `nil`.
    static func number(_ value: Double?, _ digits: Int) -> BenchReport.Value {
        value.map { .number($0, digits: digits) } ?? .none
    }

    fileprivate var json: String {
        switch self {
        case .text(let text): JSONText.string(text)
        case .number(let number, let digits): JSONText.number(number, digits: digits)
        case .none: "null"
        }
    }

    fileprivate var shown: String {
        switch self {
        case .text(let text): text
        case .number(let number, let digits): Decimal.text(number, digits: digits)
        case .none: "-"
        }
    }

    fileprivate var isText: Bool {
        if case .text = self { true } else { false }
    }
}

extension BenchReport.Part {
    fileprivate var json: String {
        let rowTexts = rows.map { row in JSONText.object(zip(columns, row).map { ($0.key, $1.json) }) }
        return JSONText.object([
            "title": JSONText.string(title),
            "figures": JSONText.object(figures.map { ($0.key, $0.value.json) }),
            "rows": JSONText.array(rowTexts),
            "notes": JSONText.array(notes.map(JSONText.string)),
        ])
    }

    fileprivate var table: String {
        var text = title + "\n"
        if !rows.isEmpty {
            let cells = [columns.map(\.title)] + rows.map { $0.map(\.shown) }
            let widths = columns.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
            for (index, row) in cells.enumerated() {
                let fields = columns.indices.map { column in
                    let padding = String(repeating: " ", count: widths[column] - row[column].count)
                    let isLeft = index == 0 ? rows[0][column].isText : rows[index - 1][column].isText
                    return isLeft ? row[column] + padding : padding + row[column]
                }
                text += "  " + fields.joined(separator: "  ") + "\n"
            }
        }
        if !figures.isEmpty {
            text += "  " + figures.map { "\($0.key) \($0.value.shown)" }.joined(separator: "  ") + "\n"
        }
        for note in notes { text += "  * \(note)\n" }
        return text
    }
}

/// Numbers with a fixed count of decimal places, for the columns of tables.
enum Decimal {
    static func text(_ value: Double, digits: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "-" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int64((abs(value) * scale).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        let whole = scaled / Int64(scale)
        guard digits > 0 else { return sign + "\(whole)" }
        let fraction = "\(scaled % Int64(scale))"
        return sign + "\(whole)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}

/// Exact percentiles of a few thousand durations.
struct Durations {
    private let sorted: [Int64]

    /// - Parameter microseconds: in any order.
    init(microseconds: [Int64]) { sorted = microseconds.sorted() }

    /// Returns a percentile, such as the median for `fraction` 0.5, in milliseconds; `nil` without values.
    func milliseconds(_ fraction: Double) -> Double? {
        guard !sorted.isEmpty else { return nil }
        let rank = Int((Double(sorted.count) * fraction).rounded(.up))
        return Double(sorted[min(max(rank, 1), sorted.count) - 1]) / 1000
    }
}
