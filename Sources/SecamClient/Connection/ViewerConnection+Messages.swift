import SecamWire

/// What each message of the gateway does, by phase.
extension ViewerConnection {
    mutating func nextMessage() throws(ConnectionEnd) -> (Envelope, [UInt8])? {
        do {
            guard case .message(let envelope, let bytes) = try decoder.next() else { return nil }
            return (envelope, bytes)
        } catch {
            throw .malformed(error)
        }
    }

    /// - Returns: the event that the message is, if it is one.
    mutating func handle(_ envelope: Envelope, _ bytes: [UInt8], utc: Int64) throws(ConnectionEnd) -> Event? {
        switch (envelope.type, phase) {
        case (.hello, .hello):
            try answerHello(decode(Hello.self, envelope, bytes))
        case (.welcome, .login):
            let welcome = try decode(Welcome.self, envelope, bytes)
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
            return .cameras(cameras)
        case (.found, .open):
            return .found(try decode(Found.self, envelope, bytes))
        case (.closeFlow, .open):
            let close = try decode(CloseFlow.self, envelope, bytes)
            replays[close.flow] = nil
            return .replayEnded(close)
        case (.frame, .open):
            return try receiveFrame(envelope, bytes, utc: utc)
        case (.event, .open):
            let event = try decode(SecamWire.Event.self, envelope, bytes)
            // Of a camera that just left the list some may still be under way.
            return names[event.flow].map { .event(event.event, camera: $0) }
        case (.error, .welcomed), (.error, .open):
            let error = try decode(ErrorMessage.self, envelope, bytes)
            return .refused(error.code, detail: error.detail)
        case (.ping, _):
            outgoing += Pong(token: try decode(Ping.self, envelope, bytes).token).encoded()
        case (.pong, .welcomed), (.pong, .open):
            if try decode(Pong.self, envelope, bytes).token == Self.eventsToken { return .eventsComplete }
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
        if hello.idle > 0 { pingInterval = min(pingInterval, Int64(hello.idle) * 1_000_000 / 3) }
        var login = Login(
            username: settings.username, password: settings.password, remember: settings.keepToken != nil,
            token: settings.token
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

    /// Watches what is wanted and not watched yet. A camera that is gone from the list is forgotten: should it come
    /// back, it is watched anew.
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
    ) throws(ConnectionEnd) -> Event? {
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
        // Of a camera that just left the list some may still be under way.
        guard var flow = flows[frame.flow] else { return nil }
        guard frame.rendition == settings.rendition else {
            throw .badFrame("a \(frame.rendition) frame of '\(flow.name)' where \(settings.rendition) was asked for")
        }
        guard frame.format == .jpeg, !payload.isEmpty else {
            throw .badFrame("a frame of '\(flow.name)' that is no JPEG")
        }
        guard flow.credit > 0 else { throw .badFrame("a frame of '\(flow.name)' beyond what was allowed") }
        flow.credit -= 1
        flows[frame.flow] = flow
        return .frame(
            ReceivedFrame(header: frame, camera: flow.name, received: utc, message: bytes, payload: payload))
    }

    private mutating func receiveReplayed(
        _ frame: Frame, _ bytes: [UInt8], _ payload: Range<Int>, utc: Int64
    ) throws(ConnectionEnd) -> Event? {
        // Of a replay that was ended some may still be under way.
        guard let replay = replays[frame.flow] else { return nil }
        guard frame.format == .jpeg, !payload.isEmpty else {
            throw .badFrame("a recorded frame of '\(replay.camera)' that is no JPEG")
        }
        guard replay.credit > 0 else {
            throw .badFrame("a recorded frame of '\(replay.camera)' beyond what was allowed")
        }
        replays[frame.flow]!.credit -= 1
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
