import SecamBase
import SecamMesh
import SecamMotionDetector
import SecamWire

/// The watch of one camera: a flow of its luma maps, a motion detector, and the detections that the camera gets.
///
/// It belongs to the loop's thread.
final class CameraWatch {
    /// The number of the one flow that the service opens at a camera.
    private static let flow: UInt32 = 1
    /// Maps in flight: an old map is useless, but the next one may travel while one is processed.
    private static let window: UInt32 = 2
    /// Maps that may come at once, as after a delay of the camera.
    private static let burst = 16
    /// Minimum time between two updates of an event.
    private static let updateInterval: Duration = .milliseconds(90)
    /// Time without a map after which an event ends.
    private static let silenceTimeout: Duration = .seconds(5)

    let socket: MeshSocket
    private var assignment: Assignment.Camera
    private var detector: MotionDetector
    private var isOpen = false
    /// The time before which the flow is not requested, because the camera refused or broke it.
    private var notBefore = MonotonicTime.now
    /// Maps that may still come in this flow, and in former ones.
    private var credit: UInt32 = 0
    private var check = FrameCheck(.luma)
    /// The camera's refusal was reported already.
    private var isRefusalKnown = false
    /// Added to the detector's own counter, this makes the number of an event.
    private let firstID = UInt64.random(in: 1...UInt64.max)
    /// Capture time of the map of the last detection, UTC microseconds.
    private var lastDetection = Int64.min
    private var lastMap: MonotonicTime?
    /// Maps that the camera may still send at its rate.
    private var budget = (maps: CameraWatch.burst, at: MonotonicTime.now)

    /// The camera's pictures are too small for the detector.
    private(set) var isTooSmall = false
    private(set) var maps: UInt64 = 0
    private(set) var events: UInt64 = 0
    private(set) var microseconds: UInt64 = 0

    init(_ socket: MeshSocket, assignment: Assignment.Camera) {
        self.socket = socket
        self.assignment = assignment
        detector = MotionDetector(settings: assignment.settings)
    }

    /// Applies a changed assignment from the next map on.
    func apply(_ new: Assignment.Camera) {
        guard new != assignment else { return }
        let isRateChanged = new.mapsPerSecond != assignment.mapsPerSecond
        assignment = new
        detector.apply(new.settings)
        guard isRateChanged, isOpen else { return }
        // The camera ends the event when its flow is reopened.
        _ = detector.finish()
        isOpen = false
        refreshFlow()
    }

    /// Opens the flow, or keeps it open.
    ///
    /// - Returns: whether the camera was reached.
    @discardableResult
    func refreshFlow() -> Bool {
        if isOpen {
            isOpen = socket.send(Credit(flow: CameraWatch.flow, frames: 0)) == .sent
        } else {
            guard MonotonicTime.now >= notBefore else { return true }
            let open = OpenFlow(
                flow: CameraWatch.flow, content: .luma, policy: .latest, start: .live, credit: CameraWatch.window,
                interval: 1_000_000 / UInt32(assignment.mapsPerSecond))
            isOpen = socket.send(open) == .sent
            // The event of the previous flow ended with it.
            if isOpen {
                _ = detector.finish()
                credit = min(credit, CameraWatch.window) + CameraWatch.window
            }
        }
        return isOpen
    }

