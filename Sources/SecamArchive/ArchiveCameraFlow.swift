import SecamBase
import SecamMesh
import SecamRecording
import SecamWire

/// The archive's flows of one camera: its events, and its frames while they are to be recorded.
///
/// Each flow that is opened has a number of its own, so that what is still under way of the one before is told from
/// what comes again. It belongs to the loop's thread; what it takes is written by the writer.
final class ArchiveCameraFlow {
    /// The cursor that all archives share at a camera.
    static let group = "archive"
    /// Frames on their way or in memory at once: two seconds of a fast camera.
    private static let window: UInt32 = 64
    /// The same of frames whose size is not known yet.
    private static let firstWindow: UInt32 = 8
    /// Bytes that a window is made for; of frames that are large it has fewer.
    private static let windowBytes = 32 << 20
    /// Bytes that may be in memory at all: a camera whose frames become much larger is asked for one by one.
    private static let mostBytesInHand = 128 << 20
    /// Events that may go on at once; a camera has far fewer.
    private static let openEvents = 64
    /// Microseconds in which a camera may tell of `window` events.
    private static let eventInterval: Int64 = 1_000_000
    /// Microseconds without a frame after which a recording that is over is ended.
    private static let silence: Int64 = 5_000_000
    /// Microseconds before what could not be written is asked for again.
    private static let pause: Int64 = 1_000_000
    /// Spooled frames on their way or in memory at once.
    private static let spoolWindow: UInt32 = 16
    /// Microseconds that events have to be told before frames come that are recorded only when an event was there.
    private static let eventLead: Int64 = 2_000_000

    let camera: Roster.Member
    let socket: MeshSocket
    private let writer: Writer
    private var rule: Recording.Camera
    private var window: MotionWindow
    private var isRecording = false
    /// The numbers of the flows that are open.
    private var frames: UInt32?
    private var events: UInt32?
    private var spool: UInt32?
    private var lastFlow: UInt32 = 0
    /// Up to where the disk has frames, as the index said at the start and the writer since.
    private var cursor: RecordingIndex.Cursor?
    private var eventCursor: RecordingIndex.Cursor?
    /// The numbers with which events began that have not ended: events are acknowledged up to before the oldest, so
    /// that whoever takes over hears of those that go on.
    private var begun: [UInt64: UInt64] = [:]
    /// Whether an event that has not ended may be in the index. A gap among events costs a transaction only then: gaps
    /// need no credit.
    private var mayEventsGoOn = true
    private var lastTime: Int64?
    private var lastHeard = MonotonicTime.now
    /// Something may be in the camera's spool.
    private var isSpoolDue = true
    private var spoolNotBefore = MonotonicTime.now.advanced(byMicroseconds: ArchiveCameraFlow.eventLead)
    /// Spooled frames that the writer has not taken out of memory.
    private var spoolInHand: UInt32 = 0
    /// Sizes of the frames that the writer has not taken out of memory, in order, and their sum.
    private var inHand: [Int] = []
    private var bytesInHand = 0
    /// Frames that may still come.
    private var credit: UInt32 = 0
    /// Bytes of a large frame of late; `nil` before the first.
    private var frameBytes: Int?
    /// Events that may still come, and those that are stored and for which no credit was returned.
    private var eventCredit: UInt32 = 0
    private var owedEvents: UInt32 = 0
    /// Whether each of the events that are being stored is a new one.
    private var storing: [Bool] = []
    /// New events that are stored, for which credit is returned as the allowance permits: each is a row of the index.
    private var owedNewEvents: UInt32 = 0
    private let allowance: CameraRateLimit
    private var nextEventCredit = MonotonicTime.now
    /// Writing failed: until something is on the disk again, frames are asked for one by one.
    private var isProbing = false
    private var notBefore = MonotonicTime.now

    private(set) var missed: UInt64 = 0
    /// Up to where missing frames have been counted: what is asked for again tells of them again.
    private var missedTo: (incarnation: UInt64, sequence: UInt64)?

    init(
        _ camera: Roster.Member, socket: MeshSocket, rule: Recording.Camera, index: RecordingIndex, writer: Writer,
        allowance: CameraRateLimit
    ) throws(RecordingError) {
        self.camera = camera
        self.allowance = allowance
        self.socket = socket
        self.rule = rule
        self.writer = writer
        window = MotionWindow(preRoll: rule.preRoll, postRoll: rule.postRoll)
        cursor = try index.cursor(of: camera.name, .jpeg)
        eventCursor = try index.cursor(of: camera.name, .events)
        // Of an earlier run nothing will be heard any more; what had not ended of this one may go on.
        writer.add(.endEvents(camera.name, except: camera.incarnation))
        for event in try index.openEvents(of: camera.name, incarnation: camera.incarnation) { window.note(event) }
    }

