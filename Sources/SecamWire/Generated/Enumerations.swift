// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// The role of a service or an operator. A key belongs to one role, and the role decides what its holder may send.
package enum Role: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// Registry, and consumer on behalf of viewers.
    case gateway = 1
    /// Camera.
    case capture = 2
    /// Encoder.
    case encode = 3
    /// Motion service: consumer that detects motion.
    case motion = 4
    /// Consumer that records.
    case archive = 5
    /// Command-line user who may send STATUS_REQUEST; does not join.
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
}

/// A form in which a camera's frames are available.
package enum Rendition: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// Full picture.
    case jpeg = 1
    /// Smaller picture, for grids and slow connections.
    case sub = 2
    /// Small brightness map, for motion detection.
    case luma = 3

    package var description: String {
        switch self {
        case .jpeg: "jpeg"
        case .sub: "sub"
        case .luma: "luma"
        }
    }
}

/// The content of a flow: one rendition of a camera's frames, or its events.
package enum FlowContent: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// Frames of the rendition `jpeg`.
    case jpeg = 1
    /// Frames of the rendition `sub`.
    case sub = 2
    /// Frames of the rendition `luma`.
    case luma = 3
    /// The camera's events.
    case events = 4
    /// `jpeg` frames that left the ring before an archive had them, from the camera's spool.
    case spooled = 5

    package var description: String {
        switch self {
        case .jpeg: "jpeg"
        case .sub: "sub"
        case .luma: "luma"
        case .events: "events"
        case .spooled: "spooled"
        }
    }
}

/// The arrangement of a picture's bytes.
package enum PixelFormat: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// JPEG.
    case jpeg = 1
    /// 8-bit luma.
    case gray8 = 2
    /// Packed 4:2:2.
    case yuyv = 3
    /// Planar 4:2:0, U and V interleaved.
    case nv12 = 4
    /// Planar 4:2:0.
    case i420 = 5
    /// Packed RGB.
    case rgb24 = 6

    package var description: String {
        switch self {
        case .jpeg: "JPEG"
        case .gray8: "GRAY8"
        case .yuyv: "YUYV"
        case .nv12: "NV12"
        case .i420: "I420"
        case .rgb24: "RGB24"
        }
    }
}

/// The frames that a flow delivers when its credit runs out.
package enum FlowPolicy: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// All frames, in order; GAP reports frames that left the ring.
    case every = 1
    /// Newest frame at the time when there is credit.
    case latest = 2

    package var description: String {
        switch self {
        case .every: "every"
        case .latest: "latest"
        }
    }
}

/// The first frame of a flow.
package enum FlowStartKind: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// Next frame; with policy `latest`, the newest existing one if it is at most 1 s old.
    case live = 1
    /// Frame with this number; the oldest in the ring if it has left, or the camera has restarted.
    case sequence = 2
    /// First frame at or after this time; if the ring has none, the next new frame.
    case time = 3
    /// Frame after the group's last acknowledged one.
    case acknowledged = 4

    package var description: String {
        switch self {
        case .live: "live"
        case .sequence: "sequence"
        case .time: "time"
        case .acknowledged: "acknowledged"
        }
    }
}

/// The reason why frames are missing.
package enum GapReason: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// The frames left the ring before there was credit for them.
    case overflow = 1
    /// Frames that were due were not made, or the device damaged them.
    case dropped = 2
    /// The frames left the ring and are in the spool: a flow with content `spooled` delivers them.
    case spooled = 3

    package var description: String {
        switch self {
        case .overflow: "overflow"
        case .dropped: "dropped"
        case .spooled: "spooled"
        }
    }
}

/// The reason why a flow ends.
package enum CloseReason: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// The sender no longer needs the flow.
    case done = 1
    /// The camera does not know the flow, as after a restart; open it again.
    case unknownFlow = 2
    /// The sender's role does not permit the flow.
    case forbidden = 3
    /// A limit of the camera is reached.
    case tooMany = 4
    /// The sender stops for now; a group's cursor remains.
    case shutdown = 5
    /// The camera does not provide this content.
    case noSuchContent = 6

    package var description: String {
        switch self {
        case .done: "done"
        case .unknownFlow: "unknownFlow"
        case .forbidden: "forbidden"
        case .tooMany: "tooMany"
        case .shutdown: "shutdown"
        case .noSuchContent: "noSuchContent"
        }
    }
}

/// The state of a camera.
package enum CameraState: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// No consumer needs pictures; the device is stopped.
    case idle = 1
    /// The device is being opened.
    case starting = 2
    /// Frames arrive.
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

