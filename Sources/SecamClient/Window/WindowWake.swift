import CSDL
import Synchronization

/// Lets other threads tell the window that there is something new, at most once until it has looked.
final class WindowWake: Sendable {
    private let isPending = Atomic(false)

    func signal() {
        guard isPending.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
        else { return }
        var event = unsafe SDL_Event()
        unsafe event.type = SDL_USEREVENT.rawValue
        unsafe SDL_PushEvent(&event)
    }

    /// To be called before looking.
    func clear() {
        isPending.store(false, ordering: .sequentiallyConsistent)
    }
}
