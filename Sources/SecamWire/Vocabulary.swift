/// The role of a member of the mesh. A key belongs to one role, which decides what its holder may send.
package enum Role: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    case gateway = 1
    case capture = 2
    case encode = 3
    case motion = 4
    case archive = 5
    /// A command-line user who may request the status only.
    case `operator` = 6

    package var description: String {
        switch self {
        case .gateway: "gateway"
        case .capture: "capture"
        case .encode: "encode"
        case .motion: "motion"
        case .archive: "archive"
        case .operator: "operator"
        }
    }

    package init?(_ text: String) {
        guard let role = Role.allCases.first(where: { $0.description == text }) else { return nil }
        self = role
    }
}

/// A form of a camera's frame.
package enum Rendition: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// The full picture as JPEG.
    case jpeg = 1
    /// A smaller JPEG, for grids and slow connections.
    case sub = 2
    /// A small 8-bit luma map, for motion detection.
    case luma = 3

    package var description: String {
        switch self {
        case .jpeg: "jpeg"
        case .sub: "sub"
        case .luma: "luma"
        }
    }
}

/// The content of a flow: one rendition of the camera's frames, or its events.
package enum FlowContent: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    case jpeg = 1
    case sub = 2
    case luma = 3
    case events = 4
    /// `jpeg` frames that left the ring before an archive had them, from the camera's spool.
    case spooled = 5

    package init(_ rendition: Rendition) {
        self =
            switch rendition {
            case .jpeg: .jpeg
            case .sub: .sub
            case .luma: .luma
            }
    }

    /// The rendition that the flow takes from the ring; `nil` for events and spooled frames.
    package var rendition: Rendition? { Rendition(rawValue: rawValue) }

    package var description: String {
        switch self {
        case .events: "events"
        case .spooled: "spooled"
        case .jpeg, .sub, .luma: rendition!.description
        }
    }
}

/// A set of renditions; each has the bit `rawValue - 1`.
package struct RenditionSet: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package init(_ rendition: Rendition) { rawValue = 1 << (rendition.rawValue - 1) }

    package static let jpeg = RenditionSet(.jpeg)
    package static let sub = RenditionSet(.sub)
    package static let luma = RenditionSet(.luma)
    package static let all: RenditionSet = [.jpeg, .sub, .luma]

    package func contains(_ rendition: Rendition) -> Bool { contains(RenditionSet(rendition)) }
}

/// The delivery policy of a flow whose credit runs out.
package enum FlowPolicy: UInt8, Sendable {
    /// All frames, in order; GAP reports frames that left the ring.
    case every = 1
    /// The newest frame at the time when there is credit; frames in between are skipped.
    case latest = 2
}

/// The state of a camera.
package enum CameraState: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// No consumer needs pictures; the device is stopped.
    case idle = 1
    /// The device is being opened.
    case starting = 2
    case online = 3
    /// The device is absent or fails; the camera retries.
    case offline = 4
    /// The device delivers pictures, but no encoder accepts them.
    case waiting = 5

    package var description: String {
        switch self {
        case .idle: "idle"
        case .starting: "starting"
        case .online: "online"
        case .offline: "offline"
        case .waiting: "waiting"
        }
    }
}

/// The state of a camera's recording.
package enum RecordingHealth: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// The policy does not record the camera, or the gateway does not yet know which archive records it.
    case off = 0
    case on = 1
    /// The policy records the camera, but no archive does.
    case stopped = 2
    /// An archive records the camera on a disk that is nearly full.
    case diskLow = 3

    package var description: String {
        switch self {
        case .off: "off"
        case .on: "on"
        case .stopped: "stopped"
        case .diskLow: "disk_low"
        }
    }
}

/// The rights of a user.
package enum UserRole: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    case admin = 1
    case viewer = 2

    package var description: String {
        switch self {
        case .admin: "admin"
        case .viewer: "viewer"
        }
    }

    package init?(_ text: String) {
        guard let role = UserRole.allCases.first(where: { $0.description == text }) else { return nil }
        self = role
    }
}

/// A figure of a member, sent with each beat. Counters start with the member.
package enum Metric: UInt16, Sendable, CaseIterable, CustomStringConvertible {
    case framesCaptured = 1
    case framesDamaged = 2
    case framesDropped = 3
    case framesPublished = 4
    case bytesPublished = 5
    case workSent = 6
    case workRepeated = 7
    case creditFromWorkers = 8
    case flowsOpen = 9
    case ringBytes = 10
    case jobsDone = 11
    case jobsFailed = 12
    case encodeMicroseconds = 13
    case viewers = 14
    case framesToViewers = 15
    case bytesToViewers = 16
    case framesSkipped = 17
    case messagesRefused = 18
    case framesReceived = 19
    case residentBytes = 20
    case cpuMicroseconds = 21
    case camerasAssigned = 22
    case eventsTold = 23
    case detectMicroseconds = 24
    case framesRecorded = 25
    case bytesRecorded = 26
    case framesMissed = 27
    case bytesStored = 28
    case bytesFree = 29
    case camerasFailing = 30
    case timesCorrected = 31
    case clockDoubted = 32
    case policyInvalid = 33
    case camerasUnrecorded = 34
    case diskLow = 35
    case framesSpooled = 36
    case bytesSpooled = 37

    package var description: String {
        switch self {
        case .framesCaptured: "frames_captured"
        case .framesDamaged: "frames_damaged"
        case .framesDropped: "frames_dropped"
        case .framesPublished: "frames_published"
        case .bytesPublished: "bytes_published"
        case .workSent: "work_sent"
        case .workRepeated: "work_repeated"
        case .creditFromWorkers: "credit_from_workers"
        case .flowsOpen: "flows_open"
        case .ringBytes: "ring_bytes"
        case .jobsDone: "jobs_done"
        case .jobsFailed: "jobs_failed"
        case .encodeMicroseconds: "encode_microseconds"
        case .viewers: "viewers"
        case .framesToViewers: "frames_to_viewers"
        case .bytesToViewers: "bytes_to_viewers"
        case .framesSkipped: "frames_skipped"
        case .messagesRefused: "messages_refused"
        case .framesReceived: "frames_received"
        case .residentBytes: "resident_bytes"
        case .cpuMicroseconds: "cpu_microseconds"
        case .camerasAssigned: "cameras_assigned"
        case .eventsTold: "events_told"
        case .detectMicroseconds: "detect_microseconds"
        case .framesRecorded: "frames_recorded"
        case .bytesRecorded: "bytes_recorded"
        case .framesMissed: "frames_missed"
        case .bytesStored: "bytes_stored"
        case .bytesFree: "bytes_free"
        case .camerasFailing: "cameras_failing"
        case .timesCorrected: "times_corrected"
        case .clockDoubted: "clock_doubted"
        case .policyInvalid: "policy_invalid"
        case .camerasUnrecorded: "cameras_unrecorded"
        case .diskLow: "disk_low"
        case .framesSpooled: "frames_spooled"
        case .bytesSpooled: "bytes_spooled"
        }
    }
}
