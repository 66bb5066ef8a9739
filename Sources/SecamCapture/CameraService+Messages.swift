import Logging
import SecamBase
import SecamMesh
import SecamProcess
import SecamWire

/// The messages of other services: flows of consumers, detections of motion services, grants and results of encoders.
extension CameraService {
    /// Messages that are handled before the device's pictures get a turn, so that no peer's flood delays them.
    private static let messagesPerTurn = 64

    func receiveMessages() {
        for _ in 0..<CameraService.messagesPerTurn {
            guard let received = socket.receive() else { return }
            handle(received)
        }
    }

    private func handle(_ received: Received) {
        guard let peer = received.peer, let key = received.key, let role = member.role(of: key) else {
            return reject(received, "its key is not on the roster")
        }
        guard messageBudget.allows(key, now: .now) else {
            reject(received, "its key sent too many messages")
            // The message may have been a result, and its job must not wait for another one.
            if role == .encode { apply(pool.lost(peer, now: .now)) }
            return
        }
        peers[peer] = key
        do throws(WireError) {
            try received.message.withBytes { (bytes) throws(WireError) in
                let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
                try handle(envelope, bytes, received, FlowServer.Consumer(peer: peer, key: key, role: role))
            }
        } catch {
            reject(received, "\(error)")
            // The message may have been a result: the worker starts over with its next grant.
            if role == .encode { apply(pool.lost(peer, now: .now)) }
        }
        updateDemand()
    }

    private func handle(
        _ envelope: Envelope, _ bytes: Span<UInt8>, _ received: Received, _ sender: FlowServer.Consumer
    ) throws(WireError) {
        let (now, peer, role) = (MonotonicTime.now, sender.peer, sender.role)
        guard role.maySend(envelope.type) else {
            if envelope.type == .openFlow {
                forbidFlow(try OpenFlow.decode(bytes, envelope).flow, to: sender)
            }
            return reject(received, "\(role) may not send \(envelope.type)")
        }
        switch envelope.type {
        case .openFlow:
            let open = try OpenFlow.decode(bytes, envelope)
            if open.content == .spooled {
                guard role == .archive else { return forbidFlow(open.flow, to: sender) }
                // Without a spool, the flow server answers that the flow is done.
                if let spool { return spool.open(open, from: peer) }
            }
            record(events.endEvents { $0 == peer && $1 == open.flow })
            apply(flows.open(open, from: sender, ring, now: now))
        case .detection:
            handle(try Detection.decode(bytes, envelope), from: sender, received)
        case .credit:
            let credit = try Credit.decode(bytes, envelope)
            guard spool?.credit(credit, from: peer) != true else { return }
            apply(flows.credit(credit, from: peer, ring, now: now))
        case .acknowledge:
            let acknowledge = try Acknowledge.decode(bytes, envelope)
            guard spool?.acknowledge(acknowledge, from: peer) != true else { return }
            apply(flows.acknowledge(acknowledge, from: peer, now: now))
        case .closeFlow:
            let close = try CloseFlow.decode(bytes, envelope)
            guard spool?.close(close, from: peer) != true else { return }
            flows.close(close, from: peer)
            endOrphanedEvents()
        case .grant:
            let grant = try Grant.decode(bytes, envelope)
            let camera = member.holder(of: sender.key).flatMap { DedicatedEncoders.camera(ofEncoder: $0.name) }
            guard camera == nil || camera == member.name.text else {
                return reject(received, "it is an encoder of the camera '\(camera!)'")
            }
            // Before the grant is used, because it may say that the encoder no longer reads the memory.
            offerMemory(grant, version: envelope.version, to: sender, now)
            apply(pool.grant(grant.jobs, from: peer, key: sender.key, isDedicated: camera != nil, now: now))
        case .result:
            let (result, payload) = try WorkResult.decode(bytes, envelope)
            var failure = result.failure
            // Checked before any part of it is used (proto-spec/work.md). Another worker then gets the job.
            if failure.isEmpty, let picture = pool.picture(ofJob: result.job, sentTo: peer),
                let mismatch = result.mismatch(with: picture, payload: bytes.extracting(payload))
            {
                failure = "result does not fit: \(mismatch)"
                reject(received, failure)
            }
            apply(pool.result(job: result.job, received.message, failure: failure, from: peer, now: now))
            apply(flows.pump(ring))
        default:
            throw .unknownType(envelope.type.rawValue)
        }
    }

