import ArgumentParser
import Glibc
import SecamBase
import SecamMesh
import SecamProcess
import SecamRegistry
import SecamWire

/// `secam status`: shows the state of a running system.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show problems, services, cameras, frame rates, drops, credit and viewers.",
        discussion:
            "Exit status: 0 all well, 1 degraded (the output starts with the problems), 2 down (no answer from the gateway)."
    )

    @OptionGroup var data: DataOption
    @Flag(help: "Print one JSON object.")
    var json = false

    /// Time between the two readings whose difference gives the rates.
    private static let interval: Duration = .milliseconds(1100)

    func run() async throws {
        await reportingErrors {
            let folder = data.folder
            let identity = try Identity.read(
                folder.joinFile(.operator, "operator"), registry: nil, role: .operator)
            let report: StatusReport
            do {
                let first = try await RegistryQuery.status(identity)
                try await Task.sleep(for: StatusCommand.interval)
                report = StatusReport(first, try await RegistryQuery.status(identity))
            } catch let error as RegistryQuery.NoAnswer {
                ServiceProcess.fail("secam", "down: \(error)", .down)
            }
            StandardOutput.print(json ? report.json + "\n" : report.table)
            Glibc.exit(report.health.exitStatus.rawValue)
        }
    }
}

/// The output of `secam status`, from two readings of the counters.
struct StatusReport {
    private let first: Status
    private let second: Status
    let health: SystemHealth

    init(_ first: Status, _ second: Status) {
        self.first = first
        self.second = second
        health = SystemHealth(second)
    }

    /// Returns a counter's increase per second; `nil` for a member that has joined since the first reading.
    private func rate(_ metric: Metric, of member: Status.Member) -> Double? {
        let before = first.members.first { $0.role == member.role && $0.name == member.name }
        guard let before, before.joined == member.joined else { return nil }
        // Counters are as old as the member's last BEAT.
        let elapsed = (second.time - Int64(member.silence) * 1000) - (first.time - Int64(before.silence) * 1000)
        guard elapsed > 0 else { return 0 }
        return Double(member[metric] &- before[metric]) * 1_000_000 / Double(elapsed)
    }

    var json: String {
        let members = second.members.map { member in
            var fields = [
                ("role", JSONText.string("\(member.role)")), ("name", JSONText.string(member.name.text)),
                ("pid", "\(member.process)"), ("silence_ms", "\(member.silence)"),
                ("joined", JSONText.string(UTCText.iso(microseconds: member.joined))),
                ("software", JSONText.string(member.software)), ("endpoint", JSONText.string(member.endpoint)),
            ]
            fields += member.figures.map { ("\($0.metric)", "\($0.value)") }
            if let camera = member.camera { fields.append(("camera", json(camera, of: member))) }
            return JSONText.object(fields)
        }
        return JSONText.object([
            "time": JSONText.string(UTCText.iso(microseconds: second.time)),
            "state": JSONText.string(health.problems.isEmpty ? "well" : "degraded"), "problems": health.json,
            "services": JSONText.array(members),
        ])
    }

    private func json(_ camera: CameraReport, of member: Status.Member) -> String {
        JSONText.object([
            "state": JSONText.string("\(camera.state)"),
            "since": JSONText.string(UTCText.iso(microseconds: camera.since)),
            "width": "\(camera.width)", "height": "\(camera.height)",
            "fps": JSONText.number(Double(camera.frameRate) / 1000, digits: 2),
            "fps_in": JSONText.number(rate(.framesCaptured, of: member), digits: 1),
            "fps_out": JSONText.number(rate(.framesPublished, of: member), digits: 1),
            "source": JSONText.string(camera.source), "detail": JSONText.string(camera.detail),
        ])
    }

    var table: String {
        var text = health.text + "cameras\n"
        let cameras = second.members.compactMap { member in member.camera.map { (member, $0) } }
        if cameras.isEmpty { text += "  none\n" }
        for (member, camera) in cameras {
            text += "  \(TextTable.padded(member.name.text, to: 20)) \(TextTable.padded("\(camera.state)", to: 9))"
            text +=
                "\(TextTable.padded("\(camera.width)x\(camera.height)", to: 10)) in \(shown(rate(.framesCaptured, of: member))) fps"
            text += "  out \(shown(rate(.framesPublished, of: member))) fps  dropped \(member[.framesDropped])"
            text += "  damaged \(member[.framesDamaged])  credit \(member[.creditFromWorkers])"
            text += "  flows \(member[.flowsOpen])"
            text += "  shared memory \(member[.workersSharing]) of \(member[.workers]) encoders\n"
        }
        text += "services\n"
        for member in second.members where member.process != 0 {
            let cpu = rate(.cpuMicroseconds, of: member).map { $0 / 10_000 }
            text +=
                "  \(TextTable.padded("\(member.role)", to: 9)) \(TextTable.padded(member.name.text, to: 32)) pid \(TextTable.padded("\(member.process)", to: 8))"
            text += " cpu \(shown(cpu)) %  memory \(member[.residentBytes] >> 20) MiB"
            text += "  \(detail(member))\n"
            if member[.camerasFailing] > 0 {
                let cause = second.cause(of: .camerasFailing, member).map(TerminalText.printable)
                text += "    cannot record \(member[.camerasFailing]) of its cameras: \(cause ?? "see its log")\n"
            }
        }
        return text
    }

    private func detail(_ member: Status.Member) -> String {
        switch member.role {
        case .gateway:
            "viewers \(member[.viewers])  frames out \(shown(rate(.framesToViewers, of: member)))/s  "
                + "skipped \(member[.framesSkipped])  refused \(member[.messagesRefused])"
        case .encode:
            "jobs \(shown(rate(.jobsDone, of: member)))/s  failed \(member[.jobsFailed])  "
                + "shared memory \(member[.camerasShared]) cameras"
        case .motion:
            "cameras \(member[.camerasAssigned])  maps \(shown(rate(.framesReceived, of: member)))/s  "
                + "events \(member[.eventsTold])  refused \(member[.messagesRefused])"
        case .archive:
            "cameras \(member[.camerasAssigned])  recorded \(shown(rate(.framesRecorded, of: member))) fps  "
                + "missed \(member[.framesMissed])  stored \(member[.bytesStored] >> 20) MiB  "
                + "free \(member[.bytesFree] >> 20) MiB"
        default:
            "work sent \(member[.workSent])  repeated \(member[.workRepeated])  refused \(member[.messagesRefused])"
        }
    }

    private func shown(_ value: Double?) -> String { JSONText.number(value, digits: 1) }
}
