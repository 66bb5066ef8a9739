import SecamBase
import SecamMesh
import SecamMotionDetector
import SecamWire

/// The watch of one camera: a flow of its luma maps, a detector, and what the camera is told.
///
/// It belongs to the loop's thread.
final class CameraWatch {
    /// The only flow that we open at a camera.
    private static let flow: UInt32 = 1
    /// Maps on their way at once: an old map is of no use, but while one is looked at the next may travel.
    private static let window: UInt32 = 2
    /// Maps that may come at once, as when a camera was held up.
    private static let burst = 16
    /// Microseconds between two tellings of an event that goes on.
    private static let tellInterval: Int64 = 90_000

    let socket: MeshSocket
    private var duty: Assignment.Camera
    private var detector: MotionDetector
    private var isOpen = false
    /// Together with the detector's own counter the number of an event.
    private let firstID = UInt64.random(in: 1...UInt64.max)
    /// UTC microseconds of the map with which something was last told.
    private var told = Int64.min
    private var lastMap: MonotonicTime?
    /// Maps that the camera may still send, by its rate and no faster.
    private var budget = (maps: CameraWatch.burst, at: MonotonicTime.now)

    private(set) var maps: UInt64 = 0
    private(set) var events: UInt64 = 0
    private(set) var microseconds: UInt64 = 0

    init(_ socket: MeshSocket, duty: Assignment.Camera) {
        self.socket = socket
        self.duty = duty
        detector = MotionDetector(settings: duty.settings)
    }

    /// Looks in another way from the next map on.
    func change(to new: Assignment.Camera) {
        guard new != duty else { return }
        let isOtherRate = new.mapsPerSecond != duty.mapsPerSecond
        duty = new
        detector.apply(new.settings)
        guard isOtherRate, isOpen else { return }
        // The camera ends the event of a flow that is opened anew.
        _ = detector.finish()
        isOpen = false
        refresh()
    }

    /// Opens the flow, or says that it is still needed.
    ///
    /// - Returns: whether the camera was reached.
    @discardableResult
    func refresh() -> Bool {
        if isOpen {
            isOpen = socket.send(Credit(flow: CameraWatch.flow, frames: 0)) == .sent
        } else {
            let open = OpenFlow(
                flow: CameraWatch.flow, content: .luma, policy: .latest, start: .live, credit: CameraWatch.window,
                interval: 1_000_000 / UInt32(duty.mapsPerSecond))
            isOpen = socket.send(open) == .sent
            // What the camera was told before belongs to a flow that is gone.
            if isOpen { _ = detector.finish() }
        }
        return isOpen
    }

    /// Takes what has come.
    ///
    /// - Parameter onRefusal: is told why the camera does not give us its maps.
    func receive(onRefusal: (CloseFlow) -> Void) throws(WireError) {
        // No more than it may send, so that a camera that sends more does not keep the loop from everything else.
        for _ in 0...CameraWatch.window {
            guard let received = socket.receive() else { return }
            try received.message.withBytes { (bytes) throws(WireError) in
                let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
                switch envelope.type {
                case .frame:
                    socket.send(Credit(flow: CameraWatch.flow, frames: 1))
                    let (frame, payload) = try Frame.decode(bytes, envelope)
                    guard takeFromBudget(now: .now) else { break }
                    try look(frame, bytes.extracting(payload))
                case .closeFlow:
                    let close = try CloseFlow.decode(bytes, envelope)
                    isOpen = false
                    if close.reason == .forbidden || close.reason == .tooMany { onRefusal(close) }
                case .gap:
                    _ = try Gap.decode(bytes, envelope)
                default:
                    throw .unknownType(envelope.type.rawValue)
                }
            }
        }
    }

    /// The camera has stopped giving maps: nobody knows whether what moved still does.
    func endIfSilent(now: MonotonicTime) {
        guard let lastMap, now.since(lastMap) > CameraWatch.silence else { return }
        self.lastMap = nil
        if let transition = detector.finish() { tell(transition, boxes: []) }
    }

