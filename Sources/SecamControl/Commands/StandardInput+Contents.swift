import SecamBase

extension StandardInput {
    /// Returns all bytes up to the end of the input.
    ///
    /// - Throws: also when there are more than `limit` bytes.
    static func contents(limit: Int) throws(CommandError) -> [UInt8] {
        let bytes: [UInt8]?
        do throws(SystemError) { bytes = try readAll(limit: limit) } catch {
            throw CommandError("standard input: \(error)", .inputOutput)
        }
        guard let bytes else { throw CommandError("standard input holds more than \(limit) bytes", .data) }
        return bytes
    }
}
