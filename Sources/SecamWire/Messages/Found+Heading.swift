extension Found {
    /// The fields before the lists, which tell whether the rest is of use.
    package struct Heading {
        package let request: UInt32
        package let last: Bool
        package let volume: UInt64
    }

    /// Decodes the fields before the lists, which take much longer.
    package static func decodeHeading(_ bytes: Span<UInt8>, _ envelope: Envelope) throws(WireError) -> Heading {
        var reader = WireReader(offset: Envelope.size, end: envelope.messageLength)
        let request = try reader.integer("request", as: UInt32.self, bytes)
        let last = try reader.flag("last", bytes)
        _ = try reader.flag("partial", bytes)
        try reader.skip("reserved", count: 2)
        return Heading(request: request, last: last, volume: try reader.integer("volume", bytes))
    }
}
