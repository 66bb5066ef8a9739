import SecamBase
import SecamMesh
import SecamWire

/// The gateway's flow of one rendition, or of the events, of one camera.
///
/// Each flow has a connection of its own. The flow's number can therefore be the camera's number for every rendition,
/// and a frame goes to viewers byte for byte as it came.
final class GatewayCameraFlow {
    /// Maximum frames on their way from the camera.
    static let window: UInt32 = 8
    /// Frames per CREDIT message. A message costs both ends as much as reading a frame.
    private static let creditStep: UInt32 = 2

    let socket: MeshSocket
    private let number: UInt32
    private let content: FlowContent
    private var isOpen = false
    /// The camera was reached by the last refresh.
    private(set) var isReachable = false
    /// Whether a refusal for now was reported since the last frame.
    private var isRefusalKnown = false
    /// The time before which the flow is not requested.
    private var notBefore: MonotonicTime
    private var check: FrameCheck?

    /// The last event received, after which a reopened flow resumes.
    private(set) var lastEvent: EventPosition?
    /// Events and bytes received since the last refresh. Beyond the limits, credit waits for the next refresh.
    private var events = 0
    private var bytes = 0
    /// Size of the largest recent frame, bytes.
    private var frameBytes = RecentMaximum()
    /// Received messages for which no credit was granted yet.
    private var owed: UInt32 = 0
    /// Frames or events that the camera may still send in this flow.
    private var credit: UInt32 = 0
    /// The same, with messages that former flows may still have on their way.
    private var totalCredit: UInt32 = 0

    /// A position in a camera's event log.
    struct EventPosition {
        let incarnation: UInt64
        let sequence: UInt64
    }

    /// Maximum number of events between two refreshes for which credit is returned at once. A camera with all its motion
    /// services sends fewer.
    private static let eventLimit = 512
    /// Maximum bytes of frames between two refreshes for which credit is returned at once, and maximum bytes in flight.
    /// More would delay other cameras' frames.
    private let byteLimit: Int

    /// 4K at 30 frames a second needs less.
    private static let byteLimitOfFrames = 48 << 20
    private static let byteLimitOfSmallFrames = 8 << 20

    /// Frames of the present size that may be on their way.
    private var frameWindow: UInt32 {
        UInt32(max(1, min(Int(GatewayCameraFlow.window), byteLimit / max(1, frameBytes.value))))
    }

    /// - Parameters:
    ///   - lastEvent: the last event received over an earlier connection.
    ///   - notBefore: the time before which the flow is not requested, after a refusal over an earlier connection.
    ///   - byteLimit: maximum bytes of frames per second; `nil` for the default of the content.
    init(
        _ socket: MeshSocket, number: UInt32, content: FlowContent, lastEvent: EventPosition? = nil,
        notBefore: MonotonicTime = .now, byteLimit: Int? = nil
    ) {
        let usual = content == .sub ? GatewayCameraFlow.byteLimitOfSmallFrames : GatewayCameraFlow.byteLimitOfFrames
        self.byteLimit = byteLimit ?? usual
        self.lastEvent = lastEvent
        self.socket = socket
        self.number = number
        self.content = content
        self.notBefore = notBefore
        check = content.rendition.map(FrameCheck.init)
    }

    /// Requests the flow at the next refresh, because the camera that refused it has changed.
    func retry() { notBefore = .now }

    /// Events start with the oldest that the camera still has, frames with the newest.
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

    /// Opens the flow, or keeps it open. Called once a second, and sooner while the camera is not reachable.
    ///
    /// - Returns: whether the camera is reachable.
    @discardableResult
    func refresh() -> Bool {
        if isOpen {
            let frames = max(frameWindow, credit) - credit
            isOpen = socket.send(Credit(flow: number, frames: frames)) == .sent
            addCredit(frames)
        } else {
            guard MonotonicTime.now >= notBefore else {
                isReachable = true
                return true
            }
            isOpen = socket.send(opening) == .sent
            totalCredit = min(totalCredit, GatewayCameraFlow.window)
            credit = 0
            addCredit(frameWindow)
        }
        owed = 0
        events = 0
        bytes = 0
        isReachable = isOpen
        return isReachable
    }

    /// Receives the messages that have arrived.
    ///
    /// - Parameters:
    ///   - onFrame: called with each frame's whole message.
    ///   - onEvent: called with each event's whole message.
    ///   - onRefusal: called when the camera refuses the flow; once, if it refuses it for now only.
    ///   - onViolation: called when the camera breaks the rules of flows.
    /// - Throws: when the camera sends a malformed message.
    func receive(
        _ onFrame: (MeshMessage, Frame) -> Void, onEvent: (MeshMessage, Event) -> Void,
        onRefusal: (CloseFlow) -> Void, onViolation: (FlowViolation) -> Void
    ) throws(WireError) {
        // Credit returns after the messages that were waiting, so that one beyond the credit is noticed.
        defer { returnCredit() }
        // One window at a time, so that a flooding camera does not occupy the loop.
        for _ in 0...GatewayCameraFlow.window {
            guard let received = socket.receive() else { return }
            try received.message.withBytes { (bytes) throws(WireError) in
                let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
                switch envelope.type {
                case .frame:
                    let (frame, _) = try Frame.decode(bytes, envelope)
                    // Frames of a closed flow may still arrive.
                    guard isOpen, frame.flow == number, check != nil else { break }
                    do throws(FlowViolation) {
                        try spendCredit()
                        frameBytes.add(received.message.count)
                        self.bytes += received.message.count
                        if let violation = check!.violation(of: frame) { throw violation }
                        isRefusalKnown = false
                        onFrame(received.message, frame)
                    } catch {
                        onViolation(error)
                    }
                case .event:
                    let event = try Event.decode(bytes, envelope)
                    guard isOpen, event.flow == number, content == .events else { break }
                    do throws(FlowViolation) {
                        try spendCredit()
                        events += 1
                        lastEvent = EventPosition(incarnation: event.incarnation, sequence: event.sequence)
                        onEvent(received.message, event)
                    } catch {
                        onViolation(error)
                    }
                case .closeFlow:
                    let close = try CloseFlow.decode(bytes, envelope)
                    guard isOpen, close.flow == number else { break }
                    isOpen = false
                    notBefore = .now + close.reason.retryPause
                    if close.reason.isPermanent { onRefusal(close) }
                    guard close.reason == .tooMany, !isRefusalKnown else { break }
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

    /// Returns the credit of received messages to the camera, once enough of them are due.
    private func returnCredit() {
        guard isOpen, owed >= (content == .events ? 1 : GatewayCameraFlow.creditStep),
            events <= GatewayCameraFlow.eventLimit, bytes <= byteLimit
        else { return }
        owed = 0
        let frames = max(frameWindow, credit) - credit
        guard frames > 0 else { return }
        socket.send(Credit(flow: number, frames: frames))
        addCredit(frames)
    }

    /// Counts a received message. Closes the flow when it is beyond the credit, so that viewers and hooks get no more than
    /// the camera's share.
    private func spendCredit() throws(FlowViolation) {
        guard totalCredit > 0 else {
            socket.send(CloseFlow(flow: number, reason: .shutdown, detail: "more frames than credit"))
            isOpen = false
            notBefore = .now + CloseReason.shutdown.retryPause
            throw .beyondCredit
        }
        totalCredit -= 1
        credit -= min(1, credit)
        owed += 1
    }

    private func addCredit(_ frames: UInt32) {
        credit += frames
        totalCredit += frames
    }

    func close() {
        socket.send(CloseFlow(flow: number, reason: .done))
    }
}
