package enum TLSLimits {
    /// Bytes that may be written before the handshake is complete.
    package static let bytesBeforeHandshake = 1 << 20
    /// Bytes that may wait while the peer does not read. Writers that heed `Channel.isWritable` never come near.
    package static let queuedBytes = 64 << 20
    /// Plaintext that is encrypted in one go: 7 full records, whose ciphertext fits in 128 KiB. What waits beyond it
    /// stays in the caller's buffers, which viewers of the same frame share.
    static let encryptedSlice = 7 * recordPlaintext
    /// Plaintext handed on in one `channelRead`.
    static let readBytes = 64 << 10
    /// Key updates that a peer may send on one connection, besides one for each `bytesPerKeyUpdate` that it has carried.
    /// Each costs us two derivations of keys and an answer.
    static let keyUpdates = 16
    /// RFC 8446 §5.5 asks for one after 2³⁸ bytes at the earliest.
    static let bytesPerKeyUpdate = 1 << 20
    /// RFC 8446 §5.1.
    static let recordPlaintext = 16_384
    /// Header, content type and tag of a record (RFC 8446 §5.2).
    static let recordOverhead = 5 + 1 + 16
    static let applicationProtocolBytes = 255
    static let pemFileBytes = 1 << 20
    static let chainLength = 10
}
