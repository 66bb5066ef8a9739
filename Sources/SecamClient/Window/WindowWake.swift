import CSDL
import Synchronization

/// Wakes the window from other threads. Signals between two redraws wake it once.
final class WindowWake: Sendable {
    private let isPending = Atomic(false)

    func signal() {
        guard isPending.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
        else { return }
        var event = unsafe SDL_Event()
        unsafe event.type = SDL_USEREVENT.rawValue
        unsafe SDL_PushEvent(&event)
    }

    /// Accepts the next signal. The window calls it before it reads the session's state.
    func clear() {
        isPending.store(false, ordering: .sequentiallyConsistent)
    }
}