    func change(to new: Recording.Camera) {
        guard new != rule else { return }
        rule = new
        window.change(preRoll: new.preRoll, postRoll: new.postRoll)
        refresh()
    }

    private var isWanted: Bool { rule.mode.isContinuous || window.isOpen }

    private func nextFlow() -> UInt32 {
        lastFlow &+= 1
        return lastFlow
    }

    /// Opens what is missing, says that the rest is still needed, ends what is over.
    ///
    /// - Returns: whether the camera was reached.
    @discardableResult
    func refresh() -> Bool {
        var isReached = true
        if rule.mode.notesMotion {
            isReached = refreshEvents()
        } else if let events {
            _ = send(CloseFlow(flow: events, reason: .shutdown))
            self.events = nil
        }
        isReached = refreshSpool() && isReached
        if isRecording, !isWanted || isOverInSilence { endRecording() }
        guard isWanted else { return isReached }
        isRecording = true
        return refreshFrames() && isReached
    }

    /// A camera that gives no frames any more does not keep a recording open.
    private var isOverInSilence: Bool {
        let isSilent = MonotonicTime.now.since(lastHeard) > ArchiveCameraFlow.silence
        return !rule.mode.isContinuous && inHand.isEmpty && !isProbing && isSilent && window.isOver(at: WallClock.now)
    }

    private func refreshFrames() -> Bool {
        if let frames {
            guard send(Credit(flow: frames, frames: 0)) else {
                self.frames = nil
                return false
            }
            return true
        }
        guard MonotonicTime.now >= notBefore else { return true }
        let flow = nextFlow()
        guard send(opening(flow)) else { return false }
        frames = flow
        isSpoolDue = true
        inHand = []
        bytesInHand = 0
        credit = firstCredit
        lastHeard = .now
        return true
    }

    /// Asks for what the camera kept while no archive took it, until it says that there is no more.
    private func refreshSpool() -> Bool {
        if let spool {
            return sendAboutSpool(Credit(flow: spool, frames: 0))
        }
        guard isSpoolDue, MonotonicTime.now >= spoolNotBefore else { return true }
        let flow = nextFlow()
        let open = OpenFlow(
            flow: flow, content: .spooled, policy: .every, start: .acknowledged, credit: ArchiveCameraFlow.spoolWindow,
            group: ArchiveCameraFlow.group)
        guard send(open) else { return false }
        spool = flow
        spoolInHand = 0
        isSpoolDue = false
        return true
    }

    private func refreshEvents() -> Bool {
        if let events {
            // In portions: a camera that tells of too much must not keep the others' frames from the disk.
            let isDue = MonotonicTime.now >= nextEventCredit
            if isDue { releaseNewEvents() }
            guard send(Credit(flow: events, frames: isDue ? owedEvents : 0)) else {
                self.events = nil
                return false
            }
            guard isDue else { return true }
            eventCredit += owedEvents
            owedEvents = 0
            nextEventCredit = MonotonicTime.now.advanced(byMicroseconds: ArchiveCameraFlow.eventInterval)
            return true
        }
        let allowed = min(ArchiveCameraFlow.window, allowance.eventsLeft(now: .now))
        guard MonotonicTime.now >= notBefore, allowed > 0 else { return true }
        let flow = nextFlow()
        let start: FlowStart =
            eventCursor.map { .sequence(incarnation: $0.incarnation, $0.sequence + 1) } ?? .acknowledged
        let open = OpenFlow(
            flow: flow, content: .events, policy: .every, start: start, credit: allowed,
            group: ArchiveCameraFlow.group)
        guard send(open) else { return false }
        events = flow
        eventCredit = allowed
        owedEvents = 0
        owedNewEvents = 0
        storing = []
        return true
    }

    private func releaseNewEvents() {
        let left = allowance.eventsLeft(now: .now)
        let released = min(owedNewEvents, left - min(left, eventCredit))
        owedNewEvents -= released
        owedEvents += released
    }

    /// Frames from where the disk's end; on motion from the pre-roll on, but nothing twice.
    private func opening(_ flow: UInt32) -> OpenFlow {
        // Of another run of the camera it begins with the oldest that there is.
        var start: FlowStart = cursor.map { .sequence(incarnation: $0.incarnation, $0.sequence + 1) } ?? .acknowledged
        let known = cursor.flatMap { $0.incarnation == camera.incarnation ? $0 : nil }
        if !rule.mode.isContinuous, let from = window.from, known.map({ $0.time < from }) ?? true {
            start = .time(from)
        }
        return OpenFlow(
            flow: flow, content: .jpeg, policy: .every, start: start, credit: firstCredit,
            group: ArchiveCameraFlow.group)
    }