    /// Microseconds without a map after which an event is over.
    private static let silence: Int64 = 5_000_000

    func close() {
        if let transition = detector.finish() { tell(transition, boxes: []) }
        socket.send(CloseFlow(flow: CameraWatch.flow, reason: .done))
    }

    /// Looking at a map is the dear part: who sends more than twice what was asked for has the rest passed over.
    private func takeFromBudget(now: MonotonicTime) -> Bool {
        let interval = 500_000 / Int64(duty.mapsPerSecond)
        let earned = now.since(budget.at) / interval
        budget = (
            min(CameraWatch.burst, budget.maps + Int(earned)), budget.at.advanced(byMicroseconds: earned * interval)
        )
        guard budget.maps > 0 else { return false }
        budget.maps -= 1
        return true
    }

    private func look(_ frame: Frame, _ map: Span<UInt8>) throws(WireError) {
        guard frame.flow == CameraWatch.flow, frame.rendition == .luma, frame.format == .gray8 else {
            throw .badValue(field: "flow")
        }
        let start = MonotonicTime.now
        lastMap = start
        let report: MotionReport
        do throws(MotionMapError) {
            report = try detector.process(
                map, width: Int(frame.width), height: Int(frame.height), timestampMicroseconds: frame.timestamp,
                frameNumber: frame.sequence)
        } catch {
            throw .badValue(field: "payload")
        }
        maps += 1
        microseconds += UInt64(max(0, MonotonicTime.now.since(start)))
        if let transition = report.transition {
            told = frame.timestamp
            tell(transition, boxes: detector.boxes)
        } else if let event = detector.event, abs(frame.timestamp &- told) >= CameraWatch.tellInterval {
            told = frame.timestamp
            tell(.update(event), boxes: detector.boxes)
        }
    }

    private func tell(_ transition: MotionTransition, boxes: [MotionBox]) {
        let event: CameraEvent
        switch transition {
        case .start(let motion):
            events += 1
            event = CameraEvent(motion, .start, firstID: firstID, boxes: boxes)
        case .update(let motion): event = CameraEvent(motion, .update, firstID: firstID, boxes: boxes)
        case .end(let motion): event = CameraEvent(motion, .end, firstID: firstID, boxes: [])
        }
        socket.send(Detection(flow: CameraWatch.flow, event: event))
    }
}

extension CameraEvent {
    fileprivate init(_ motion: MotionEvent, _ state: EventState, firstID: UInt64, boxes: [MotionBox]) {
        self.init(
            kind: .motion, state: state, id: firstID &+ motion.id, start: motion.startMicroseconds,
            last: max(motion.startMicroseconds, motion.lastMicroseconds), peakTime: motion.peakMicroseconds,
            peakSequence: motion.peakFrame, peakBox: Box(motion.peakBox),
            boxes: boxes.prefix(WireLimits.boxes).map(Box.init))
    }
}

extension CameraEvent.Box {
    fileprivate init(_ box: MotionBox) {
        let left = Self.part(box.x)
        let top = Self.part(box.y)
        self.init(
            x: left, y: top, width: min(Self.part(box.width), .max - left),
            height: min(Self.part(box.height), .max - top),
            score: UInt32(min(max(box.score * 10, 0), 4e9)))
    }

    /// 0 to 1 as 65535ths.
    private static func part(_ value: Double) -> UInt16 { UInt16((min(max(value, 0), 1) * 65535).rounded()) }
}

extension Assignment.Camera {
    /// Zones that the detector does not take are left out; the codec has checked everything that could be wrong.
    fileprivate var settings: MotionSettings {
        let zones = zones.compactMap { zone in
            try? MotionZone(
                zone.kind == .watch ? .watch : .ignore,
                zone.corners.map { MotionZone.Point(x: Double($0.x) / 65535, y: Double($0.y) / 65535) })
        }
        let settings = try? MotionSettings(
            sensitivity: Int(sensitivity), smallestObjectPercent: Double(smallestObject) / 100, zones: zones)
        return settings ?? .standard
    }
}
