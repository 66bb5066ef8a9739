import NIOCore
import SecamWire

/// The cameras that one viewer watches, each with its credit and a slot for the newest unsent frame.
///
/// A frame that arrives before the last one was sent overwrites the slot. A slow viewer therefore skips frames, never
/// gets outdated ones, and costs no memory.
struct FrameSlots: Sendable {
    private struct Watch {
        let camera: UInt32
        let rendition: Rendition
        let interval: TimeAmount
        var credit: UInt32
        /// The end of the watch's interval.
        var notBefore: NIODeadline
        var frame: SharedFrame?
        /// The slot's position among the full slots: the one that was filled first has the lowest turn.
        var turn: UInt64 = 0
        var lastSerial: UInt64 = 0

        var isReady: Bool { frame != nil && credit > 0 }
    }

    enum Offer: Equatable {
        case taken
        /// The frame replaced an unsent one.
        case replaced
        /// The frame is not watched, or a newer one was offered before.
        case ignored
    }

    // An array, since there are few watches and each frame to each viewer searches them: faster than a dictionary.
    private var watches: [Watch] = []
    private var lastTurn: UInt64 = 0

    var count: Int { watches.count }

    var keys: [FlowKey] { watches.map { FlowKey(camera: $0.camera, rendition: $0.rendition) } }

    func rendition(of camera: UInt32) -> Rendition? { index(of: camera).map { watches[$0].rendition } }

    private func index(of camera: UInt32) -> Int? { watches.indices.first { watches[$0].camera == camera } }

    /// Adds a watch, or replaces the camera's former watch.
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

    /// Adds credit. Credit for an unwatched camera is ignored: it was on its way when the watch ended.
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

    /// Removes and returns the frame that has waited longest of those that may be sent now, and spends its credit.
    mutating func popNext(at now: NIODeadline) -> SharedFrame? {
        var next: Int?
        for index in watches.indices where watches[index].isReady && watches[index].notBefore <= now {
            if let other = next, watches[other].turn < watches[index].turn { continue }
            next = index
        }
        guard let next else { return nil }
        watches[next].credit -= 1
        watches[next].notBefore = now + watches[next].interval
        return watches[next].frame.take()
    }

    /// When the next frame can be sent that waits for nothing but its interval.
    var nextDue: NIODeadline? {
        var due: NIODeadline?
        for index in watches.indices where watches[index].isReady {
            due = min(due ?? watches[index].notBefore, watches[index].notBefore)
        }
        return due
    }
}
