import SecamWire
import Testing

@Suite struct VectorTests {
    @Test("A message of the specification is read as it says, and written byte for byte", arguments: OkVector.all)
    func accepted(_ vector: OkVector) throws {
        let decoded = try KnownMessage.receive(vector.bytes)
        #expect(decoded.name == vector.message)
        #expect(decoded.fields == vector.fields)
        if vector.isNewer || vector.isOlder {
            #expect(decoded.encoded != vector.bytes, "this version writes it just so")
        } else {
            #expect(hexadecimal(decoded.encoded) == hexadecimal(vector.bytes))
        }
    }

    @Test("Bytes that the specification refuses are refused for its reason", arguments: BadVector.all)
    func refused(_ vector: BadVector) {
        #expect {
            _ = try KnownMessage.receive(vector.bytes, limit: vector.limit)
        } throws: { error in
            guard let error = error as? WireError else { return false }
            return error.name == vector.error && error.field == vector.field
        }
    }

    @Test("Every message has a vector")
    func everyMessageHasAVector() {
        for type in MessageType.allCases {
            let known = KnownMessage.all.filter { $0.type == type }
            #expect(known.count == 1, "\(type)")
            #expect(OkVector.all.contains { $0.message == known.first?.name && !$0.isNewer }, "\(type)")
        }
    }

    @Test("Every class of errors has a vector, and every vector a class of the specification")
    func everyErrorHasAVector() throws {
        let document = try Specification.section("## Classes", of: Specification.document("errors.md"))
        let classes = Set(Specification.rows(of: document).map { $0[0].filter { $0 != "`" } })
        #expect(classes == Set(BadVector.all.map(\.error)))
        #expect(classes == Set(WireError.examples.map(\.name)))
    }

    @Test("A message that ends early anywhere is truncated", arguments: OkVector.all.filter { !$0.isNewer })
    func truncatedAnywhere(_ vector: OkVector) throws {
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
    /// Overwrites bytes with an integer in little-endian order.
    mutating func replace(_ value: some FixedWidthInteger, at offset: Int) {
        for index in 0..<(value.bitWidth / 8) { self[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
    }
}

extension WireError {
    /// Where the error was noticed, if it belongs to a field.
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
