import NIOCore
import SecamWire

/// What one viewer watches: for each camera its credit, and a slot with the newest frame that was not sent yet.
///
/// A slot is overwritten when the next frame comes before the viewer could take the last: a slow viewer skips frames,
/// it never gets older ones, and it costs no memory.
struct FrameSlots: Sendable {
    private struct Watch {
        let camera: UInt32
        let rendition: Rendition
        let interval: TimeAmount
        var credit: UInt32
        /// The interval's end.
        var notBefore: NIODeadline
        var frame: SharedFrame?
        /// Since when the slot is full, in the order of `lastTurn`.
        var turn: UInt64 = 0
        var lastSerial: UInt64 = 0

        var mayGo: Bool { frame != nil && credit > 0 }
    }

    enum Offer: Equatable {
        case taken
        /// It took the place of a frame that was never sent.
        case replaced
        /// Nobody asked for it, or a newer one was offered before.
        case ignored
    }

    // Few, and gone through for each frame to each viewer: faster in a row than in a dictionary.
    private var watches: [Watch] = []
    private var lastTurn: UInt64 = 0

    var count: Int { watches.count }

    var keys: [FlowKey] { watches.map { FlowKey(camera: $0.camera, rendition: $0.rendition) } }

    func rendition(of camera: UInt32) -> Rendition? { index(of: camera).map { watches[$0].rendition } }

    private func index(of camera: UInt32) -> Int? { watches.indices.first { watches[$0].camera == camera } }

    /// Watches a camera, in place of an earlier watch of it.
    mutating func watch(_ key: FlowKey, credit: UInt32, interval: TimeAmount, at now: NIODeadline) {
        unwatch(key.camera)
        watches.append(
            Watch(
                camera: key.camera, rendition: key.rendition, interval: interval,
                credit: min(credit, WireLimits.credit), notBefore: now))
    }

    mutating func unwatch(_ camera: UInt32) {
        if let index = index(of: camera) { watches.remove(at: index) }
    }

    /// Credit for a camera that is not watched any more was on its way when that ended: it is passed over.
    mutating func add(credit: UInt32, to camera: UInt32) {
        guard let index = index(of: camera) else { return }
        watches[index].credit = min(watches[index].credit + min(credit, WireLimits.credit), WireLimits.credit)
    }

    mutating func offer(_ frame: SharedFrame) -> Offer {
        guard let index = index(of: frame.key.camera), watches[index].rendition == frame.key.rendition,
            frame.serial > watches[index].lastSerial
        else { return .ignored }
        let isFull = watches[index].frame != nil
        watches[index].lastSerial = frame.serial
        watches[index].frame = frame
        guard !isFull else { return .replaced }
        lastTurn += 1
        watches[index].turn = lastTurn
        return .taken
    }

    /// The next frame that may be sent now, the longest waiting first, taken out of its slot and off the credit.
    mutating func take(at now: NIODeadline) -> SharedFrame? {
        var next: Int?
        for index in watches.indices where watches[index].mayGo && watches[index].notBefore <= now {
            if let other = next, watches[other].turn < watches[index].turn { continue }
            next = index
        }
        guard let next else { return nil }
        watches[next].credit -= 1
        watches[next].notBefore = now + watches[next].interval
        return watches[next].frame.take()
    }

    /// When the first frame that only waits for its interval can be sent.
    var nextDue: NIODeadline? {
        var due: NIODeadline?
        for index in watches.indices where watches[index].mayGo {
            due = min(due ?? watches[index].notBefore, watches[index].notBefore)
        }
        return due
    }
}
