import SecamConfig
import SecamMesh
import SecamRecording
import SecamWire

/// The archive's flows of one camera: its events, and its frames while they are to be recorded.
///
/// It belongs to the loop's thread; what it takes is written by the writer.
final class CameraLink {
    /// The cursor that all archives share at a camera.
    static let group = "archive"
    private static let frames: UInt32 = 1
    private static let events: UInt32 = 2
    /// Frames on their way or in memory at once: two seconds of a fast camera.
    private static let window: UInt32 = 64

    let camera: Roster.Member
    let socket: MeshSocket
    private let writer: Writer
    private var rule: Recording.Camera
    private var window: MotionWindow
    private var isRecording = false
    private var isFramesOpen = false
    private var isEventsOpen = false
    /// Up to where the disk has frames, as the index said at the start and the writer since.
    private var cursor: RecordingIndex.Cursor?
    private var eventCursor: RecordingIndex.Cursor?
    /// The numbers with which events began that have not ended: events are acknowledged up to before the oldest, so
    /// that whoever takes over hears of those that go on.
    private var begun: [UInt64: UInt64] = [:]
    private var lastEvent: UInt64 = 0
    private var lastSequence: UInt64 = 0
    private var lastTime: Int64?
    private var gap: Gap?
    private var owed: UInt32 = 0

    private(set) var missed: UInt64 = 0

    init(
        _ camera: Roster.Member, socket: MeshSocket, rule: Recording.Camera, index: RecordingIndex, writer: Writer
    ) throws(RecordingError) {
        self.camera = camera
        self.socket = socket
        self.rule = rule
        self.writer = writer
        window = MotionWindow(preRoll: rule.preRoll, postRoll: rule.postRoll)
        cursor = try index.cursor(of: camera.name, .jpeg)
        eventCursor = try index.cursor(of: camera.name, .events)
        // What had not ended when recording ended, by whomever, may go on.
        if eventCursor?.incarnation == camera.incarnation {
            for event in try index.openEvents(of: camera.name) { window.note(event) }
        }
    }

    func change(to new: Recording.Camera) {
        guard new != rule else { return }
        let isOther = (new.preRoll, new.postRoll) != (rule.preRoll, rule.postRoll)
        rule = new
        if isOther { window = MotionWindow(preRoll: new.preRoll, postRoll: new.postRoll) }
        refresh()
    }

    private var isWanted: Bool { rule.mode.isContinuous || window.isOpen }

    /// Opens what is missing, says that the rest is still needed, ends what is over.
    ///
    /// - Returns: whether the camera was reached.
    @discardableResult
    func refresh() -> Bool {
        var isReached = true
        if rule.mode.notesMotion { isReached = refreshEvents() }
        // A camera that gives no frames any more does not keep a recording open.
        if isRecording, !rule.mode.isContinuous, window.isOver(at: WallClock.now - CameraLink.lateness) { endRecording() }
        guard isWanted else {
            if isRecording { endRecording() }
            return isReached
        }
        isRecording = true
        if isFramesOpen {
            isFramesOpen = send(Credit(flow: CameraLink.frames, frames: 0))
        } else {
            owed = 0
            isFramesOpen = send(opening)
        }
        return isReached && isFramesOpen
    }

    /// Microseconds that frames may take from the camera to here.
    private static let lateness: Int64 = 3_000_000

    private func refreshEvents() -> Bool {
        if isEventsOpen {
            isEventsOpen = send(Credit(flow: CameraLink.events, frames: 0))
        } else {
            let isSame = eventCursor?.incarnation == camera.incarnation
            isEventsOpen = send(
                OpenFlow(
                    flow: CameraLink.events, content: .events, policy: .every,
                    start: isSame
                        ? .sequence(incarnation: camera.incarnation, (eventCursor?.sequence ?? 0) + 1) : .acknowledged,
                    credit: CameraLink.window, group: CameraLink.group))
        }
        return isEventsOpen
    }

    /// Frames from where the disk's end; on motion from the pre-roll on, but nothing twice.
    private var opening: OpenFlow {
        let known = cursor.flatMap { $0.incarnation == camera.incarnation ? $0 : nil }
        var start: FlowStart = known.map { .sequence(incarnation: $0.incarnation, $0.sequence + 1) } ?? .acknowledged
        if !rule.mode.isContinuous, let from = window.from, known.map({ $0.time < from }) ?? true {
            start = .time(from)
        }
        return OpenFlow(
            flow: CameraLink.frames, content: .jpeg, policy: .every, start: start, credit: CameraLink.window,
            group: CameraLink.group)
    }

