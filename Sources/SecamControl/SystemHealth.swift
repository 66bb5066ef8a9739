import SecamBase
import SecamWire

/// The problems of a running system.
struct SystemHealth {
    struct Problem: Equatable {
        /// A fixed keyword, such as `camera-offline`.
        let kind: String
        /// The camera or service; empty for the whole system.
        let name: String
        /// The meaning, and what to do.
        let detail: String
        /// The cause as the service reports it; empty when it is unknown.
        var cause = ""
    }

    let problems: [Problem]

    init(_ status: Status) {
        // Causes at the archives that cannot record some of their cameras.
        let causes = status.members.compactMap { member in
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
                        detail: "cameras: \(member[.camerasUnrecorded]); list them with secam-view cameras",
                        cause: causes.joined(separator: "; ")))
            }
            if member[.diskLow] > 0 {
                problems.append(
                    Problem(
                        kind: "disk-low", name: name,
                        detail: "\(member[.bytesFree] >> 20) MiB free; the oldest recordings are removed next",
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
                        detail: "retention by age is suspended; see: secam archive clock"))
            }
        }
        self.problems = problems
    }

    /// `success` when all is well, else `problem`.
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

    /// One line for each problem and each cause, or the line `all well`.
    var text: String {
        guard !problems.isEmpty else { return "all well\n" }
        return problems.map { problem in
            let name = problem.name.isEmpty ? "" : " \(problem.name)"
            let cause = problem.cause.isEmpty ? "" : "  cause: \(TerminalText.printable(problem.cause))\n"
            return "PROBLEM \(problem.kind)\(name): \(TerminalText.printable(problem.detail))\n" + cause
        }.joined()
    }
}
