import SecamBase
import SecamWire

/// The handling of each message, by phase.
extension ViewerConnection {
    mutating func nextMessage() throws(ConnectionEnd) -> (Envelope, [UInt8])? {
        do {
            guard case .message(let envelope, let bytes) = try decoder.next() else { return nil }
            return (envelope, bytes)
        } catch {
            throw .malformed(error)
        }
    }

    /// Compares the clocks. The message's way through the network is part of the difference, so a small one is none.
    private mutating func recordClock(of welcome: Welcome, utc: Int64) {
        let (difference, overflow) = utc.subtractingReportingOverflow(welcome.time)
        clockDifference = overflow || abs(difference) < Self.clockTolerance ? 0 : difference
    }

    /// - Returns: `nil` for a message without an event.
    mutating func handle(_ envelope: Envelope, _ bytes: [UInt8], utc: Int64) throws(ConnectionEnd) -> Step? {
        switch (envelope.type, phase) {
        case (.hello, .hello):
            try answerHello(decode(Hello.self, envelope, bytes))
        case (.welcome, .login):
            let welcome = try decode(Welcome.self, envelope, bytes)
            recordClock(of: welcome, utc: utc)
            phase = .welcomed
            decoder.limit = Self.limit
            return .welcome(welcome.role, token: welcome.token == DeviceToken.none ? nil : welcome.token)
        case (.denied, .login):
            let denied = try decode(Denied.self, envelope, bytes)
            throw .denied(denied.reason, wait: denied.wait, detail: denied.detail)
        case (.cameras, .welcomed), (.cameras, .open):
            let cameras = try decode(Cameras.self, envelope, bytes).cameras
            names = Dictionary(cameras.map { ($0.camera, $0.name) }) { first, _ in first }
            if phase == .welcomed { follow() }
            phase = .open
            watchWanted(of: cameras)
            return .event(.cameras(cameras))
        case (.found, .open):
            return .event(.found(try decode(Found.self, envelope, bytes)))
        case (.closeFlow, .open):
            let close = try decode(CloseFlow.self, envelope, bytes)
            replays[close.flow] = nil
            return .event(.replayEnded(close))
        case (.frame, .open):
            return try receiveFrame(envelope, bytes, utc: utc).map { .event($0) }
        case (.event, .open):
            let event = try decode(Event.self, envelope, bytes)
            // Events of a camera that has just left the list may still be in flight.
            return names[event.flow].map { .event(.event(event.event, camera: $0)) }
        case (.error, .welcomed), (.error, .open):
            let error = try decode(ErrorMessage.self, envelope, bytes)
            return .event(.refused(error.code, detail: error.detail))
        case (.ping, _):
            outgoing += Pong(token: try decode(Ping.self, envelope, bytes).token).encoded()
        case (.pong, .welcomed), (.pong, .open):
            if try decode(Pong.self, envelope, bytes).token == Self.eventsToken { return .event(.eventsComplete) }
        case (.bye, _):
            let bye = try decode(Bye.self, envelope, bytes)
            throw .bye(bye.reason, detail: bye.detail)
        default:
            throw .unexpected(envelope.type)
        }
        return nil
    }

    private mutating func answerHello(_ hello: Hello) {
        phase = .login
        if hello.idle > 0 { pingInterval = min(pingInterval, .seconds(Int64(hello.idle)) / 3) }
        var login = Login(
            username: settings.username, password: settings.password, remember: settings.keepToken != nil,
            token: settings.token, code: settings.code
        ).encoded()
        outgoing.reserveCapacity(outgoing.count + login.count)
        outgoing += login
        outgoingHoldsPassword = true
        Secret.erase(&login)
    }

    private mutating func follow() {
        let (live, since): (Bool, Int64)
        switch settings.events {
        case .none: return
        case .past(let time): (live, since) = (false, time)
        case .live(let time): (live, since) = (true, time)
        }
        outgoing += Follow(live: live, since: since).encoded()
        outgoing += Ping(token: Self.eventsToken).encoded()
    }

    /// Watches the wanted cameras that are not watched yet. A camera that left the list is forgotten, and watched again
    /// when it returns.
    private mutating func watchWanted(of cameras: [Cameras.Camera]) {
        let present = Set(cameras.map(\.camera))
        flows = flows.filter { present.contains($0.key) }
        for camera in cameras where settings.wanted.contains(camera.name) && flows[camera.camera] == nil {
            flows[camera.camera] = Flow(name: camera.name, credit: settings.credit)
            outgoing += Watch(
                camera: camera.camera, rendition: settings.rendition, credit: settings.credit,
                interval: settings.interval
            ).encoded()
        }
    }

    private mutating func receiveFrame(
        _ envelope: Envelope, _ bytes: [UInt8], utc: Int64
    ) throws(ConnectionEnd) -> GatewayEvent? {
        let frame: Frame
        let payload: Range<Int>
        do {
            (frame, payload) = try Frame.decode(bytes.span, envelope)
        } catch {
            throw .malformed(error)
        }
        guard frame.flow & Replay.flowBit == 0 else {
            return try receiveReplayed(frame, bytes, payload, utc: utc)
        }
        // Frames of a camera that has just left the list may still be in flight.
        guard var flow = flows[frame.flow] else { return nil }
        guard frame.rendition == settings.rendition else {
            throw .badFrame("a \(frame.rendition) frame of '\(flow.name)' instead of \(settings.rendition)")
        }
        guard frame.format == .jpeg else {
            throw .badFrame("a \(frame.format) frame of '\(flow.name)' instead of a JPEG")
        }
        guard flow.credit > 0 else { throw .badFrame("a frame of '\(flow.name)' beyond the credit") }
        flow.credit -= 1
        flows[frame.flow] = flow
        return .frame(
            ReceivedFrame(
                header: frame, camera: flow.name, received: utc, clockDifference: clockDifference, message: bytes,
                payload: payload))
    }

    private mutating func receiveReplayed(
        _ frame: Frame, _ bytes: [UInt8], _ payload: Range<Int>, utc: Int64
    ) throws(ConnectionEnd) -> GatewayEvent? {
        // Frames of a replay that has just ended may still be in flight.
        guard let replay = replays[frame.flow] else { return nil }
        guard frame.format == .jpeg else {
            throw .badFrame("a recorded \(frame.format) frame of '\(replay.camera)' instead of a JPEG")
        }
        guard replay.credit > 0 else {
            throw .badFrame("a recorded frame of '\(replay.camera)' beyond the credit")
        }
        replays[frame.flow]!.credit -= 1
        // The gateway forwards pictures as they are (V-8). A frame without a picture counts as missing.
        guard !payload.isEmpty else {
            grantCredit(replay: frame.flow, frames: 1)
            return nil
        }
        return .replayed(
            ReceivedFrame(header: frame, camera: replay.camera, received: utc, message: bytes, payload: payload),
            flow: frame.flow)
    }

    private func decode<Message: WireMessage>(
        _ type: Message.Type, _ envelope: Envelope, _ bytes: [UInt8]
    ) throws(ConnectionEnd) -> Message {
        do {
            return try Message.decode(bytes.span, envelope)
        } catch {
            throw .malformed(error)
        }
    }
}
