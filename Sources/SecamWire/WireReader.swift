/// A position in a message's body, from which fields are read in order.
///
/// The bytes are passed to each call instead of being held, so the reader needs no lifetime of its own.
package struct WireReader: Sendable {
    package private(set) var offset: Int
    package let end: Int
    /// The version of the body's layout. An older layout lacks the fields that a later version appended.
    package let version: UInt8

    package init(offset: Int, end: Int, version: UInt8 = 1) {
        self.offset = offset
        self.end = end
        self.version = version
    }

    package var remaining: Int { end - offset }

    /// Reads a little-endian unsigned integer.
    package mutating func integer<Value: FixedWidthInteger>(
        _ field: StaticString, as type: Value.Type = Value.self, _ bytes: Span<UInt8>
    ) throws(WireError) -> Value {
        let width = Value.bitWidth / 8
        guard remaining >= width else { throw .truncated(field: "\(field)") }
        var value: Value = 0
        for index in 0..<width {
            value |= Value(truncatingIfNeeded: bytes[offset + index]) << Value(truncatingIfNeeded: 8 * index)
        }
        offset += width
        return value
    }

    /// Reads an integer that is a raw value of `type`.
    package mutating func choice<Value: RawRepresentable>(
        _ field: StaticString, as type: Value.Type = Value.self, _ bytes: Span<UInt8>
    ) throws(WireError) -> Value where Value.RawValue: FixedWidthInteger {
        let raw: Value.RawValue = try integer(field, bytes)
        guard let value = Value(rawValue: raw) else { throw .badValue(field: "\(field)") }
        return value
    }

    /// Reads an integer that is the raw value of `type`, or 0 for `nil`.
    package mutating func optionalChoice<Value: RawRepresentable>(
        _ field: StaticString, as type: Value.Type = Value.self, _ bytes: Span<UInt8>
    ) throws(WireError) -> Value? where Value.RawValue: FixedWidthInteger {
        let raw: Value.RawValue = try integer(field, bytes)
        let value = Value(rawValue: raw)
        guard raw == 0 || value != nil else { throw .badValue(field: "\(field)") }
        return value
    }

    /// Reads a byte that is 0 or 1.
    package mutating func flag(_ field: StaticString, _ bytes: Span<UInt8>) throws(WireError) -> Bool {
        let value = try integer(field, as: UInt8.self, bytes)
        guard value <= 1 else { throw .badValue(field: "\(field)") }
        return value == 1
    }

    /// Reads a time, UTC microseconds, within limits that prevent overflow when times are added and subtracted.
    package mutating func time(_ field: StaticString, _ bytes: Span<UInt8>) throws(WireError) -> Int64 {
        let value = try integer(field, as: Int64.self, bytes)
        guard WireLimits.times.contains(value) else { throw .badValue(field: "\(field)") }
        return value
    }

    /// Reads a time that bounds a search, UTC microseconds, clamped to the limits.
    package mutating func timeBound(_ field: StaticString, _ bytes: Span<UInt8>) throws(WireError) -> Int64 {
        WireLimits.times.clamping(try integer(field, bytes))
    }

    /// Reads the sequence number of a frame or event.
    package mutating func sequence(_ field: StaticString, _ bytes: Span<UInt8>) throws(WireError) -> UInt64 {
        let value = try integer(field, as: UInt64.self, bytes)
        guard value <= WireLimits.sequence else { throw .badValue(field: "\(field)") }
        return value
    }

    /// Reads a text: its `u16` length in bytes, then UTF-8.
    package mutating func text(
        _ field: StaticString, limit: Int, _ bytes: Span<UInt8>
    ) throws(WireError) -> String {
        try text(field, limit: limit, bytes) { String(copying: $0) }
    }

    /// Reads a text that is erased after use and never becomes a `String`.
    package mutating func secret(
        _ field: StaticString, limit: Int, _ bytes: Span<UInt8>
    ) throws(WireError) -> Secret {
        try text(field, limit: limit, bytes) { Secret($0.span) }
    }

    private mutating func text<Value>(
        _ field: StaticString, limit: Int, _ bytes: Span<UInt8>, _ make: (UTF8Span) -> Value
    ) throws(WireError) -> Value {
        let count = Int(try integer(field, as: UInt16.self, bytes))
        guard count <= limit else { throw .tooLong(field: "\(field)", count: count, limit: limit) }
        guard remaining >= count else { throw .truncated(field: "\(field)") }
        guard let text = try? UTF8Span(validating: bytes.extracting(offset..<offset + count)) else {
            throw .badText(field: "\(field)")
        }
        offset += count
        return make(text)
    }

    /// Reads the name of a camera, service or user.
    package mutating func name(_ field: StaticString, _ bytes: Span<UInt8>) throws(WireError) -> Name {
        let text = try text(field, limit: WireLimits.name, bytes)
        guard let name = try? Name(text) else { throw .badValue(field: "\(field)") }
        return name
    }

    /// Reads a fixed number of bytes.
    package mutating func bytes(
        _ field: StaticString, count: Int, _ bytes: Span<UInt8>
    ) throws(WireError) -> [UInt8] {
        guard remaining >= count else { throw .truncated(field: "\(field)") }
        let start = offset
        offset += count
        return Array(copying: bytes.extracting(start..<offset))
    }

    /// Reads a `u16` count of entries, checked against its limit.
    package mutating func count(
        _ field: StaticString, limit: Int, _ bytes: Span<UInt8>
    ) throws(WireError) -> Int {
        let count = Int(try integer(field, as: UInt16.self, bytes))
        guard count <= limit else { throw .tooLong(field: "\(field)", count: count, limit: limit) }
        return count
    }

    /// Reads a `u16` count of entries, then the entries.
    mutating func list<Element: WireElement>(
        _ field: StaticString, atLeast least: Int = 0, limit: Int, _ bytes: Span<UInt8>
    ) throws(WireError) -> [Element] {
        let count = try count(field, limit: limit, bytes)
        guard count >= least else { throw .badValue(field: "\(field)") }
        var list: [Element] = []
        for _ in 0..<count { list.append(try Element(bytes, &self)) }
        return list
    }

    /// Reads a `u16` count of entries, then the entries, without those that have unknown values.
    mutating func knownEntries<Element: SkippableWireElement>(
        _ field: StaticString, limit: Int, _ bytes: Span<UInt8>
    ) throws(WireError) -> [Element] {
        var list: [Element] = []
        for _ in 0..<(try count(field, limit: limit, bytes)) {
            if let element = try Element.read(bytes, &self) { list.append(element) }
        }
        return list
    }

    /// Skips bytes that are unused or read in place.
    package mutating func skip(_ field: StaticString, count: Int) throws(WireError) {
        guard count >= 0, remaining >= count else { throw .truncated(field: "\(field)") }
        offset += count
    }
}

/// An entry of a list, or consecutive fields of a message that belong together.
protocol WireElement {
    init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError)
    func write(_ writer: inout WireWriter)
}

/// An entry of a list that a reader skips if it does not know one of its values.
protocol SkippableWireElement {
    static func read(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) -> Self?
    func write(_ writer: inout WireWriter)
}

extension Name: WireElement {
    init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        self = try reader.name("name", bytes)
    }

    func write(_ writer: inout WireWriter) { writer.name(self) }
}
