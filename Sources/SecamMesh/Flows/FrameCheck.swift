package import SecamWire

/// A consumer's check of the frames of one flow, one after the other.
package struct FrameCheck: Sendable {
    private let rendition: Rendition
    private var last: (incarnation: UInt64, sequence: UInt64)?

    package init(_ rendition: Rendition) { self.rendition = rendition }

    /// Returns what is wrong with a frame of the flow; `nil` if it may be used.
    package mutating func violation(of frame: Frame) -> FlowViolation? {
        guard frame.rendition == rendition else { return .rendition(frame.rendition, onFlowOf: rendition) }
        guard frame.format == (rendition == .luma ? .gray8 : .jpeg) else {
            return .format(frame.format, of: rendition)
        }
        if let last, last.incarnation == frame.incarnation, frame.sequence < last.sequence {
            return .order(frame.sequence, after: last.sequence)
        }
        last = (frame.incarnation, frame.sequence)
        return nil
    }
}
