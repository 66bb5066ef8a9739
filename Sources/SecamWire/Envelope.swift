/// The eight bytes before every body, on ZeroMQ, TLS and WebSocket alike (proto-spec/envelope.md).
///
///     offset  type  field    meaning
///     0       u32   length   bytes that follow this field: 4 + body
///     4       u16   type     message type
///     6       u8    version  version of the body's layout, from 1
///     7       u8    flags    0 in this version; readers ignore them
package struct Envelope: Sendable, Hashable {
    /// Size of the envelope, bytes.
    package static let size = 8
    /// Bytes that `length` counts besides the body.
    package static let fixedLength = 4

    package let type: MessageType
    package let version: UInt8
    package let flags: UInt8
    /// Size of the body, bytes.
    package let bodyLength: Int

    /// Size of the whole message, bytes.
    package var messageLength: Int { Envelope.size + bodyLength }

    /// The result of reading the start of a stream.
    package enum Outcome: Sendable, Equatable {
        /// At least this many more bytes are needed.
        case needMore(Int)
        case envelope(Envelope)
    }

    /// Reads an envelope at `offset`.
    ///
    /// - Parameter limit: the maximum message size, bytes, including the envelope.
    /// - Throws: as soon as the length field is invalid, so that no peer can make the reader wait or reserve memory.
    package static func read(
        _ bytes: Span<UInt8>, at offset: Int = 0, limit: Int
    ) throws(WireError) -> Outcome {
        let available = bytes.count - offset
        guard available >= 4 else { return .needMore(size - available) }
        var reader = WireReader(offset: offset, end: bytes.count)
        let length = Int(try reader.integer("length", as: UInt32.self, bytes))
        guard length >= fixedLength else { throw .undersized(length: length) }
        guard length + 4 <= limit else { throw .oversized(length: length + 4, limit: limit) }
        guard available >= size else { return .needMore(size - available) }
        let code = try reader.integer("type", as: UInt16.self, bytes)
        let version = try reader.integer("version", as: UInt8.self, bytes)
        let flags = try reader.integer("flags", as: UInt8.self, bytes)
        guard let type = MessageType(rawValue: code) else { throw .unknownType(code) }
        guard version > 0 else { throw .badVersion(version) }
        return .envelope(Envelope(type: type, version: version, flags: flags, bodyLength: length - fixedLength))
    }

    /// Reads the envelope of a message that must be complete, such as a ZeroMQ part.
    package static func readWhole(_ bytes: Span<UInt8>, limit: Int) throws(WireError) -> Envelope {
        switch try read(bytes, limit: limit) {
        case .needMore: throw .truncated(field: "envelope")
        case .envelope(let envelope):
            guard bytes.count >= envelope.messageLength else { throw .truncated(field: "body") }
            guard bytes.count == envelope.messageLength else {
                throw .trailingBytes(count: bytes.count - envelope.messageLength)
            }
            return envelope
        }
    }
}

/// A message type: its layout, encoder and decoder.
package protocol WireMessage: Sendable, Equatable {
    static var type: MessageType { get }
    /// The newest known version of the layout, which the encoder writes.
    static var version: UInt8 { get }
    /// Bytes to reserve for an encoder. More bytes only cost another allocation.
    static var usualLength: Int { get }
    /// Reads the fields at the reader's position.
    init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError)
    /// Appends the fields.
    func write(_ writer: inout WireWriter)
}

extension WireMessage {
    package static var version: UInt8 { 1 }
    package static var usualLength: Int { 64 }

    /// Decodes the body of a whole message whose envelope was read before.
    ///
    /// Fields that a newer version appended are skipped. In a known version, trailing bytes are an error.
    package static func decode(_ bytes: Span<UInt8>, _ envelope: Envelope) throws(WireError) -> Self {
        guard envelope.type == type else { throw .unknownType(envelope.type.rawValue) }
        var reader = WireReader(offset: Envelope.size, end: envelope.messageLength, version: envelope.version)
        let message = try Self(bytes, &reader)
        if envelope.version <= version, reader.remaining > 0 { throw .trailingBytes(count: reader.remaining) }
        return message
    }

    /// Returns the whole message.
    package func encoded() -> [UInt8] {
        var writer = WireWriter(capacity: Self.usualLength)
        writer.integer(UInt32(0))
        writer.choice(Self.type)
        writer.integer(Self.version)
        writer.integer(UInt8(0))
        write(&writer)
        writer.overwrite(at: 0, with: UInt32(writer.bytes.count - 4))
        return writer.bytes
    }
}

/// A message whose fields are followed by a payload that is read and sent in place, without a copy.
///
/// Its body begins with a `u16`, the number of bytes from the body's start to the payload, so that fields can be
/// appended.
package protocol PayloadMessage: WireMessage {}

extension PayloadMessage {
    /// Decodes the fields. The payload is the returned range of the message's bytes.
    package static func decode(
        _ bytes: Span<UInt8>, _ envelope: Envelope
    ) throws(WireError) -> (message: Self, payload: Range<Int>) {
        guard envelope.type == type else { throw .unknownType(envelope.type.rawValue) }
        var prefix = WireReader(offset: Envelope.size, end: envelope.messageLength)
        let headerLength = Int(try prefix.integer("headerLength", as: UInt16.self, bytes))
        guard headerLength >= 2 else { throw .badValue(field: "headerLength") }
        guard headerLength <= envelope.bodyLength else { throw .truncated(field: "header") }
        let payloadStart = Envelope.size + headerLength
        var reader = WireReader(offset: prefix.offset, end: payloadStart, version: envelope.version)
        let message = try Self(bytes, &reader)
        if envelope.version <= version, reader.remaining > 0 { throw .trailingBytes(count: reader.remaining) }
        return (message, payloadStart..<envelope.messageLength)
    }

    @available(*, unavailable, message: "give the size of the payload")
    package func encoded() -> [UInt8] { encoded(payload: 0) }

    /// Returns the message up to its payload of `payload` bytes.
    package func encoded(payload: Int) -> [UInt8] {
        var fields = WireWriter()
        write(&fields)
        var writer = WireWriter(capacity: Envelope.size + 2 + fields.bytes.count)
        writer.integer(UInt32(Envelope.fixedLength + 2 + fields.bytes.count + payload))
        writer.choice(Self.type)
        writer.integer(Self.version)
        writer.integer(UInt8(0))
        writer.integer(UInt16(2 + fields.bytes.count))
        writer.raw(fields.bytes)
        return writer.bytes
    }
}
