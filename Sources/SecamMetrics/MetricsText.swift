package import SecamWire

/// Metrics in Prometheus's text exposition format, version 0.0.4.
package struct MetricsText {
    private struct Family {
        let help: String
        let kind: String
        var samples: [String] = []
    }

    private var families: [String: Family] = [:]
    private var order: [String] = []

    package init() {}

    /// Adds one sample. The first sample of a name sets its help and kind.
    ///
    /// - Parameters:
    ///   - kind: `counter` or `gauge`.
    ///   - labels: in their order in the output.
    package mutating func add(
        _ name: String, _ value: Double, help: String, kind: String, labels: KeyValuePairs<String, String> = [:]
    ) {
        if families[name] == nil {
            families[name] = Family(help: help, kind: kind)
            order.append(name)
        }
        let pairs = labels.map { "\($0.key)=\"\(MetricsText.escaped($0.value))\"" }.joined(separator: ",")
        families[name]!.samples.append("\(name)\(pairs.isEmpty ? "" : "{\(pairs)}") \(MetricsText.shown(value))")
    }

    /// Adds the figures of one service.
    package mutating func add(_ figures: [Figure], role: Role, name: String) {
        for figure in figures {
            let metric = figure.metric.exposition
            add(
                "secam_\(metric.name)", Double(figure.value) / metric.divisor, help: metric.help,
                kind: metric.name.hasSuffix("_total") ? "counter" : "gauge",
                labels: ["role": "\(role)", "service": name])
        }
    }

    /// Adds the state of one camera.
    package mutating func add(_ state: CameraState, camera: String) {
        for other in CameraState.allCases {
            add(
                "secam_camera_state", other == state ? 1 : 0, help: "1 for the camera's current state",
                kind: "gauge",
                labels: ["camera": camera, "state": "\(other)"])
        }
    }

    /// Adds the state of one camera's recording.
    package mutating func add(_ recording: RecordingHealth, camera: String) {
        add(
            "secam_camera_recording_stopped", recording == .stopped ? 1 : 0,
            help: "1 while the policy records the camera but no archive does", kind: "gauge", labels: ["camera": camera]
        )
    }

    package var text: String {
        order.map { name in
            let family = families[name]!
            return "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.kind)\n"
                + family.samples.joined(separator: "\n") + "\n"
        }.joined()
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }

    /// Returns whole numbers without a fraction.
    private static func shown(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 9e15 ? "\(Int64(value))" : "\(value)"
    }
}

extension Metric {
    /// The name without `secam_`, the help, and the divisor of the value on the wire: Prometheus measures time in
    /// seconds.
    var exposition: (name: String, help: String, divisor: Double) {
        switch self {
        case .framesCaptured: ("frames_captured_total", "Frames captured from the device", 1)
        case .framesDamaged: ("frames_damaged_total", "Damaged frames from the device", 1)
        case .framesDropped: ("frames_dropped_total", "Frames dropped because no encoder accepted them in time", 1)
        case .framesPublished: ("frames_published_total", "JPEG frames added to the ring", 1)
        case .bytesPublished: ("published_bytes_total", "Bytes sent to consumers", 1)
        case .workSent: ("work_sent_total", "Jobs sent to encoders, including repeats", 1)
        case .workRepeated: ("work_repeated_total", "Jobs sent to encoders again", 1)
        case .creditFromWorkers: ("work_credit", "Jobs that encoders have granted", 1)
        case .workers: ("encoders", "Encoders connected to the camera", 1)
        case .workersSharing: ("encoders_sharing", "Encoders that read the camera's pictures in shared memory", 1)
        case .workShared: ("work_shared_total", "Jobs sent to encoders with the picture in shared memory", 1)
        case .camerasShared: ("cameras_shared", "Cameras whose pictures the encoder reads in shared memory", 1)
        case .flowsOpen: ("flows_open", "Open flows", 1)
        case .ringBytes: ("ring_bytes", "Size of the ring", 1)
        case .framesSpooled: ("frames_spooled_total", "Frames spooled for an absent archive", 1)
        case .bytesSpooled: ("spooled_bytes", "Size of the spool", 1)
        case .jobsDone: ("jobs_done_total", "Jobs finished", 1)
        case .jobsFailed: ("jobs_failed_total", "Jobs failed", 1)
        case .encodeMicroseconds: ("encode_seconds_total", "Encoding time of all threads", 1e6)
        case .viewers: ("viewers", "Viewers logged in", 1)
        case .framesToViewers: ("frames_to_viewers_total", "Frames sent to viewers", 1)
        case .bytesToViewers: ("bytes_to_viewers_total", "Bytes of frames sent to viewers", 1)
        case .framesSkipped: ("frames_skipped_total", "Frames skipped in favour of newer ones", 1)
        case .messagesRefused:
            ("messages_refused_total", "Malformed or forbidden messages, and refused connections and flows", 1)
        case .framesReceived: ("frames_received_total", "Frames received", 1)
        case .residentBytes: ("resident_memory_bytes", "Resident memory of the process", 1)
        case .cpuMicroseconds: ("cpu_seconds_total", "Processor time of the process", 1e6)
        case .camerasAssigned: ("cameras_assigned", "Cameras assigned to the service", 1)
        case .eventsTold: ("events_total", "Motion events", 1)
        case .detectMicroseconds: ("detect_seconds_total", "Motion detection time", 1e6)
        case .framesRecorded: ("frames_recorded_total", "Frames recorded to disk", 1)
        case .bytesRecorded: ("recorded_bytes_total", "Bytes of frames recorded to disk", 1)
        case .framesMissed: ("frames_missed_total", "Frames that never reached the archive", 1)
        case .bytesStored: ("stored_bytes", "Size of all recordings on the volume", 1)
        case .bytesFree: ("disk_free_bytes", "Free space on the archive's disk", 1)
        case .camerasFailing: ("cameras_failing", "Cameras that the archive should record but cannot", 1)
        case .timesCorrected: ("times_corrected_total", "Camera timestamps corrected by the archive", 1)
        case .clockDoubted: ("clock_doubted", "1 while the archive distrusts its clock", 1)
        case .policyInvalid: ("policy_invalid", "1 while the policy file is invalid and an earlier policy applies", 1)
        case .camerasUnrecorded: ("cameras_unrecorded", "Cameras that the policy records but no archive does", 1)
        case .diskLow: ("disk_low", "1 while the archive's disk is nearly full", 1)
        }
    }
}
