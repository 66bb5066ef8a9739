/// Why bytes from a peer are not a message. Each case is one error class of `proto-spec/vectors/bad`.
package enum WireError: Error, Hashable, Sendable {
    /// The envelope announces more bytes than the receiver accepts in its present state.
    case oversized(length: Int, limit: Int)
    /// The envelope's length is smaller than the four bytes of type, version and flags.
    case undersized(length: Int)
    /// No message has this type, or none that may be sent here.
    case unknownType(UInt16)
    /// Layouts are numbered from 1; 0 is never valid.
    case badVersion(UInt8)
    /// The body ends inside this field.
    case truncated(field: String)
    /// Bytes follow the last field although the version is one that this reader knows.
    case trailingBytes(count: Int)
    /// The field's value is outside of what the specification allows.
    case badValue(field: String)
    /// The text or the list is longer than its limit.
    case tooLong(field: String, count: Int, limit: Int)
    /// The field is not valid UTF-8.
    case badText(field: String)

    /// The class's name, as the test vectors write it.
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
        case .oversized(let length, let limit): "message of \(length) bytes, \(limit) are allowed here"
        case .undersized(let length): "message length \(length), at least \(Envelope.fixedLength) expected"
        case .unknownType(let type): "message type \(type) is unknown or not allowed here"
        case .badVersion(let version): "message layout version \(version) does not exist"
        case .truncated(let field): "message ends inside \(field)"
        case .trailingBytes(let count): "\(count) bytes follow the last field"
        case .badValue(let field): "\(field) has a value that the protocol does not allow"
        case .tooLong(let field, let count, let limit): "\(field) has length \(count), at most \(limit) allowed"
        case .badText(let field): "\(field) is not UTF-8"
        }
    }
}
