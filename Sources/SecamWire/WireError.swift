/// The reason why bytes are not a valid message. Each case is an error class of `proto-spec/vectors/bad`.
package enum WireError: Error, Hashable, Sendable {
    /// The envelope announces more bytes than the receiver accepts in its current state.
    case oversized(length: Int, limit: Int)
    /// The envelope's length is less than the four bytes of type, version and flags.
    case undersized(length: Int)
    /// The message type is unknown or not allowed in the current state.
    case unknownType(UInt16)
    /// The layout version is 0.
    case badVersion(UInt8)
    /// The body ends within this field.
    case truncated(field: String)
    /// Bytes follow the last field of a known layout version.
    case trailingBytes(count: Int)
    /// The field's value is outside the specified range.
    case badValue(field: String)
    /// The text or list exceeds its limit.
    case tooLong(field: String, count: Int, limit: Int)
    /// The field is not valid UTF-8.
    case badText(field: String)

    /// The name of the error class, as in the test vectors.
    package var name: String {
        switch self {
        case .oversized: "oversized"
        case .undersized: "undersized"
        case .unknownType: "unknown-type"
        case .badVersion: "bad-version"
        case .truncated: "truncated"
        case .trailingBytes: "trailing-bytes"
        case .badValue: "bad-value"
        case .tooLong: "too-long"
        case .badText: "bad-text"
        }
    }
}

extension WireError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .oversized(let length, let limit): "message of \(length) bytes exceeds the limit of \(limit)"
        case .undersized(let length): "message length \(length) is below the minimum of \(Envelope.fixedLength)"
        case .unknownType(let code):
            MessageType(rawValue: code).map { "\($0) is not allowed here" }
                ?? "message type 0x\(String(0x10000 + Int(code), radix: 16).dropFirst()) is unknown"
        case .badVersion(let version): "message layout version \(version) does not exist"
        case .truncated(let field): "message ends inside \(field)"
        case .trailingBytes(let count): "\(count) bytes follow the last field"
        case .badValue(let field): "\(field) has a value that the protocol does not allow"
        case .tooLong(let field, let count, let limit): "\(field) has length \(count), above the limit of \(limit)"
        case .badText(let field): "\(field) is not UTF-8"
        }
    }
}