/// The kind of an event.
package enum EventKind: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// Something moves.
    case motion = 1
    /// Motion detection is required, but no motion service watches.
    case unwatched = 2

    package var description: String {
        switch self {
        case .motion: "motion"
        case .unwatched: "unwatched"
        }
    }
}

/// The state of an event.
package enum EventState: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// The event has begun.
    case start = 1
    /// The event continues.
    case update = 2
    /// The event is over.
    case end = 3

    package var description: String {
        switch self {
        case .start: "start"
        case .update: "update"
        case .end: "end"
        }
    }
}

/// The effect of a zone on motion detection.
package enum ZoneKind: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// Area to watch; with at least one, everything outside such zones is ignored.
    case watch = 1
    /// Area that is always ignored.
    case ignore = 2

    package var description: String {
        switch self {
        case .watch: "watch"
        case .ignore: "ignore"
        }
    }
}

/// The reason why the registry refuses a service.
package enum RefusalReason: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// Another member has this name; may be temporary.
    case nameTaken = 1
    /// The key does not permit this role or name.
    case wrongRole = 2
    /// The roster is full, or this key has too many services.
    case tooMany = 3
    /// The sender has not joined, as after the registry's restart; join again.
    case notJoined = 4

    package var description: String {
        switch self {
        case .nameTaken: "nameTaken"
        case .wrongRole: "wrongRole"
        case .tooMany: "tooMany"
        case .notJoined: "notJoined"
        }
    }
}

/// The role of a user.
package enum UserRole: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// Sees everything.
    case admin = 1
    /// Sees the cameras that were granted to the user.
    case viewer = 2

    package var description: String {
        switch self {
        case .admin: "admin"
        case .viewer: "viewer"
        }
    }
}

/// The reason why the gateway refuses a login.
package enum DenialReason: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// Username or password is wrong; the gateway does not say which.
    case credentials = 1
    /// Too many wrong attempts for this user or from this address; wait.
    case locked = 2
    /// The gateway is busy with other logins; retry.
    case busy = 3
    /// The password is right, and the `code` is missing, wrong or used.
    case secondFactor = 4
    /// The password is right, and the user must set up a second factor first.
    case enrolment = 5

    package var description: String {
        switch self {
        case .credentials: "credentials"
        case .locked: "locked"
        case .busy: "busy"
        case .secondFactor: "secondFactor"
        case .enrolment: "enrolment"
        }
    }
}

/// The reason why the gateway cannot do what a viewer requested.
package enum ErrorCode: UInt16, Sendable, CaseIterable, CustomStringConvertible {
    /// No such camera, or one that this user may not see; the two are indistinguishable.
    case noSuchCamera = 1
    /// The camera exists but does not provide this rendition.
    case noSuchRendition = 2
    /// The user may not do this.
    case forbidden = 3
    /// The message is well-formed but makes no sense at this point.
    case unexpected = 4
    /// A limit of the gateway is reached.
    case tooMany = 5

    package var description: String {
        switch self {
        case .noSuchCamera: "noSuchCamera"
        case .noSuchRendition: "noSuchRendition"
        case .forbidden: "forbidden"
        case .unexpected: "unexpected"
        case .tooMany: "tooMany"
        }
    }
}

/// The reason why a connection ends.
package enum ByeReason: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// The sender is done.
    case done = 1
    /// The gateway stops or restarts; reconnect later.
    case shutdown = 2
    /// The peer was silent for too long.
    case idle = 3
    /// A message broke the protocol.
    case malformed = 4
    /// Too many connections or requests.
    case overload = 5
    /// The user was removed, the password or role changed, or the session is over.
    case revoked = 6

    package var description: String {
        switch self {
        case .done: "done"
        case .shutdown: "shutdown"
        case .idle: "idle"
        case .malformed: "malformed"
        case .overload: "overload"
        case .revoked: "revoked"
        }
    }
}

/// The state of a camera's recording.
package enum RecordingHealth: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// The policy does not record the camera, or the gateway does not yet know which archive records it.
    case off = 0
    /// An archive records the camera.
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

/// The times at which a camera is recorded.
package enum RecordingMode: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// During motion, with pre-roll and post-roll.
    case motion = 1
    /// Always, regardless of motion.
    case continuous = 2
    /// Always, and motion is noted.
    case both = 3

    package var description: String {
        switch self {
        case .motion: "motion"
        case .continuous: "continuous"
        case .both: "both"
        }
    }
}

/// The content of a replay.
package enum ReplayContent: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// Recorded frames.
    case frames = 0
    /// One small picture of each event.
    case thumbnails = 1

    package var description: String {
        switch self {
        case .frames: "frames"
        case .thumbnails: "thumbnails"
        }
    }
}

