import SecamBase
import SecamMesh
import SecamRecording
import SecamWire
import Synchronization

/// The archive's flows from one camera: its events, its live frames while they are recorded, and its spool.
///
/// Each flow gets a number of its own, so that frames of a closed flow are distinguished from those of its
/// successor. It belongs to the loop's thread. The writer stores the frames and events.
final class ArchiveCameraFlows {
    /// One of the flows from a camera.
    enum Kind {
        case frames
        case events
        case spool
    }

    /// The cursor that all archives share at a camera.
    static let group = "archive"
    /// Time without a frame after which a recording ends whose post-roll has passed.
    private static let silenceTimeout = Duration.seconds(5)
    /// The time before data that could not be stored is requested again.
    private static let retryDelay = Duration.seconds(1)
    /// The time for events to arrive before spooled frames, which are recorded only around events.
    private static let eventLead = Duration.seconds(2)

    /// The last flow number. Numbers are unique in the process, because the writer remembers those of flows that failed,
    /// longer than the connection to their camera lasts.
    private static let lastFlow = Atomic<UInt32>(0)

    let camera: Roster.Member
    let socket: MeshSocket
    private let writer: Writer
    private var rule: Recording.Camera
    private var motion: MotionWindow
    private var isRecording = false
    /// The numbers of the open flows.
    private var framesFlow: UInt32?
    private var eventsFlow: UInt32?
    private var spoolFlow: UInt32?
    /// The time before which neither frames nor events are requested.
    private var notBefore = MonotonicTime.now
    /// The time before which a content that the camera refuses until it changes is not requested.
    private var refusedUntil: [FlowContent: MonotonicTime] = [:]
    private var check = FrameCheck(.jpeg)

    /// The last frame on disk, from the index at the start and from the writer since.
    private var cursor: RecordingIndex.Cursor?
    private var window = FrameWindow.live
    private var lastTime: Int64?
    private var lastHeard = MonotonicTime.now
    private var durability = DurabilityMonitor()
    private var missedFrames = MissedFrames()
    /// The number of gaps that have not been recorded. Gaps need no credit.
    private var waitingGaps = 0
    /// A camera reports a few gaps between two frames.
    private static let gapLimit = 4 * Int(FrameWindow.maximumFrames)

    private var eventCursor: RecordingIndex.Cursor?
    private var eventCredit = EventCredit()
    private let rateLimit: CameraRateLimit
    /// Whether the index may hold an event that has not ended. Gaps need no credit, but a gap among events costs a
    /// transaction only while this is true.
    private var mayEventsContinue = true

    /// Whether the camera's spool may hold frames.
    private var isSpoolDue = true
    private var spoolNotBefore = MonotonicTime.now + ArchiveCameraFlows.eventLead
    private var spoolWindow = FrameWindow.spooled

    init(
        _ camera: Roster.Member, socket: MeshSocket, rule: Recording.Camera, index: RecordingIndex, writer: Writer,
        rateLimit: CameraRateLimit
    ) throws(RecordingError) {
        self.camera = camera
        self.rateLimit = rateLimit
        self.socket = socket
        self.rule = rule
        self.writer = writer
        motion = MotionWindow(preRoll: .seconds(rule.preRoll), postRoll: .seconds(rule.postRoll))
        cursor = try index.cursor(of: camera.name, .jpeg)
        eventCursor = try index.cursor(of: camera.name, .events)
        // Events of earlier incarnations have ended. Those of the present one may continue.
        writer.add(.endEvents(camera.name, except: camera.incarnation))
        let ongoing = try index.openEvents(
            of: camera.name, incarnation: camera.incarnation, limit: EventCredit.ongoingLimit)
        for event in ongoing { motion.handle(event) }
    }

    /// The number of frames that the camera has dropped.
    var missed: UInt64 { missedFrames.count }

    func apply(_ new: Recording.Camera) {
        guard new != rule else { return }
        rule = new
        motion.change(preRoll: .seconds(new.preRoll), postRoll: .seconds(new.postRoll))
        refresh()
    }

    private var isWanted: Bool { rule.mode.isContinuous || motion.isOpen }

    // MARK: Opening and closing

    /// Opens missing flows, keeps the others alive, and closes those that are over.
    ///
    /// - Returns: whether the camera was reached.
    @discardableResult
    func refresh() -> Bool {
        var isReached = true
        if rule.mode.needsEvents {
            isReached = refreshEvents()
        } else if let eventsFlow {
            _ = send(CloseFlow(flow: eventsFlow, reason: .shutdown))
            self.eventsFlow = nil
        }
        isReached = refreshSpool() && isReached
        if isRecording, !isWanted || isOverInSilence { endRecording() }
        guard isWanted else { return isReached }
        isRecording = true
        return refreshFrames() && isReached
    }