    /// Handles received messages.
    ///
    /// - Parameters:
    ///   - onRefusal: called if the camera refuses the flow, once until it sends a map.
    ///   - onViolation: called when the camera breaks the rules of flows.
    func receive(onRefusal: (CloseFlow) -> Void, onViolation: (FlowViolation) -> Void) throws(WireError) {
        // Messages that are waiting were sent before the credit that returns now, so that it does not cover them.
        var waiting: [Received] = []
        // Bounded, so that a camera that sends more than its credit does not block the loop.
        while waiting.count <= 2 * CameraWatch.window, let received = socket.receive() { waiting.append(received) }
        var returned: UInt32 = 0
        defer { if isOpen { credit += returned } }
        // The next map may travel while this one is processed.
        func returnCredit() {
            socket.send(Credit(flow: CameraWatch.flow, frames: 1))
            returned += 1
        }
        for received in waiting {
            try received.message.withBytes { (bytes) throws(WireError) in
                let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
                switch envelope.type {
                case .frame:
                    let (frame, payload) = try Frame.decode(bytes, envelope)
                    guard isOpen, frame.flow == CameraWatch.flow else { break }
                    do throws(FlowViolation) {
                        try spendCredit()
                        if let violation = check.violation(of: frame) { throw violation }
                    } catch {
                        onViolation(error)
                        if isOpen { returnCredit() }
                        break
                    }
                    returnCredit()
                    isRefusalKnown = false
                    guard spendBudget(now: .now) else { break }
                    try detectMotion(in: bytes.extracting(payload), of: frame)
                case .closeFlow:
                    let close = try CloseFlow.decode(bytes, envelope)
                    guard isOpen, close.flow == CameraWatch.flow else { break }
                    isOpen = false
                    notBefore = .now + close.reason.retryPause
                    guard close.reason.isPermanent || close.reason == .tooMany, !isRefusalKnown else { break }
                    isRefusalKnown = true
                    onRefusal(close)
                case .gap:
                    _ = try Gap.decode(bytes, envelope)
                default:
                    throw .unknownType(envelope.type.rawValue)
                }
            }
        }
    }

    /// Counts a received map. Closes the flow when it is beyond the credit.
    private func spendCredit() throws(FlowViolation) {
        guard credit > 0 else {
            socket.send(CloseFlow(flow: CameraWatch.flow, reason: .shutdown, detail: "more maps than credit"))
            isOpen = false
            notBefore = .now + CloseReason.shutdown.retryPause
            throw .beyondCredit
        }
        credit -= 1
    }

    /// Ends the active event if the camera sends no more maps.
    func endEventIfSilent(now: MonotonicTime) {
        guard let lastMap, now - lastMap > CameraWatch.silenceTimeout else { return }
        self.lastMap = nil
        if let transition = detector.finish() { send(transition, boxes: []) }
    }

    func close() {
        if let transition = detector.finish() { send(transition, boxes: []) }
        socket.send(CloseFlow(flow: CameraWatch.flow, reason: .done))
    }

    /// Returns whether a map may be processed. Processing is expensive, so maps beyond twice the requested rate are
    /// skipped.
    private func spendBudget(now: MonotonicTime) -> Bool {
        let interval = 500_000 / Int64(assignment.mapsPerSecond)
        let earned = (now - budget.at).microseconds / interval
        budget = (
            min(CameraWatch.burst, budget.maps + Int(earned)), budget.at + .microseconds(earned * interval)
        )
        guard budget.maps > 0 else { return false }
        budget.maps -= 1
        return true
    }

    private func detectMotion(in map: Span<UInt8>, of frame: Frame) throws(WireError) {
        let start = MonotonicTime.now
        lastMap = start
        // A picture that is too small to have motion is no fault of the camera.
        isTooSmall = min(frame.width, frame.height) < MotionDetector.smallestSide
        guard !isTooSmall else { return }
        let report: MotionReport
        do throws(MotionMapError) {
            report = try detector.process(
                map, width: Int(frame.width), height: Int(frame.height), timestampMicroseconds: frame.timestamp,
                frameNumber: frame.sequence)
        } catch {
            throw .badValue(field: "payload")
        }
        maps += 1
        microseconds += UInt64(max(0, (MonotonicTime.now - start).microseconds))
        if let transition = report.transition {
            lastDetection = frame.timestamp
            send(transition, boxes: detector.boxes)
        } else if let event = detector.event,
            abs(frame.timestamp &- lastDetection) >= CameraWatch.updateInterval.microseconds
        {
            lastDetection = frame.timestamp
            send(.update(event), boxes: detector.boxes)
        }
    }

    private func send(_ transition: MotionTransition, boxes: [MotionBox]) {
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

    /// Converts a fraction from 0 to 1 to 65535ths.
    private static func part(_ value: Double) -> UInt16 { UInt16((min(max(value, 0), 1) * 65535).rounded()) }
}

extension Assignment.Camera {
    /// The detector's settings. Zones that the detector does not accept are skipped; the codec has validated them all.
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