    /// Takes what has come.
    ///
    /// - Parameter onRefusal: is told why the camera does not give us what we ask for.
    func receive(onRefusal: (CloseFlow) -> Void) throws(WireError) {
        for _ in 0..<CameraLink.window {
            guard let received = socket.receive() else { return }
            try received.message.withBytes { (bytes) throws(WireError) in
                let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
                switch envelope.type {
                case .frame: try take(Frame.decode(bytes, envelope).message, received.message)
                case .event: take(try Event.decode(bytes, envelope))
                case .gap: note(try Gap.decode(bytes, envelope))
                case .closeFlow:
                    let close = try CloseFlow.decode(bytes, envelope)
                    if close.flow == CameraLink.frames { isFramesOpen = false }
                    if close.flow == CameraLink.events { isEventsOpen = false }
                    if close.reason == .forbidden || close.reason == .tooMany { onRefusal(close) }
                default: throw .unknownType(envelope.type.rawValue)
                }
            }
        }
    }

    private func take(_ frame: Frame, _ message: MeshMessage) throws(WireError) {
        guard frame.flow == CameraLink.frames, frame.rendition == .jpeg, frame.format == .jpeg else {
            throw .badValue(field: "flow")
        }
        // Frames of a flow that was ended meanwhile may still be under way.
        guard isRecording else { return }
        if !rule.mode.isContinuous, window.isOver(at: frame.timestamp) { return endRecording() }
        if let gap {
            self.gap = nil
            writer.add(.gap(camera.name, gap, until: frame.timestamp))
        }
        lastSequence = frame.sequence
        lastTime = frame.timestamp
        writer.add(.frame(camera.name, message))
    }

    private func note(_ news: Gap) {
        guard news.flow == CameraLink.frames, isRecording else { return }
        missed += news.last - news.first + 1
        // Told together with the frame behind it, so that people see from when to when.
        gap = news
    }

    private func take(_ message: Event) {
        guard message.flow == CameraLink.events else { return }
        let event = message.event
        window.note(event)
        lastEvent = max(lastEvent, message.sequence)
        if event.state == .end { begun[event.id] = nil } else if begun[event.id] == nil { begun[event.id] = message.sequence }
        let acknowledged = begun.values.min().map { $0 - 1 } ?? message.sequence
        writer.add(
            .event(
                camera.name, event, incarnation: message.incarnation, sequence: message.sequence,
                acknowledged: acknowledged))
        _ = send(Credit(flow: CameraLink.events, frames: 1))
        if isWanted, !isRecording { refresh() }
    }

    private func endRecording() {
        isRecording = false
        if let gap { writer.add(.gap(camera.name, gap, until: nil)) }
        gap = nil
        window.close()
        if isFramesOpen { _ = send(CloseFlow(flow: CameraLink.frames, reason: .done)) }
        isFramesOpen = false
        writer.add(.cut(camera.name))
        // Another event may have begun meanwhile.
    }

    // MARK: From the writer

    /// Frames are out of memory: as many more may come.
    func taken(_ frames: UInt32) {
        owed += frames
        guard owed >= CameraLink.window / 4 || owed > 0 && frames == 0 else { return }
        if isFramesOpen { isFramesOpen = send(Credit(flow: CameraLink.frames, frames: owed)) }
        owed = 0
    }

    func durable(_ durable: CameraTape.Durable) {
        cursor = RecordingIndex.Cursor(
            incarnation: durable.incarnation, sequence: durable.sequence, time: lastTime ?? 0)
        guard isFramesOpen, durable.incarnation == camera.incarnation else { return }
        isFramesOpen = send(
            Acknowledge(flow: CameraLink.frames, incarnation: durable.incarnation, sequence: durable.sequence))
    }

    func eventStored(incarnation: UInt64, acknowledged: UInt64) {
        eventCursor = RecordingIndex.Cursor(incarnation: incarnation, sequence: acknowledged, time: 0)
        guard isEventsOpen, acknowledged > 0, incarnation == camera.incarnation else { return }
        isEventsOpen = send(
            Acknowledge(flow: CameraLink.events, incarnation: incarnation, sequence: acknowledged))
    }

    /// What is not on the disk must be given again, from there on.
    func failed(_ cursor: RecordingIndex.Cursor?) {
        if let cursor { self.cursor = cursor }
        isFramesOpen = false
        gap = nil
        refresh()
    }

    /// The camera is somebody else's now, or gone. The cursor at the camera stays, for whoever goes on.
    func leave() { writer.add(.leave(camera.name)) }

    private func send(_ message: some WireMessage) -> Bool { socket.send(message) == .sent }
}
