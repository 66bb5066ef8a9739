package import SecamWire
import Synchronization

/// The newest figures of this process, readable on any thread.
package final class FigureStore: Sendable {
    /// The store to which the process's only mesh member publishes.
    package static let shared = FigureStore()

    private let values = Mutex<[Figure]>([])

    package init() {}

    package func publish(_ figures: [Figure]) { values.withLock { $0 = figures } }

    package var figures: [Figure] { values.withLock { $0 } }
}
