import NIOCore
import SecamBase

extension MonotonicTime {
    /// Creates the same instant; NIO's deadlines read the monotonic clock too.
    init(_ deadline: NIODeadline) { self.init(microseconds: Int64(clamping: deadline.uptimeNanoseconds / 1000)) }
}