    /// Offers shared memory to the sender of a GRANT, unless it has it or does not understand the offer.
    private func offerMemory(
        _ grant: Grant, version: UInt8, to encoder: FlowServer.Consumer, _ now: MonotonicTime
    ) {
        // Known encoders only, because the pool bounds their number. A new one gets its offer with its next grant.
        guard version >= 2, pool.knows(encoder.peer) else { return }
        let share = memory?.handleGrant(from: encoder.peer, key: encoder.key, mapped: grant.memory, now: now)
        if let share { socket.send(share, to: encoder.peer) }
    }

    private func forbidFlow(_ flow: UInt32, to sender: FlowServer.Consumer) {
        apply([
            .close(CloseFlow(flow: flow, reason: .forbidden, detail: "not for \(sender.role)"), to: sender.peer)
        ])
    }

    private func reject(_ received: Received, _ reason: String) {
        messagesRejected += 1
        logger.warning(
            "message rejected",
            metadata: ["sender": "key \(received.key?.description ?? "none")", "reason": "\(reason)"])
    }

    // MARK: Events

    private func handle(_ detection: Detection, from sender: FlowServer.Consumer, _ received: Received) {
        let hasFlow = flows.mapFlows.contains { $0.peer == sender.peer && $0.flow == detection.flow }
        do throws(ActiveEvents.Rejection) {
            record([
                try events.handle(
                    detection, from: sender.peer, key: sender.key, hasFlow: hasFlow, newest: newestCapture,
                    id: .random(in: 1...UInt64.max), now: .now)
            ])
        } catch {
            reject(received, "motion event not accepted: \(error)")
        }
    }

    /// Ends the events of motion services whose flows are gone.
    func endOrphanedEvents() {
        let open = flows.mapFlows
        record(events.endEvents { peer, flow in !open.contains { $0.peer == peer && $0.flow == flow } })
    }

    /// Appends events to the camera's log.
    func record(_ changes: [CameraEvent]) {
        for event in changes {
            eventSequence += 1
            ring.append(RingEvent(sequence: eventSequence, event: event))
        }
        if !changes.isEmpty { apply(flows.pumpEvents(ring)) }
    }

    /// Starts or ends the event that no motion service watches this camera.
    func checkMotionServices() {
        let isWatched = flows.mapFlows.contains { flow in
            peers[flow.peer].flatMap { member.role(of: $0) } == .motion
        }
        let change = events.tick(
            isWanted: isMotionWanted, isWatched: isWatched, now: .now, time: WallClock.now,
            id: .random(in: 1...UInt64.max))
        record(change.map { [$0] } ?? [])
    }

    // MARK: Flows

    func apply(_ actions: [FlowServer.Action]) {
        for action in actions {
            let outcome: MeshSocket.SendOutcome
            let receiver: PeerID
            switch action {
            case .frame(let frame, let bytes, let peer):
                // One copy for each flow, because the flow's number is in the same message part: 60 kB, a twentieth of
                // the cost of encryption.
                let message = MeshMessage(frame.encoded(payload: bytes.count), payload: bytes)
                (outcome, receiver) = (socket.send(message, to: peer), peer)
            case .event(let event, let peer): (outcome, receiver) = (socket.send(event, to: peer), peer)
            case .gap(let gap, let peer): (outcome, receiver) = (socket.send(gap, to: peer), peer)
            case .close(let close, let peer): (outcome, receiver) = (socket.send(close, to: peer), peer)
            }
            if outcome == .unreachable { removePeer(receiver) }
        }
    }

    func apply(_ action: SpoolFlow.Action) {
        switch action {
        case .send(let frame, let bytes, let peer): apply([.frame(frame, bytes, to: peer)])
        case .close(let close, let peer): apply([.close(close, to: peer)])
        case .rewind, .read, .acknowledge: preconditionFailure("CameraSpool applies this action itself")
        }
    }

    /// Disconnects peers whose keys were removed from the roster.
    func removeRevokedPeers() {
        for (peer, key) in peers where member.role(of: key) == nil { removePeer(peer) }
        withdraw(memory?.revoke { member.role(of: $0) == .encode })
    }

    func removePeer(_ peer: PeerID) {
        peers[peer] = nil
        flows.lost(peer)
        spool?.lost(peer)
        endOrphanedEvents()
        apply(pool.lost(peer, now: .now))
    }
}

extension Role {
    /// Returns whether a camera accepts messages of this type from members with this role.
    fileprivate func maySend(_ type: MessageType) -> Bool {
        switch type {
        case .openFlow, .credit, .acknowledge, .closeFlow: self == .gateway || self == .archive || self == .motion
        case .detection: self == .motion
        case .grant, .result: self == .encode
        default: false
        }
    }
}
