import Glibc

/// Secret bytes, such as a password, that are overwritten with the last reference to them.
@safe
package final class Secret: @unchecked Sendable {
    /// Written only in `init`; erased and freed in `deinit`.
    private let storage: UnsafeMutableRawBufferPointer

    private init(count: Int) {
        unsafe storage = .allocate(byteCount: count, alignment: 1)
    }

    package convenience init(_ bytes: Span<UInt8>) {
        self.init(count: bytes.count)
        for index in 0..<bytes.count { unsafe storage[index] = bytes[index] }
    }

    /// The text itself stays in memory until its memory is reused.
    package convenience init(_ text: String) {
        self.init(Array(text.utf8).span)
    }

    deinit {
        unsafe Secret.erase(storage)
        unsafe storage.deallocate()
    }

    package var count: Int { unsafe storage.count }

    package func withBytes<Result, Failure>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeRawBufferPointer(storage))
    }

    /// Overwrites an array's bytes in place. A copy that shares them must not be used any more.
    package static func erase(_ bytes: inout [UInt8]) {
        unsafe bytes.withUnsafeMutableBytes { bytes in unsafe erase(bytes) }
        bytes = []
    }

    /// Overwrites bytes, in a way that the optimizer does not remove.
    package static func erase(_ bytes: UnsafeMutableRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        unsafe explicit_bzero(start, bytes.count)
    }
}

extension Secret: Equatable {
    package static func == (left: Secret, right: Secret) -> Bool {
        unsafe left.storage.elementsEqual(right.storage)
    }
}