    private var firstCredit: UInt32 {
        isProbing ? 1 : frameBytes == nil ? ArchiveCameraFlow.firstWindow : frameWindow
    }

    /// Frames that may be on their way or in memory at once.
    private var frameWindow: UInt32 {
        guard let frameBytes else { return ArchiveCameraFlow.window }
        return UInt32(max(1, min(Int(ArchiveCameraFlow.window), ArchiveCameraFlow.windowBytes / max(1, frameBytes))))
    }

    /// Takes what has come.
    ///
    /// - Parameter onRefusal: is told why the camera does not give us what we ask for.
    func receive(onRefusal: (CloseFlow) -> Void) throws(WireError) {
        for _ in 0..<ArchiveCameraFlow.window {
            guard let received = socket.receive() else { return }
            try received.message.withBytes { (bytes) throws(WireError) in
                let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
                switch envelope.type {
                case .frame: try take(Frame.decode(bytes, envelope).message, received.message)
                case .event: try take(Event.decode(bytes, envelope))
                case .gap: note(try Gap.decode(bytes, envelope))
                case .closeFlow:
                    let close = try CloseFlow.decode(bytes, envelope)
                    if close.flow == frames { frames = nil }
                    if close.flow == events { events = nil }
                    if close.flow == spool { endSpool(close.reason) }
                    if close.reason == .forbidden || close.reason == .tooMany {
                        notBefore = MonotonicTime.now.advanced(byMicroseconds: ArchiveCameraFlow.pause)
                        onRefusal(close)
                    }
                default: throw .unknownType(envelope.type.rawValue)
                }
            }
        }
    }

    private func take(_ frame: Frame, _ message: MeshMessage) throws(WireError) {
        guard frame.rendition == .jpeg, frame.format == .jpeg else { throw .badValue(field: "rendition") }
        guard frame.flow != spool else { return try takeSpooled(frame.flow, message) }
        // Frames of a flow that was ended meanwhile may still be under way.
        guard isRecording, frame.flow == frames else { return }
        guard credit > 0 else {
            failed(frame.flow)
            throw .badValue(field: "flow: a frame beyond its credit")
        }
        guard bytesInHand + message.count <= ArchiveCameraFlow.mostBytesInHand else { return failed(frame.flow) }
        credit -= 1
        frameBytes = max(message.count, (frameBytes ?? 0) / 8 * 7)
        lastHeard = .now
        if !rule.mode.isContinuous, window.isOver(at: frame.timestamp) { return endRecording() }
        lastTime = frame.timestamp
        inHand.append(message.count)
        bytesInHand += message.count
        writer.add(.frame(RecorderID(camera: camera.name, isSpooled: false), message))
    }

    private func takeSpooled(_ flow: UInt32, _ message: MeshMessage) throws(WireError) {
        guard spoolInHand < 2 * ArchiveCameraFlow.spoolWindow else {
            failedSpool(flow)
            throw .badValue(field: "flow: a spooled frame beyond its credit")
        }
        spoolInHand += 1
        writer.add(.frame(RecorderID(camera: camera.name, isSpooled: true), message))
    }

    private func endSpool(_ reason: CloseReason) {
        spool = nil
        spoolNotBefore = MonotonicTime.now.advanced(byMicroseconds: ArchiveCameraFlow.pause)
        switch reason {
        case .done: writer.add(.spoolEnded(camera.name))
        case .forbidden: break
        case .unknownFlow, .tooMany, .shutdown: isSpoolDue = true
        }
    }

    private func note(_ news: Gap) {
        if news.flow == events {
            // Ends may be among what is missing: nothing is known of events that went on.
            begun = [:]
            guard mayEventsGoOn else { return }
            mayEventsGoOn = false
            // The camera's own time, as its events have: the archive's clock may be another one.
            window.loseTrack(at: lastTime ?? WallClock.now)
            writer.add(.endEvents(camera.name, except: nil))
        }
        guard news.flow == frames, isRecording else { return }
        count(news)
        writer.add(.gap(camera.name, news))
        if news.reason == .spooled { isSpoolDue = true }
    }

    private func count(_ gap: Gap) {
        var fresh = gap.missing
        if let missedTo, missedTo.incarnation == gap.incarnation {
            guard let rest = fresh.suffix(after: missedTo.sequence) else { return }
            fresh = rest
        }
        missed = missed.addingSaturated(fresh.count)
        missedTo = (gap.incarnation, fresh.last)
    }

