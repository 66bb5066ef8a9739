import Glibc
import SecamBase
import SecamMetrics
import SecamProcess
import SecamRegistry
import SecamWire

// The gateway's figures, for operators and Prometheus.
extension GatewayService {
    /// Returns the gateway's figures and the states of all cameras in Prometheus' text format.
    func metrics() -> String {
        var text = MetricsText()
        text.add(figures(), role: .gateway, name: name.text)
        for camera in directory.cameras {
            text.add(camera.state, camera: camera.name.text)
            text.add(camera.recording, camera: camera.name.text)
        }
        return text.text
    }

    private func figures() -> [Figure] {
        let process = ProcessFigures.current
        // Messages rejected from viewers and from services are one figure.
        let ofViewers = viewers?.figures ?? []
        let rejectedOfAll = ofViewers.filter { $0.metric == .messagesRefused }.reduce(messagesRejected) {
            $0 + $1.value
        }
        return ofViewers.filter { $0.metric != .messagesRefused } + [
            Figure(.framesReceived, framesReceived), Figure(.residentBytes, process.residentBytes),
            Figure(.cpuMicroseconds, process.cpuMicroseconds), Figure(.messagesRefused, rejectedOfAll),
            Figure(.policyInvalid, policyProblem == nil ? 0 : 1),
            Figure(.camerasUnrecorded, UInt64(recordings.values.count { $0.health == .stopped })),
        ]
    }

    func status() -> Status {
        registry.status(
            figures: figures(), causes: causes(), away: directory.gone.map(away), time: WallClock.now,
            joined: started, process: UInt32(getpid()), now: .now)
    }

    /// Returns the causes of the problems that the figures count. `camerasUnrecorded` has one cause per camera.
    private func causes() -> [Status.MemberCause] {
        let policy = policyProblem.map {
            Status.MemberCause(role: .gateway, name: name, Cause(.policyInvalid, "\($0)"))
        }
        let unrecorded = recordings.filter { $0.value.health == .stopped }.sorted { $0.key < $1.key }
        return (policy.map { [$0] } ?? [])
            + unrecorded.map { name, recording in
                Status.MemberCause(role: .capture, name: name, Cause(.camerasUnrecorded, recording.cause))
            }
    }

    /// Returns the status entry of a camera whose service is gone.
    private func away(_ camera: Cameras.Camera) -> Status.Member {
        Status.Member(
            role: .capture, process: 0, joined: 0,
            silence: UInt32(clamping: (WallClock.now - camera.since) / 1000), name: camera.name, endpoint: "",
            software: "",
            camera: CameraReport(
                state: camera.state, format: nil, width: 0, height: 0, frameRate: 0, since: camera.since, source: "",
                detail: camera.detail), figures: [])
    }
}