    /// Whether the recording is over and the camera sends no frame that would end it.
    private var isOverInSilence: Bool {
        let isSilent = MonotonicTime.now - lastHeard > ArchiveCameraFlows.silenceTimeout
        return !rule.mode.isContinuous && window.isEmpty && !window.isProbing && isSilent
            && motion.isOver(at: WallClock.now)
    }

    private func refreshFrames() -> Bool {
        if let framesFlow {
            guard send(Credit(flow: framesFlow, frames: 0)) else {
                self.framesFlow = nil
                return false
            }
            return true
        }
        guard MonotonicTime.now >= notBefore, mayRequest(.jpeg) else { return true }
        guard let flow = open(.jpeg, from: firstFrame, credit: window.initialCredit) else { return false }
        framesFlow = flow
        check = FrameCheck(.jpeg)
        isSpoolDue = true
        window.reset()
        waitingGaps = 0
        lastHeard = .now
        return true
    }

    /// Requests the frames that the camera spooled, until the camera reports that none are left.
    private func refreshSpool() -> Bool {
        if let spoolFlow { return sendOnSpool(Credit(flow: spoolFlow, frames: 0)) }
        guard isSpoolDue, MonotonicTime.now >= spoolNotBefore, mayRequest(.spooled) else { return true }
        guard let flow = open(.spooled, from: .acknowledged, credit: spoolWindow.initialCredit) else {
            return false
        }
        spoolFlow = flow
        spoolWindow.reset()
        isSpoolDue = false
        return true
    }

    private func refreshEvents() -> Bool {
        let now = MonotonicTime.now
        if let eventsFlow {
            let due = eventCredit.due(rateLimit, now: now)
            guard send(Credit(flow: eventsFlow, frames: due ?? 0)) else {
                self.eventsFlow = nil
                return false
            }
            if due != nil { eventCredit.grantDue(now: now) }
            return true
        }
        let credit = min(FrameWindow.maximumFrames, rateLimit.eventsLeft(now: now))
        guard now >= notBefore, credit > 0, mayRequest(.events) else { return true }
        guard let flow = open(.events, from: start(after: eventCursor), credit: credit) else { return false }
        eventsFlow = flow
        eventCredit.reset(credit)
        return true
    }

    private func mayRequest(_ content: FlowContent) -> Bool {
        refusedUntil[content].map { MonotonicTime.now >= $0 } ?? true
    }

    /// The content without which the camera cannot be recorded, if the camera does not provide it.
    var missingContent: FlowContent? {
        if refusedUntil[.jpeg] != nil { return .jpeg }
        return refusedUntil[.events] != nil && !rule.mode.isContinuous ? .events : nil
    }

    /// Opens a flow and returns its number; `nil` if the camera was not reached.
    private func open(_ content: FlowContent, from start: FlowStart, credit: UInt32) -> UInt32? {
        let flow = ArchiveCameraFlows.lastFlow.wrappingAdd(1, ordering: .relaxed).newValue
        let open = OpenFlow(
            flow: flow, content: content, policy: .every, start: start, credit: credit,
            group: ArchiveCameraFlows.group)
        return send(open) ? flow : nil
    }

    private func start(after cursor: RecordingIndex.Cursor?) -> FlowStart {
        cursor.map { .sequence(incarnation: $0.incarnation, $0.sequence + 1) } ?? .acknowledged
    }

    /// The first frame to request: the one after the cursor, or the beginning of the pre-roll if that is later.
    private var firstFrame: FlowStart {
        let known = cursor.flatMap { $0.incarnation == camera.incarnation ? $0 : nil }
        if !rule.mode.isContinuous, let from = motion.from, known.map({ $0.time < from }) ?? true { return .time(from) }
        // With a cursor of another incarnation, the flow begins with the oldest frame in the camera's ring.
        return start(after: cursor)
    }

    private func endRecording() {
        isRecording = false
        motion.close()
        if let framesFlow { _ = send(CloseFlow(flow: framesFlow, reason: .done)) }
        framesFlow = nil
        durability.reset()
        writer.add(.cut(camera.name))
    }

    /// Closes a flow whose data could not be stored or exceeds its credit. After a delay it is opened again, from the
    /// last frame or event that was stored.
    func retry(_ kind: Kind, flow: UInt32) {
        guard flow == number(of: kind) else { return }
        // The reason is not `done`, since the cursor at the camera must stay for a successor.
        _ = send(CloseFlow(flow: flow, reason: .shutdown))
        let next = MonotonicTime.now + ArchiveCameraFlows.retryDelay
        switch kind {
        case .frames:
            framesFlow = nil
            durability.reset()
            window.isProbing = true
            notBefore = next
        case .events:
            eventsFlow = nil
            notBefore = next
        case .spool:
            spoolFlow = nil
            isSpoolDue = true
            spoolNotBefore = next
        }
    }

