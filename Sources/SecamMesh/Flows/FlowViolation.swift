package import SecamWire

/// A camera's breach of the rules of flows (`proto-spec/flow.md`), as a consumer sees it.
package enum FlowViolation: Error, Equatable {
    case rendition(Rendition, onFlowOf: Rendition)
    case format(PixelFormat, of: Rendition)
    /// A sequence number below that of the frame before.
    case order(UInt64, after: UInt64)
    /// The consumer has closed the flow.
    case beyondCredit
    /// The consumer has closed the flow.
    case tooManyEvents
    /// The consumer has closed the flow.
    case tooManyGaps
}

extension FlowViolation: CustomStringConvertible {
    package var description: String {
        switch self {
        case .rendition(let rendition, let expected): "frame of the rendition \(rendition) on a flow of \(expected)"
        case .format(let format, let rendition): "frame of the rendition \(rendition) in the format \(format)"
        case .order(let sequence, let last): "frame \(sequence) after frame \(last) of the same incarnation"
        case .beyondCredit: "frame or event beyond the flow's credit; flow closed"
        case .tooManyEvents: "too many events at once; flow closed"
        case .tooManyGaps: "too many gaps at once; flow closed"
        }
    }
}
