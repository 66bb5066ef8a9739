/// A growing array to which a message's fields are appended.
package struct WireWriter: Sendable {
    package private(set) var bytes: [UInt8]

    package init(capacity: Int = 64) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    package mutating func integer<Value: FixedWidthInteger>(_ value: Value) {
        for index in 0..<(Value.bitWidth / 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> Value(truncatingIfNeeded: 8 * index)))
        }
    }

    package mutating func choice<Value: RawRepresentable>(_ value: Value) where Value.RawValue: FixedWidthInteger {
        integer(value.rawValue)
    }

    /// Writes the raw value, or 0 for `nil`.
    package mutating func optionalChoice<Value: RawRepresentable>(
        _ value: Value?
    ) where Value.RawValue: FixedWidthInteger {
        integer(value?.rawValue ?? 0)
    }

    /// Writes a byte that is 0 or 1.
    package mutating func flag(_ value: Bool) { bytes.append(value ? 1 : 0) }

    /// Writes reserved bytes.
    package mutating func zeros(_ count: Int) {
        for _ in 0..<count { bytes.append(0) }
    }

    /// Writes a text. A text beyond the field's limit is cut at a character, so that every message about a peer can be
    /// sent.
    package mutating func text(_ text: String, limit: Int) {
        var kept = Substring(text)
        while kept.utf8.count > limit { kept.removeLast() }
        integer(UInt16(kept.utf8.count))
        bytes.append(contentsOf: kept.utf8)
    }

    /// Writes at most 65,535 bytes with their length.
    package mutating func secret(_ secret: Secret) {
        integer(UInt16(secret.count))
        unsafe secret.withBytes { source in unsafe bytes.append(contentsOf: source) }
    }

    package mutating func name(_ name: Name) {
        text(name.text, limit: WireLimits.name)
    }

    package mutating func raw(_ raw: some Sequence<UInt8>) {
        bytes.append(contentsOf: raw)
    }

    /// Writes a `u16` count of entries, then the entries.
    mutating func list<Element: WireElement>(_ list: [Element]) {
        integer(UInt16(list.count))
        for element in list { element.write(&self) }
    }

    /// A `u16` count of entries, then the entries.
    mutating func list<Element: SkippableWireElement>(_ list: [Element]) {
        integer(UInt16(list.count))
        for element in list { element.write(&self) }
    }

    mutating func overwrite(at offset: Int, with value: UInt32) {
        for index in 0..<4 { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * index)) }
    }
}