    /// Requests the frames again if they arrive but do not become durable.
    ///
    /// - Returns: whether it requested them again.
    func retryOverdueFrames() -> Bool {
        guard let framesFlow, durability.isOverdue(now: .now) else { return false }
        retry(.frames, flow: framesFlow)
        return true
    }

    private func number(of kind: Kind) -> UInt32? {
        switch kind {
        case .frames: framesFlow
        case .events: eventsFlow
        case .spool: spoolFlow
        }
    }

    /// Completes the camera's recordings. The caller closes the socket, which ends the flows. The cursor at the camera
    /// stays for a successor.
    func completeRecordings() { writer.add(.leave(camera.name)) }

    // MARK: From the camera

    /// Receives the messages that have arrived.
    ///
    /// - Parameters:
    ///   - onRefusal: called when the camera refuses a flow; once, if it refuses the content until it changes.
    ///   - onViolation: called when the camera breaks the rules of flows.
    func receive(
        onRefusal: (CloseFlow, FlowContent) -> Void, onViolation: (FlowViolation) -> Void
    ) throws(WireError) {
        for _ in 0..<FrameWindow.maximumFrames {
            guard let received = socket.receive() else { return }
            try received.message.withBytes { (bytes) throws(WireError) in
                let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
                let violation: FlowViolation?
                switch envelope.type {
                case .frame: violation = handle(try Frame.decode(bytes, envelope).message, received.message)
                case .event: violation = handle(try Event.decode(bytes, envelope))
                case .gap: violation = handle(try Gap.decode(bytes, envelope))
                case .closeFlow:
                    handle(try CloseFlow.decode(bytes, envelope), onRefusal)
                    violation = nil
                default: throw .unknownType(envelope.type.rawValue)
                }
                if let violation { onViolation(violation) }
            }
        }
    }

    private func handle(_ frame: Frame, _ message: MeshMessage) -> FlowViolation? {
        guard frame.flow != spoolFlow else { return handleSpooled(frame, message) }
        // Frames of a closed flow may still be under way.
        guard isRecording, frame.flow == framesFlow else { return nil }
        guard window.credit > 0 else {
            retry(.frames, flow: frame.flow)
            return .beyondCredit
        }
        guard window.hasRoom(for: message.count) else {
            retry(.frames, flow: frame.flow)
            return nil
        }
        window.receive(message.count)
        lastHeard = .now
        if !refusedUntil.isEmpty { refusedUntil[.jpeg] = nil }
        if let violation = check.violation(of: frame) {
            refill()
            return violation
        }
        if !rule.mode.isContinuous, motion.isOver(at: frame.timestamp) {
            endRecording()
            return nil
        }
        lastTime = frame.timestamp
        durability.recordFrame(now: lastHeard)
        window.hold(message.count)
        writer.add(.frame(RecorderID(camera: camera.name, isSpooled: false), message))
        return nil
    }

    private func handleSpooled(_ frame: Frame, _ message: MeshMessage) -> FlowViolation? {
        guard spoolWindow.credit > 0 else {
            retry(.spool, flow: frame.flow)
            return .beyondCredit
        }
        guard spoolWindow.hasRoom(for: message.count) else {
            retry(.spool, flow: frame.flow)
            return nil
        }
        spoolWindow.receive(message.count)
        // The recorder finds repeated frames. None may be lost here, because the camera deletes what precedes a later one.
        var check = FrameCheck(.jpeg)
        if let violation = check.violation(of: frame) {
            refillSpool()
            return violation
        }
        spoolWindow.hold(message.count)
        writer.add(.frame(RecorderID(camera: camera.name, isSpooled: true), message))
        return nil
    }

    private func handle(_ message: Event) -> FlowViolation? {
        guard message.flow == eventsFlow else { return nil }
        refusedUntil[.events] = nil
        guard let (isNew, acknowledged) = eventCredit.receive(message) else {
            retry(.events, flow: message.flow)
            return .tooManyEvents
        }
        mayEventsContinue = true
        motion.handle(message.event)
        if isNew { rateLimit.chargeNewEvent() }
        writer.add(.event(camera.name, message, acknowledged: acknowledged))
        if isWanted, !isRecording { refresh() }
        return nil
    }

