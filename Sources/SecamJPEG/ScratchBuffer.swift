/// A buffer that is reused from picture to picture and only grows.
@safe struct ScratchBuffer: ~Copyable, @unchecked Sendable {
    private var memory: UnsafeMutableBufferPointer<UInt8>

    init() {
        unsafe memory = UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)
    }

    deinit {
        unsafe memory.deallocate()
    }

    /// Returns at least `count` bytes. Their content is lost when the buffer grows.
    mutating func bytes(_ count: Int) -> UnsafeMutableBufferPointer<UInt8> {
        if unsafe memory.count < count {
            unsafe memory.deallocate()
            unsafe memory = .allocate(capacity: count)
            unsafe memory.initialize(repeating: 0)
        }
        return unsafe memory
    }
}
