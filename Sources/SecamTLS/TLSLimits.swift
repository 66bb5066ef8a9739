package enum TLSLimits {
    /// Bytes that may be written before the handshake is complete.
    package static let bytesBeforeHandshake = 1 << 20
    /// Bytes that may wait while the peer does not read. Writers that obey `Channel.isWritable` stay far below.
    package static let queuedBytes = 64 << 20
    /// Plaintext encrypted at once: 7 full records, whose ciphertext fits into 128 KiB. The rest waits in the caller's
    /// buffers, which viewers of the same frame share.
    static let encryptedSlice = 7 * recordPlaintext
    /// Plaintext delivered in one `channelRead`.
    static let readBytes = 64 << 10
    /// Key updates that a peer may send on one connection, besides one for each `bytesPerKeyUpdate` carried. Each costs
    /// this side two key derivations and an answer.
    static let keyUpdates = 16
    /// RFC 8446 §5.5 requires one after 2³⁸ bytes at the earliest.
    static let bytesPerKeyUpdate = 1 << 20
    /// Maximum plaintext of a record (RFC 8446 §5.1).
    static let recordPlaintext = 16_384
    /// Header, content type and tag of a record (RFC 8446 §5.2).
    static let recordOverhead = 5 + 1 + 16
    static let applicationProtocolBytes = 255
    static let pemFileBytes = 1 << 20
    static let chainLength = 10
}