    private func take(_ message: Event) throws(WireError) {
        guard message.flow == events else { return }
        let event = message.event
        let isNew = event.state != .end && begun[event.id] == nil
        guard eventCredit > 0, !isNew || begun.count < ArchiveCameraFlow.openEvents else {
            eventsFailed(message.flow)
            throw .badValue(field: "flow: events beyond its credit, or too many at once")
        }
        eventCredit -= 1
        storing.append(begun[event.id] == nil)
        mayEventsGoOn = true
        window.note(event)
        if event.state == .end { begun[event.id] = nil }
        if isNew {
            begun[event.id] = message.sequence
            allowance.chargeNewEvent()
        }
        let acknowledged = begun.values.min().map { max($0, 1) - 1 } ?? message.sequence
        writer.add(.event(camera.name, message, acknowledged: acknowledged))
        if isWanted, !isRecording { refresh() }
    }

    private func endRecording() {
        isRecording = false
        window.close()
        if let frames { _ = send(CloseFlow(flow: frames, reason: .done)) }
        frames = nil
        writer.add(.cut(camera.name))
    }

    // MARK: From the writer

    /// A frame of a flow is out of memory: another one may come.
    func taken(_ flow: UInt32) {
        if flow == spool { return takenSpooled(flow) }
        guard flow == frames else { return }
        if !inHand.isEmpty { bytesInHand -= inHand.removeFirst() }
        refill()
    }

    /// Asks for as many more frames as there is room for, in portions.
    private func refill() {
        // One by one while probing: what was recorded before is passed over and never becomes durable.
        let window = isProbing ? 1 : frameWindow
        let used = UInt32(inHand.count) + credit
        guard used < window, window - used >= max(1, window / 4) else { return }
        grant(window - used)
    }

    private func takenSpooled(_ flow: UInt32) {
        spoolInHand -= min(1, spoolInHand)
        sendAboutSpool(Credit(flow: flow, frames: 1))
    }

    /// What the camera need not keep any more.
    func durableSpooled(_ durable: CameraRecorder.Durable) {
        guard let spool else { return }
        sendAboutSpool(Acknowledge(flow: spool, incarnation: durable.incarnation, sequence: durable.sequence))
    }

    /// Where the camera is not reached, the spool's flow is opened anew.
    @discardableResult
    private func sendAboutSpool(_ message: some WireMessage) -> Bool {
        if send(message) { return true }
        spool = nil
        isSpoolDue = true
        return false
    }

    private func grant(_ frames: UInt32) {
        guard let flow = self.frames else { return }
        guard send(Credit(flow: flow, frames: frames)) else {
            self.frames = nil
            return
        }
        credit += frames
    }

    func durable(_ durable: CameraRecorder.Durable) {
        cursor = RecordingIndex.Cursor(
            incarnation: durable.incarnation, sequence: durable.sequence, time: durable.time)
        guard let frames, durable.incarnation == camera.incarnation else { return }
        if isProbing {
            isProbing = false
            refill()
        }
        let acknowledge = Acknowledge(flow: frames, incarnation: durable.incarnation, sequence: durable.sequence)
        if !send(acknowledge) { self.frames = nil }
    }

    func eventStored(incarnation: UInt64, sequence: UInt64, acknowledged: UInt64) {
        eventCursor = RecordingIndex.Cursor(incarnation: incarnation, sequence: acknowledged, time: 0)
        guard let flow = events, incarnation == camera.incarnation else { return }
        if storing.isEmpty || !storing.removeFirst() { owedEvents += 1 } else { owedNewEvents += 1 }
        guard acknowledged > 0 else { return }
        if !send(Acknowledge(flow: flow, incarnation: incarnation, sequence: acknowledged)) { events = nil }
    }

    /// What is not on the disk must be given again, from there on, after a while.
    func failed(_ flow: UInt32) {
        guard flow == frames else { return }
        // Not done with it: whoever takes over finds the cursor.
        _ = send(CloseFlow(flow: flow, reason: .shutdown))
        frames = nil
        isProbing = true
        notBefore = MonotonicTime.now.advanced(byMicroseconds: ArchiveCameraFlow.pause)
    }

    func failedSpool(_ flow: UInt32) {
        guard flow == spool else { return }
        _ = send(CloseFlow(flow: flow, reason: .shutdown))
        spool = nil
        isSpoolDue = true
        spoolNotBefore = MonotonicTime.now.advanced(byMicroseconds: ArchiveCameraFlow.pause)
    }

    func eventsFailed(_ flow: UInt32) {
        guard flow == events else { return }
        _ = send(CloseFlow(flow: flow, reason: .shutdown))
        events = nil
        notBefore = MonotonicTime.now.advanced(byMicroseconds: ArchiveCameraFlow.pause)
    }

    /// The camera is somebody else's now, or gone. The cursor at the camera stays, for whoever goes on.
    func leave() { writer.add(.leave(camera.name)) }

    private func send(_ message: some WireMessage) -> Bool { socket.send(message) == .sent }
}
