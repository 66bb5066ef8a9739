import SecamMesh
import SecamWire

/// The gateway's flow of one rendition, or of the events, of one camera, on a connection of its own: so the flow's
/// number can be the camera's number for every rendition, and a frame goes to viewers just as it came.
final class GatewayCameraFlow {
    /// Frames on their way from the camera at once.
    static let window: UInt32 = 8
    /// Frames for which the camera gets its credit back together: a message costs both ends as much as reading a frame.
    private static let creditStep: UInt32 = 2

    let socket: MeshSocket
    private let number: UInt32
    private let content: FlowContent
    private var isOpen = false
    /// Whether it was said that the camera refuses us.
    private var isRefusalKnown = false

    /// The last event that came, so that a flow that is opened anew goes on behind it.
    private(set) var lastEvent: EventPlace?
    /// Events, and bytes of frames, since the last refresh; beyond the bounds the camera gets its credit back with the next
    /// one only.
    private var events = 0
    private var bytes = 0
    /// Bytes of a large frame of late.
    private var frameBytes = 1
    private var owed: UInt32 = 0
    /// Frames or events that the camera may still send: of the present flow, and, with what the flows before it may have on
    /// their way, of all.
    private var credit: UInt32 = 0
    private var creditOfAll: UInt32 = 0

    /// Where in a camera's log of events somebody is.
    struct EventPlace {
        let incarnation: UInt64
        let sequence: UInt64
    }

    /// Events of one camera in a second: more than a camera with all its motion services tells, and enough to learn of
    /// what it remembers.
    private static let mostEvents = 512
    /// Bytes of one rendition of one camera in a second, and on their way at once: 4K at 30 frames a second takes less, and
    /// other cameras' frames wait for what is more.
    private let mostBytes: Int

    /// Frames of the present size that may be on their way.
    private var frameWindow: UInt32 {
        UInt32(max(1, min(Int(GatewayCameraFlow.window), mostBytes / frameBytes)))
    }

    /// - Parameters:
    ///   - lastEvent: the last one that was told over a connection before.
    ///   - mostBytes: of frames, in a second.
    init(
        _ socket: MeshSocket, number: UInt32, content: FlowContent, lastEvent: EventPlace? = nil,
        mostBytes: Int = 64 << 20
    ) {
        self.mostBytes = mostBytes
        self.lastEvent = lastEvent
        self.socket = socket
        self.number = number
        self.content = content
    }

    /// Events from all that the camera still knows; of frames the newest is enough.
    private var opening: OpenFlow {
        let start: FlowStart =
            switch (content, lastEvent) {
            case (.events, let last?): .sequence(incarnation: last.incarnation, last.sequence + 1)
            case (.events, nil): .time(WireLimits.times.lowerBound)
            default: .live
            }
        return OpenFlow(
            flow: number, content: content, policy: content == .events ? .every : .latest, start: start,
            credit: frameWindow)
    }

    /// Opens the flow, or says that it is still needed.
    ///
    /// - Returns: whether the camera was reached.
    @discardableResult
    func refresh() -> Bool {
        if isOpen {
            let frames = max(frameWindow, credit) - credit
            isOpen = socket.send(Credit(flow: number, frames: frames)) == .sent
            noteGiven(frames)
        } else {
            isOpen = socket.send(opening) == .sent
            creditOfAll = min(creditOfAll, GatewayCameraFlow.window)
            credit = 0
            noteGiven(frameWindow)
        }
        owed = 0
        events = 0
        bytes = 0
        return isOpen
    }

    /// Takes what has come.
    ///
    /// - Parameters:
    ///   - publish: is given each frame's whole message.
    ///   - tell: is given each event's whole message.
    ///   - onRefusal: is told once why the camera does not give us what we ask for.
    func receive(
        _ publish: (MeshMessage, Frame) -> Void, tell: (MeshMessage, Event) -> Void, onRefusal: (CloseFlow) -> Void
    ) throws(WireError) {
        // No more than it may send, so that a camera that sends more does not keep the loop from everything else.
        for _ in 0..<GatewayCameraFlow.window {
            guard let received = socket.receive() else { return }
            try received.message.withBytes { (bytes) throws(WireError) in
                let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
                switch envelope.type {
                case .frame:
                    let (frame, _) = try Frame.decode(bytes, envelope)
                    guard frame.flow == number, FlowContent(frame.rendition) == content, frame.format == .jpeg else {
                        throw .badValue(field: "flow")
                    }
                    try spendCredit()
                    frameBytes = max(received.message.count, frameBytes / 8 * 7, 1)
                    self.bytes += received.message.count
                    giveBack(after: self.bytes <= mostBytes ? GatewayCameraFlow.creditStep : .max)
                    isRefusalKnown = false
                    publish(received.message, frame)
                case .event:
                    let event = try Event.decode(bytes, envelope)
                    guard event.flow == number, content == .events else { throw .badValue(field: "flow") }
                    try spendCredit()
                    events += 1
                    giveBack(after: events <= GatewayCameraFlow.mostEvents ? 1 : .max)
                    lastEvent = EventPlace(incarnation: event.incarnation, sequence: event.sequence)
                    tell(received.message, event)
                case .closeFlow:
                    let close = try CloseFlow.decode(bytes, envelope)
                    isOpen = false
                    guard close.reason == .forbidden || close.reason == .tooMany, !isRefusalKnown else { return }
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

    /// The credit of one message, once so many messages' is due.
    private func giveBack(after count: UInt32) {
        owed += 1
        guard owed >= count else { return }
        owed = 0
        let frames = max(frameWindow, credit) - credit
        guard frames > 0 else { return }
        socket.send(Credit(flow: number, frames: frames))
        noteGiven(frames)
    }

    /// A camera that sends more than it may is not passed on: viewers and hooks get no more than its share.
    private func spendCredit() throws(WireError) {
        guard creditOfAll > 0 else { throw .badValue(field: "credit") }
        creditOfAll -= 1
        credit -= min(1, credit)
    }

    private func noteGiven(_ frames: UInt32) {
        credit += frames
        creditOfAll += frames
    }

    func close() {
        socket.send(CloseFlow(flow: number, reason: .done))
    }
}
