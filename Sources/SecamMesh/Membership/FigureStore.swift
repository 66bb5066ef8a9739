package import SecamWire
import Synchronization

/// The newest figures of this process, for readers on other threads.
package final class FigureStore: Sendable {
    /// The one to which the process's only member of the mesh publishes.
    package static let ours = FigureStore()

    private let values = Mutex<[Figure]>([])

    package init() {}

    package func publish(_ figures: [Figure]) { values.withLock { $0 = figures } }

    package var figures: [Figure] { values.withLock { $0 } }
}
