import SecamBase
import SecamMesh
import SecamTestSupport
import SecamWire

@testable import SecamCapture

/// Returns a frame of a camera with 10 frames per second, whose first frame was at 0.1 s.
func ringFrame(
    _ sequence: UInt64, _ rendition: Rendition = .jpeg, at time: Int64? = nil, bytes: Int = 10
) -> RingFrame {
    let arrived = at(Int64(sequence) * 100)
    return RingFrame(
        rendition: rendition, format: rendition == .luma ? .gray8 : .jpeg, sequence: sequence,
        timestamp: time ?? Int64(sequence) * 100_000, arrived: arrived, width: 64, height: 48,
        bytes: [UInt8](repeating: UInt8(truncatingIfNeeded: sequence), count: bytes)[...])
}

/// Returns an event, by default of a camera's first second.
func event(_ state: EventState, id: UInt64, start: Int64 = 0, last: Int64 = 1_000_000) -> CameraEvent {
    CameraEvent(
        kind: .motion, state: state, id: id, start: start, last: last, peakTime: start, peakSequence: 1,
        peakBox: .none, boxes: [])
}

extension WorkPool {
    /// Grants jobs from a worker with the key 1.
    mutating func grant(_ count: UInt32, from peer: PeerID, isDedicated: Bool = false, now: MonotonicTime) -> [Action] {
        grant(count, from: peer, key: key(1), isDedicated: isDedicated, now: now)
    }
}

extension FlowServer {
    /// Opens a flow of an archive with the key 1.
    mutating func open(_ message: OpenFlow, from peer: PeerID, _ ring: Ring, now: MonotonicTime) -> [Action] {
        open(message, from: Consumer(peer: peer, key: key(1), role: .archive), ring, now: now)
    }
}
