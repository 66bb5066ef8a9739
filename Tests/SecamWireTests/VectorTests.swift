import SecamWire
import Testing

@Suite struct VectorTests {
    @Test(arguments: OkVector.all)
    func `a message of the specification is decoded as specified and encoded to the same bytes`(_ vector: OkVector)
        throws
    {
        let decoded = try KnownMessage.receive(vector.bytes)
        #expect(decoded.name == vector.message)
        #expect(decoded.fields == vector.fields)
        if vector.isNewer || vector.isOlder {
            #expect(decoded.encoded != vector.bytes, "this version encodes it identically")
        } else {
            #expect(hexadecimal(decoded.encoded) == hexadecimal(vector.bytes))
        }
    }

    @Test(arguments: BadVector.all)
    func `bytes that the specification rejects are rejected for its reason`(_ vector: BadVector) {
        #expect {
            _ = try KnownMessage.receive(vector.bytes, limit: vector.limit)
        } throws: { error in
            guard let error = error as? WireError else { return false }
            return error.name == vector.error && error.field == vector.field
        }
    }

    @Test func `every message has a vector`() {
        for type in MessageType.allCases {
            let known = KnownMessage.all.filter { $0.type == type }
            #expect(known.count == 1, "\(type)")
            #expect(OkVector.all.contains { $0.message == known.first?.name && !$0.isNewer }, "\(type)")
        }
    }

    @Test func `every error class has a vector, and every vector a specified class`() throws {
        let document = try Specification.section("## Classes", of: Specification.document("errors.md"))
        let classes = Set(Specification.rows(of: document).map { $0[0].filter { $0 != "`" } })
        #expect(classes == Set(BadVector.all.map(\.error)))
        #expect(classes == Set(WireError.examples.map(\.name)))
    }

    @Test(arguments: OkVector.all.filter { !$0.isNewer })
    func `a message truncated anywhere is rejected as truncated`(_ vector: OkVector) throws {
        for count in 0..<vector.bytes.count {
            let error = try #require(throws: WireError.self) {
                try KnownMessage.receive(Array(vector.bytes.prefix(count)))
            }
            #expect(error.name == "truncated", "after \(count) bytes")
        }
        let envelope = try Envelope.readWhole(vector.bytes.span, limit: WireLimits.meshMessage)
        let hasPayload = [.frame, .work, .result].contains(envelope.type)
        let headerLength = Int(vector.bytes.dropFirst(8).first ?? 0) | Int(vector.bytes.dropFirst(9).first ?? 0) << 8
        let fieldsEnd = hasPayload ? Envelope.size + headerLength : vector.bytes.count
        for end in Envelope.size..<fieldsEnd {
            var bytes = Array(vector.bytes.prefix(end))
            bytes.replace(UInt32(end - 4), at: 0)
            if hasPayload, end >= Envelope.size + 2 { bytes.replace(UInt16(end - Envelope.size), at: 8) }
            let error = try #require(throws: WireError.self) { try KnownMessage.receive(bytes) }
            #expect(error.name == "truncated", "body ends after \(end - Envelope.size) bytes")
        }
    }
}

extension [UInt8] {
    /// Overwrites bytes with a little-endian integer.
    mutating func replace(_ value: some FixedWidthInteger, at offset: Int) {
        for index in 0..<(value.bitWidth / 8) { self[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
    }
}

extension WireError {
    /// The field of the error, if it has one.
    var field: String? {
        switch self {
        case .truncated(let field), .badValue(let field), .badText(let field), .tooLong(let field, _, _): field
        case .oversized, .undersized, .unknownType, .badVersion, .trailingBytes: nil
        }
    }

    static let examples: [WireError] = [
        .oversized(length: 9, limit: 8), .undersized(length: 3), .unknownType(5), .badVersion(0),
        .truncated(field: "a"), .trailingBytes(count: 1), .badValue(field: "a"),
        .tooLong(field: "a", count: 2, limit: 1), .badText(field: "a"),
    ]
}
