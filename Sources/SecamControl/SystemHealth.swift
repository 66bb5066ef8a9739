import SecamBase
import SecamWire

/// What is wrong with a running system.
struct SystemHealth {
    struct Problem: Equatable {
        /// A fixed word, as `camera-offline`.
        let kind: String
        /// The camera or service; empty for the whole system.
        let name: String
        /// What it means, and what to do.
        let detail: String
        /// Why it is so; empty when that is not known.
        var cause = ""
    }

    let problems: [Problem]

    init(_ status: Status) {
        // Of the archives that cannot record some of their cameras.
        let faults = status.members.compactMap { member in
            member[.camerasFailing] > 0
                ? status.cause(of: .camerasFailing, member).map { "\(member.name): \($0)" } : nil
        }
        var problems: [Problem] = []
        for member in status.members {
            let name = member.name.text
            if let camera = member.camera, camera.state == .offline || camera.state == .waiting {
                let since = "since \(UTCText.text(microseconds: camera.since))"
                problems.append(
                    Problem(
                        kind: camera.state == .offline ? "camera-offline" : "no-encoder", name: name,
                        detail: camera.detail.isEmpty ? since : "\(since): \(camera.detail)"))
            }
            if member[.camerasUnrecorded] > 0 {
                problems.append(
                    Problem(
                        kind: "recording-stopped", name: "",
                        detail: "cameras: \(member[.camerasUnrecorded]); secam-view cameras names them",
                        cause: faults.joined(separator: "; ")))
            }
            if member[.diskLow] > 0 {
                problems.append(
                    Problem(
                        kind: "disk-low", name: name,
                        detail: "\(member[.bytesFree] >> 20) MiB are free; the oldest recordings are removed next",
                        cause: status.cause(of: .diskLow, member) ?? ""))
            }
            if member[.policyInvalid] > 0 {
                problems.append(
                    Problem(
                        kind: "policy-invalid", name: "",
                        detail: "an earlier policy is in force; run: secam policy check",
                        cause: status.cause(of: .policyInvalid, member) ?? ""))
            }
            if member[.clockDoubted] > 0 {
                problems.append(
                    Problem(
                        kind: "clock-doubted", name: name,
                        detail: "nothing is removed for its age; see: secam archive clock"))
            }
        }
        self.problems = problems
    }

    /// 0 for all well, 1 for degraded; a system that is down has no status.
    var exitStatus: ExitStatus { problems.isEmpty ? .success : .problem }

    var json: String {
        JSONText.array(
            problems.map { problem in
                JSONText.object([
                    "kind": JSONText.string(problem.kind), "name": JSONText.string(problem.name),
                    "detail": JSONText.string(problem.detail), "cause": JSONText.string(problem.cause),
                ])
            })
    }

    /// One line for each problem; a line that all is well without any.
    var text: String {
        guard !problems.isEmpty else { return "all well\n" }
        return problems.map { problem in
            let name = problem.name.isEmpty ? "" : " \(problem.name)"
            let cause = problem.cause.isEmpty ? "" : "  cause: \(TerminalText.printable(problem.cause))\n"
            return "PROBLEM \(problem.kind)\(name): \(TerminalText.printable(problem.detail))\n" + cause
        }.joined()
    }
}
