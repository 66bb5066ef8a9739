import Logging
import SecamBase
import SecamMesh
import SecamWire

/// The work that the camera distributes to encoders, and the results that it publishes.
extension CameraService {
    /// Time between two checks for late jobs while there are jobs.
    private static let workCheckInterval: Duration = .milliseconds(40)
    /// Age, relative to the newest picture, up to which a finished picture counts as live.
    private static let liveLag: Duration = .seconds(1)

    func submitWork(_ work: PictureWork, of picture: CapturedPicture) {
        apply(pool.submit(picture, job: picture.job, bytes: work.count, now: .now))
        if let workTimer, !workTimer.isScheduled {
            workTimer.schedule(every: CameraService.workCheckInterval)
        }
    }

    func checkWork() {
        apply(pool.tick(now: .now))
        if !pool.isBusy {
            workTimer?.pause()
            flows.catchingUp = []
        }
        apply(flows.pump(ring))
    }

    func apply(_ actions: [WorkPool<CapturedPicture>.Action]) {
        var unreachable: [PeerID] = []
        for action in actions {
            switch action {
            case .send(_, let picture, let peer):
                guard let work = picture.work else { preconditionFailure("only pictures with work are in the pool") }
                let message = work.message { file in
                    let isMapped = memory?.isMapped(file, by: peer) ?? false
                    if isMapped { workShared += 1 }
                    return isMapped
                }
                if socket.send(message, to: peer) == .unreachable { unreachable.append(peer) }
            case .finished(let picture, .made(let message)):
                updateLag(after: picture)
                publish(message, of: picture)
                // Pumped for each picture: after several, a `latest` flow would only get the last one.
                apply(flows.pump(ring))
            case .finished(let picture, .dropped(let reason)):
                logger.warning(
                    "frame dropped", metadata: ["reason": "\(reason)", "sequence": "\(picture.sequence)"])
            }
        }
        // Deferred, because it may finish later pictures, which must not overtake the ones above.
        for peer in unreachable { removePeer(peer) }
    }

    /// Lets `latest` flows skip the backlog that encoders drain after a pause, as long as the lag shrinks.
    private func updateLag(after picture: CapturedPicture) {
        let lag = Duration.microseconds(newestCapture - picture.timestamp)
        flows.catchingUp = lag > CameraService.liveLag && lag < lastLag ? picture.requested : []
        lastLag = lag
    }

    /// Appends an encoder's result, which was checked when it arrived, to the ring.
    private func publish(_ message: MeshMessage, of picture: CapturedPicture) {
        do throws(WireError) {
            try message.withBytes { (bytes) throws(WireError) in
                let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
                let (result, payload) = try WorkResult.decode(bytes, envelope)
                var start = payload.lowerBound
                for made in result.renditions {
                    let end = start + Int(made.length)
                    defer { start = end }
                    // A device that was opened again may now deliver JPEGs, which need no encoder and came first.
                    guard (ring.newest(made.rendition)?.sequence ?? 0) < picture.sequence else { continue }
                    // A copy, so that the ring holds exactly the bytes that it counts.
                    let copy = [UInt8](copying: bytes.extracting(start..<end))
                    append(picture, made.rendition, made.format, made.width, made.height, copy[...])
                }
            }
        } catch {
            preconditionFailure("a result is decoded before it enters the pool: \(error)")
        }
    }
}
