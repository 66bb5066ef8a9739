import SecamWire

/// A decoded message of any type.
struct Decoded: Equatable {
    let name: String
    let fields: FieldValue
    /// The message encoded again, including its payload.
    let encoded: [UInt8]
}

/// A message's name in the specification, and its decoder.
struct KnownMessage: Sendable {
    let name: String
    let type: MessageType
    let decode: @Sendable (Span<UInt8>, Envelope) throws(WireError) -> Decoded

    static func plain<Message: WireMessage>(_ name: String, _: Message.Type) -> KnownMessage {
        KnownMessage(name: name, type: Message.type) { bytes, envelope throws(WireError) in
            let message: Message = try Message.decode(bytes, envelope)
            return Decoded(name: name, fields: FieldValue(properties: message), encoded: message.encoded())
        }
    }

    static func withPayload<Message: PayloadMessage>(_ name: String, _: Message.Type) -> KnownMessage {
        KnownMessage(name: name, type: Message.type) { bytes, envelope throws(WireError) in
            let (message, range) = try Message.decode(bytes, envelope)
            let payload = range.map { bytes[$0] }
            guard case .object(var fields) = FieldValue(properties: message) else { fatalError("not an object") }
            fields["payload"] = .text(hexadecimal(payload))
            return Decoded(
                name: name, fields: .object(fields), encoded: message.encoded(payload: payload.count) + payload)
        }
    }

    static let all: [KnownMessage] = [
        .plain("PING", Ping.self), .plain("PONG", Pong.self), .plain("ERROR", ErrorMessage.self),
        .plain("BYE", Bye.self),
        .plain("OPEN", OpenFlow.self), .plain("CREDIT", Credit.self), .withPayload("FRAME", Frame.self),
        .plain("GAP", Gap.self), .plain("ACK", Acknowledge.self), .plain("CLOSE", CloseFlow.self),
        .plain("EVENT", Event.self), .plain("DETECTION", Detection.self),
        .plain("GRANT", Grant.self), .withPayload("WORK", Work.self), .withPayload("RESULT", WorkResult.self),
        .plain("SHARE", Share.self),
        .plain("JOIN", Join.self), .plain("BEAT", Beat.self), .plain("ROSTER", Roster.self),
        .plain("POLICY", Policy.self), .plain("REFUSED", Refused.self), .plain("CAMERA", CameraReport.self),
        .plain("LEAVE", Leave.self), .plain("STATUS_REQUEST", StatusRequest.self), .plain("STATUS", Status.self),
        .plain("ASSIGNMENT", Assignment.self), .plain("RECORDING", Recording.self), .plain("CALL", Call.self),
        .plain("HELLO", Hello.self), .plain("LOGIN", Login.self), .plain("WELCOME", Welcome.self),
        .plain("DENIED", Denied.self), .plain("CAMERAS", Cameras.self), .plain("WATCH", Watch.self),
        .plain("UNWATCH", Unwatch.self), .plain("FOLLOW", Follow.self),
        .plain("SEARCH", Search.self), .plain("FOUND", Found.self), .plain("REPLAY", Replay.self),
        .plain("PROTECT", Protect.self),
    ]

    /// Decodes a part that holds one message, as a receiver does.
    static func receive(_ bytes: [UInt8], limit: Int = WireLimits.meshMessage) throws(WireError) -> Decoded {
        let envelope = try Envelope.readWhole(bytes.span, limit: limit)
        guard let known = all.first(where: { $0.type == envelope.type }) else {
            throw .unknownType(envelope.type.rawValue)
        }
        return try known.decode(bytes.span, envelope)
    }
}
