import NIOCore
import SecamWire

/// What one viewer watches: for each camera its credit, and a slot with the newest frame that was not sent yet.
///
/// A slot is overwritten when the next frame comes before the viewer could take the last: a slow viewer skips frames,
/// it never gets older ones, and it costs no memory.
struct FrameSlots: Sendable {
    private struct Watch {
        let rendition: Rendition
        let interval: TimeAmount
        var credit: UInt32
        /// The interval's end.
        var notBefore: NIODeadline
        var frame: SharedFrame?
        var lastSerial: UInt64 = 0
    }

    enum Offer: Equatable {
        case taken
        /// It took the place of a frame that was never sent.
        case replaced
        /// Nobody asked for it, or a newer one was offered before.
        case ignored
    }

    private var watches: [UInt32: Watch] = [:]
    /// Cameras with a frame in their slot, the longest waiting first.
    private var waiting: [UInt32] = []

    var count: Int { watches.count }

    var keys: [FlowKey] { watches.map { FlowKey(camera: $0.key, rendition: $0.value.rendition) } }

    func rendition(of camera: UInt32) -> Rendition? { watches[camera]?.rendition }

    /// Watches a camera, in place of an earlier watch of it.
    mutating func watch(_ key: FlowKey, credit: UInt32, interval: TimeAmount, at now: NIODeadline) {
        unwatch(key.camera)
        watches[key.camera] = Watch(
            rendition: key.rendition, interval: interval, credit: min(credit, WireLimits.credit), notBefore: now)
    }

    mutating func unwatch(_ camera: UInt32) {
        watches[camera] = nil
        waiting.removeAll { $0 == camera }
    }

    /// Credit for a camera that is not watched any more was on its way when that ended: it is passed over.
    mutating func add(credit: UInt32, to camera: UInt32) {
        guard let held = watches[camera]?.credit else { return }
        watches[camera]?.credit = min(held + min(credit, WireLimits.credit), WireLimits.credit)
    }

    mutating func offer(_ frame: SharedFrame) -> Offer {
        let camera = frame.key.camera
        guard let watch = watches[camera], watch.rendition == frame.key.rendition, frame.serial > watch.lastSerial
        else { return .ignored }
        watches[camera]?.lastSerial = frame.serial
        watches[camera]?.frame = frame
        guard watch.frame == nil else { return .replaced }
        waiting.append(camera)
        return .taken
    }

    /// The next frame that may be sent now, taken out of its slot and off the credit.
    mutating func take(at now: NIODeadline) -> SharedFrame? {
        for (index, camera) in waiting.enumerated() {
            guard let watch = watches[camera], watch.credit > 0, watch.notBefore <= now else { continue }
            waiting.remove(at: index)
            watches[camera]?.credit -= 1
            watches[camera]?.notBefore = now + watch.interval
            watches[camera]?.frame = nil
            return watch.frame
        }
        return nil
    }

    /// When the first frame that only waits for its interval can be sent.
    var nextDue: NIODeadline? {
        var next: NIODeadline?
        for camera in waiting {
            guard let watch = watches[camera], watch.credit > 0 else { continue }
            next = min(next ?? watch.notBefore, watch.notBefore)
        }
        return next
    }
}