    private func handle(_ gap: Gap) -> FlowViolation? {
        if gap.flow == eventsFlow { loseEvents() }
        guard gap.flow == framesFlow, isRecording else { return nil }
        guard waitingGaps < ArchiveCameraFlows.gapLimit else {
            retry(.frames, flow: gap.flow)
            return .tooManyGaps
        }
        waitingGaps += 1
        missedFrames.add(gap)
        writer.add(.gap(camera.name, gap))
        if gap.reason == .spooled { isSpoolDue = true }
        return nil
    }

    /// Ends all events, since their ends may be among those that are missing.
    private func loseEvents() {
        eventCredit.forgetOngoing()
        guard mayEventsContinue else { return }
        mayEventsContinue = false
        // The camera's own time, like its events have; the archive's clock may differ.
        motion.endAll(at: lastTime ?? WallClock.now)
        writer.add(.endEvents(camera.name, except: nil))
    }

    private func handle(_ close: CloseFlow, _ onRefusal: (CloseFlow, FlowContent) -> Void) {
        let content: FlowContent
        switch close.flow {
        case framesFlow:
            framesFlow = nil
            content = .jpeg
        case eventsFlow:
            eventsFlow = nil
            content = .events
        case spoolFlow:
            handleSpoolEnd(close.reason)
            // A camera needs no spool.
            guard close.reason != .noSuchContent else { return }
            content = .spooled
        default: return
        }
        if close.reason.isPermanent {
            let isKnown = refusedUntil.updateValue(.now + close.reason.retryPause, forKey: content) != nil
            if !isKnown { onRefusal(close, content) }
        } else if close.reason == .tooMany {
            notBefore = .now + close.reason.retryPause
            onRefusal(close, content)
        }
    }

    private func handleSpoolEnd(_ reason: CloseReason) {
        spoolFlow = nil
        spoolNotBefore = MonotonicTime.now + ArchiveCameraFlows.retryDelay
        switch reason {
        case .done, .noSuchContent: writer.add(.spoolEnded(camera.name))
        case .forbidden: break
        case .unknownFlow, .tooMany, .shutdown: isSpoolDue = true
        }
    }

    // MARK: From the writer

    func gapRecorded(_ flow: UInt32) {
        if flow == framesFlow { waitingGaps = max(0, waitingGaps - 1) }
    }

    /// Requests further frames after a frame of a flow has been written.
    func frameWritten(_ flow: UInt32) {
        if flow == spoolFlow {
            spoolWindow.release()
            refillSpool()
        } else if flow == framesFlow {
            window.release()
            refill()
        }
    }

    private func refillSpool() {
        let count = spoolWindow.refill
        guard count > 0, let flow = spoolFlow, sendOnSpool(Credit(flow: flow, frames: count)) else { return }
        spoolWindow.grant(count)
    }

    private func refill() {
        let count = window.refill
        guard count > 0, let flow = framesFlow else { return }
        guard send(Credit(flow: flow, frames: count)) else {
            framesFlow = nil
            return
        }
        window.grant(count)
    }

    /// Acknowledges live frames that are on disk.
    func acknowledge(_ durable: CameraRecorder.Durable) {
        durability.reset()
        cursor = RecordingIndex.Cursor(
            incarnation: durable.incarnation, sequence: durable.sequence, time: durable.time)
        guard let flow = framesFlow, durable.incarnation == camera.incarnation else { return }
        if window.isProbing {
            window.isProbing = false
            refill()
        }
        let acknowledge = Acknowledge(flow: flow, incarnation: durable.incarnation, sequence: durable.sequence)
        if !send(acknowledge) { framesFlow = nil }
    }

    /// Acknowledges spooled frames that are on disk, which the camera then removes.
    func acknowledgeSpooled(_ durable: CameraRecorder.Durable) {
        guard let spoolFlow else { return }
        sendOnSpool(Acknowledge(flow: spoolFlow, incarnation: durable.incarnation, sequence: durable.sequence))
    }

    /// Acknowledges events that are in the index.
    func eventStored(incarnation: UInt64, acknowledged: UInt64) {
        eventCursor = RecordingIndex.Cursor(incarnation: incarnation, sequence: acknowledged, time: 0)
        guard let flow = eventsFlow, incarnation == camera.incarnation else { return }
        eventCredit.store()
        guard acknowledged > 0 else { return }
        if !send(Acknowledge(flow: flow, incarnation: incarnation, sequence: acknowledged)) { eventsFlow = nil }
    }

    /// Sends a message on the spool's flow. If the camera is not reached, the flow is opened again later.
    @discardableResult
    private func sendOnSpool(_ message: some WireMessage) -> Bool {
        if send(message) { return true }
        spoolFlow = nil
        isSpoolDue = true
        return false
    }

    private func send(_ message: some WireMessage) -> Bool { socket.send(message) == .sent }
}
