import Logging
import NIOCore
import SecamBase
import SecamHooks
import SecamMesh
import SecamRegistry
import SecamWire

/// One flow from one camera: a rendition, or the events.
struct CameraFlowID: Hashable {
    let camera: UInt32
    let content: FlowContent
}

/// A camera's answer that it does not provide a flow.
struct FlowRefusal {
    /// When the flow is requested again at the latest.
    var expiry: MonotonicTime
    /// The camera's last report. Another one may announce that it provides the flow now.
    var report: CameraReport?
}

// The flows from the cameras: the events of every camera, and the frames that viewers watch.
extension GatewayService {
    nonisolated func demandChanged(camera: UInt32, rendition: Rendition, wanted: Bool) {
        loop.post {
            self.assumeIsolated {
                $0.setWanted(CameraFlowID(camera: camera, content: FlowContent(rendition)), wanted)
            }
        }
    }

    func updateCameras() {
        for number in directory.update(registry.cameras, recordings: recordings, time: WallClock.now) {
            // Events always flow: hooks react to them, and viewers ask for past ones.
            wanted.insert(CameraFlowID(camera: number, content: .events))
            refusals = refusals.filter { $0.key.camera != number }
            viewers?.forgetRefusals(of: number)
            for flow in wanted where flow.camera == number {
                disconnect(flow)
                connect(flow)
            }
            endOrphans(of: number)
        }
        for number in directory.takeForgotten() {
            wanted.remove(CameraFlowID(camera: number, content: .events))
            lastEvents[number] = nil
            refusals = refusals.filter { $0.key.camera != number }
            viewers?.forget(camera: number)
        }
        for (id, refusal) in refusals where refusal.report != directory.report(id.camera) {
            refusals[id] = FlowRefusal(expiry: .now, report: directory.report(id.camera))
            flows[id]?.retry()
        }
        viewers?.update(cameras: directory.cameras)
    }

    private func setWanted(_ id: CameraFlowID, _ isWanted: Bool) {
        if isWanted, wanted.insert(id).inserted {
            connect(id)
        } else if !isWanted, wanted.remove(id) != nil {
            disconnect(id)
        }
    }

    private func connect(_ id: CameraFlowID) {
        guard let member = directory.member(id.camera), let key = PublicKey(bytes: member.key),
            !member.endpoint.isEmpty
        else { return }
        do throws(MeshError) {
            let endpoint = Relay.resolve(member.endpoint, registry: relayAddress)
            let socket = try MeshSocket.connect(
                context, endpoint: endpoint, serverKey: key, keys: keys, messageLimit: WireLimits.frameMessage)
            flows[id] = GatewayCameraFlow(
                socket, number: id.camera, content: id.content,
                lastEvent: id.content == .events ? lastEvents[id.camera] : nil,
                notBefore: refusals[id]?.expiry ?? .now)
            loop.watch(socket, onReadable: callback { $0.receive(id) })
            if let refusal = refusals[id], refusal.expiry > .now { tellViewers(ofMissing: id) }
            refreshFlows()
        } catch {
            logger.error("camera unreachable", metadata: ["camera": "\(member.name)", "reason": "\(error)"])
        }
    }

    private func disconnect(_ id: CameraFlowID) {
        guard let flow = flows.removeValue(forKey: id) else { return }
        if id.content == .events { lastEvents[id.camera] = flow.lastEvent }
        flow.close()
        loop.unwatch(flow.socket)
    }

    /// Refreshes all flows once a second, and in between those whose camera was not reachable.
    func refreshFlows() {
        let now = MonotonicTime.now
        let isDue = now >= nextFlowRefresh
        if isDue { nextFlowRefresh = now + .seconds(1) }
        var isComplete = true
        for flow in flows.values where isDue || !flow.isReachable {
            if !flow.refresh() { isComplete = false }
        }
        guard !flows.isEmpty else {
            flowTimer?.pause()
            return
        }
        flowTimer?.schedule(after: isComplete ? max(.zero, nextFlowRefresh - .now) : .milliseconds(20))
    }

    private func receive(_ id: CameraFlowID) {
        guard let flow = flows[id] else { return }
        do throws(WireError) {
            try flow.receive { message, frame in
                framesReceived += 1
                if !refusals.isEmpty { refusals[id] = nil }
                viewers?.publish(GatewayService.buffer(message), frame: frame)
            } onEvent: { message, event in
                publish(message, event)
            } onRefusal: { close in
                handleRefusal(of: id, close)
            } onViolation: { violation in
                reject("\(violation)", from: "camera \(name(of: id))")
            }
        } catch {
            reject("\(error)", from: "camera \(name(of: id))")
        }
    }

    private func name(of id: CameraFlowID) -> String { directory.member(id.camera)?.name.text ?? "\(id.camera)" }

    private func handleRefusal(of id: CameraFlowID, _ close: CloseFlow) {
        if close.reason.isPermanent {
            let refusal = FlowRefusal(expiry: .now + close.reason.retryPause, report: directory.report(id.camera))
            let isKnown = refusals.updateValue(refusal, forKey: id) != nil
            tellViewers(ofMissing: id)
            guard !isKnown else { return }
        }
        logger.warning(
            "flow refused",
            metadata: [
                "camera": "\(name(of: id))", "content": "\(id.content)", "reason": "\(close.reason)",
                "detail": "\(close.detail)",
            ])
    }

    /// Tells the viewers of a flow that its camera does not provide it.
    private func tellViewers(ofMissing id: CameraFlowID) {
        guard let rendition = id.content.rendition else { return }
        let detail = "the camera '\(name(of: id))' does not provide \(rendition)"
        viewers?.refuse(camera: id.camera, rendition, detail)
    }

    /// Ends the events of a camera's former process, which can no longer end them itself.
    private func endOrphans(of camera: UInt32) {
        guard let member = directory.member(camera), let viewers else { return }
        for orphan in viewers.orphans(of: camera, since: member.incarnation) {
            let end = Event(
                flow: camera, incarnation: orphan.incarnation, sequence: orphan.sequence, event: orphan.event.ended)
            publish(MeshMessage(end), end)
        }
    }

    private func publish(_ message: MeshMessage, _ event: Event) {
        viewers?.publish(GatewayService.buffer(message), event: event)
        // Hooks have heard of events from before this start, or the events are too old for them.
        guard event.event.last >= started, let camera = directory.member(event.flow)?.name else { return }
        hooks.dispatch(HookEvent(camera: camera, event: event.event))
    }

    /// Copies a message out of libzmq's memory into NIO's: the only copy for all viewers.
    private static func buffer(_ message: MeshMessage) -> ByteBuffer {
        unsafe message.withUnsafeBytes { unsafe ByteBuffer(bytes: $0) }
    }
}