/// The compression of complete recordings.
package enum RecordingCodec: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// Recordings stay as they arrived.
    case jpeg = 0
    /// Recordings are compressed when complete; a replay still delivers JPEGs.
    case h264 = 1

    package var description: String {
        switch self {
        case .jpeg: "jpeg"
        case .h264: "h264"
        }
    }
}

/// A figure of a member. A counter counts from the start of the member.
package enum Metric: UInt16, Sendable, CaseIterable, CustomStringConvertible {
    /// Frames that the device delivered.
    case framesCaptured = 1
    /// Unusable frames among `framesCaptured`.
    case framesDamaged = 2
    /// Frames that no encoder accepted in time.
    case framesDropped = 3
    /// Frames that entered the ring as jpeg.
    case framesPublished = 4
    /// Bytes sent on all flows.
    case bytesPublished = 5
    /// Jobs sent to encoders, repetitions included.
    case workSent = 6
    /// Jobs sent again.
    case workRepeated = 7
    /// Jobs that encoders accept (gauge).
    case creditFromWorkers = 8
    /// Open flows (gauge).
    case flowsOpen = 9
    /// Bytes in the ring (gauge).
    case ringBytes = 10
    /// Jobs that an encoder completed.
    case jobsDone = 11
    /// Jobs that an encoder could not do.
    case jobsFailed = 12
    /// Time that an encoder spent on jobs, of all threads.
    case encodeMicroseconds = 13
    /// Viewers logged in (gauge).
    case viewers = 14
    /// Frames sent to viewers.
    case framesToViewers = 15
    /// Bytes of `framesToViewers`.
    case bytesToViewers = 16
    /// Frames that a viewer or flow skipped for a newer one.
    case framesSkipped = 17
    /// Malformed or forbidden messages, and refused connections and flows.
    case messagesRefused = 18
    /// Frames that a consumer received.
    case framesReceived = 19
    /// Memory of the process (gauge).
    case residentBytes = 20
    /// Processor time of the process.
    case cpuMicroseconds = 21
    /// Cameras that a motion service watches (gauge).
    case camerasAssigned = 22
    /// Events that a motion service began.
    case eventsTold = 23
    /// Time that a motion service spent on analysing maps.
    case detectMicroseconds = 24
    /// Frames that an archive has on its disk.
    case framesRecorded = 25
    /// Bytes of `framesRecorded`.
    case bytesRecorded = 26
    /// Frames that an archive did not receive, according to GAPs.
    case framesMissed = 27
    /// Bytes of all recordings of an archive's volume (gauge).
    case bytesStored = 28
    /// Free bytes on an archive's disk (gauge).
    case bytesFree = 29
    /// Cameras that an archive should record but cannot (gauge).
    case camerasFailing = 30
    /// Camera timestamps that an archive replaced because they were too far from its own time.
    case timesCorrected = 31
    /// 1 while an archive distrusts its wall clock and keeps expired recordings (gauge).
    case clockDoubted = 32
    /// 1 while the gateway's policy file is unusable and an earlier policy is in force (gauge).
    case policyInvalid = 33
    /// Cameras that the policy records but no archive does, counted by the gateway (gauge).
    case camerasUnrecorded = 34
    /// 1 while an archive's disk is nearly full (gauge).
    case diskLow = 35
    /// Frames that a camera kept for an absent archive.
    case framesSpooled = 36
    /// Bytes in a camera's spool on its disk (gauge).
    case bytesSpooled = 37
    /// Encoders connected to a camera (gauge).
    case workers = 38
    /// Encoders among `workers` that have mapped the camera's memory file (gauge).
    case workersSharing = 39
    /// Jobs among `workSent` whose picture was in shared memory.
    case workShared = 40
    /// Cameras whose memory file an encoder has mapped (gauge).
    case camerasShared = 41

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
        case .workers: "workers"
        case .workersSharing: "workers_sharing"
        case .workShared: "work_shared"
        case .camerasShared: "cameras_shared"
        }
    }
}

/// A set of renditions.
package struct RenditionSet: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let jpeg = RenditionSet(rawValue: 1)
    package static let sub = RenditionSet(rawValue: 2)
    package static let luma = RenditionSet(rawValue: 4)
    package static let all: RenditionSet = [.jpeg, .sub, .luma]
}

/// The kinds of entries that a SEARCH asks for.
package struct FoundKinds: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let recordings = FoundKinds(rawValue: 1)
    package static let events = FoundKinds(rawValue: 2)
    package static let gaps = FoundKinds(rawValue: 4)
    package static let all: FoundKinds = [.recordings, .events, .gaps]
}
