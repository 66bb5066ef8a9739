public import SecamWire
import Synchronization

/// The newest figures of this process, for readers on other threads.
public final class FigureBoard: Sendable {
    /// The one to which the process's only member of the mesh publishes.
    public static let ours = FigureBoard()

    private let values = Mutex<[Figure]>([])

    public init() {}

    public func publish(_ figures: [Figure]) { values.withLock { $0 = figures } }

    public var figures: [Figure] { values.withLock { $0 } }
}
