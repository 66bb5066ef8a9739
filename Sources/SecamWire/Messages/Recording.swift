/// The cameras that an archive is to record, and how. Sent whole after a join and whenever it changes.
///
///     offset  size  field
///     0       2     count      of cameras; then for each:
///     +0      1     mode       1 motion, 2 continuous, 3 both
///     +1      1     codec      0 as they come, 1 H.264
///     +2      2     preRoll    seconds recorded before a motion, at most 3600
///     +4      2     postRoll   seconds recorded after it, at most 3600
///     +6      2     reserved   0
///     +8      4     keep       seconds after which recordings go, 0 for never
///     +12     8     keepBytes  bytes beyond which the oldest go, 0 for no bound
///     +20     4     thinAfter  seconds after which frames are left out, 0 for never
///     +24     4     thinRate   thousandths of frames a second that stay then, not 0
///     +28     2+n   camera     its name
///     since version 2:
///     ..      4     goneKeep   seconds after the last recording of a camera that is not admitted any more after which all
///                              of its recordings go, 0 for never
///     ..      2     count      of admitted; then for each:
///     +0      2+n   name       a camera that is admitted; none while goneKeep is 0
package struct Recording: WireMessage {
    package static let type = MessageType.recording
    package static let version: UInt8 = 2
    package let cameras: [Camera]
    /// Seconds after its last recording after which all recordings of a camera that is not among `admitted` go; 0 for never.
    package let goneKeep: UInt32
    package let admitted: [Name]

    package struct Camera: WireElement, Sendable, Hashable {
        package let mode: RecordingMode
        package let codec: RecordingCodec
        /// Seconds.
        package let preRoll: UInt16
        /// Seconds.
        package let postRoll: UInt16
        /// Seconds; 0 for ever.
        package let keep: UInt32
        /// 0 for no bound.
        package let keepBytes: UInt64
        /// Seconds; 0 for never.
        package let thinAfter: UInt32
        /// Thousandths of frames a second.
        package let thinRate: UInt32
        package let camera: Name

        package static let longestRoll: UInt16 = 3600

        package init(
            mode: RecordingMode, codec: RecordingCodec = .jpeg, preRoll: UInt16, postRoll: UInt16, keep: UInt32,
            keepBytes: UInt64, thinAfter: UInt32,
            thinRate: UInt32, camera: Name
        ) {
            self.mode = mode
            self.codec = codec
            self.preRoll = preRoll
            self.postRoll = postRoll
            self.keep = keep
            self.keepBytes = keepBytes
            self.thinAfter = thinAfter
            self.thinRate = thinRate
            self.camera = camera
        }

        init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
            mode = try reader.choice("mode", bytes)
            codec = try reader.choice("codec", bytes)
            preRoll = try reader.integer("preRoll", bytes)
            guard preRoll <= Self.longestRoll else { throw .badValue(field: "preRoll") }
            postRoll = try reader.integer("postRoll", bytes)
            guard postRoll <= Self.longestRoll else { throw .badValue(field: "postRoll") }
            try reader.skip("reserved", count: 2)
            keep = try reader.integer("keep", bytes)
            keepBytes = try reader.integer("keepBytes", bytes)
            thinAfter = try reader.integer("thinAfter", bytes)
            thinRate = try reader.integer("thinRate", bytes)
            guard thinRate > 0 else { throw .badValue(field: "thinRate") }
            camera = try reader.name("camera", bytes)
        }

        func write(_ writer: inout WireWriter) {
            writer.choice(mode)
            writer.choice(codec)
            writer.integer(preRoll)
            writer.integer(postRoll)
            writer.integer(UInt16(0))
            writer.integer(keep)
            writer.integer(keepBytes)
            writer.integer(thinAfter)
            writer.integer(thinRate)
            writer.name(camera)
        }
    }

    /// - Parameter admitted: of more than `WireLimits.members` none is gone.
    package init(cameras: [Camera], goneKeep: UInt32 = 0, admitted: [Name] = []) {
        let isWhole = admitted.count <= WireLimits.members
        self.cameras = cameras
        self.goneKeep = isWhole ? goneKeep : 0
        self.admitted = isWhole ? admitted : []
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        cameras = try reader.list("count", limit: WireLimits.members, bytes)
        guard reader.version >= 2 else {
            (goneKeep, admitted) = (0, [])
            return
        }
        goneKeep = try reader.integer("goneKeep", bytes)
        var names: [Name] = []
        for _ in 0..<(try reader.count("count", limit: WireLimits.members, bytes)) {
            names.append(try reader.name("name", bytes))
        }
        admitted = names
    }

    package func write(_ writer: inout WireWriter) {
        writer.list(cameras)
        writer.integer(goneKeep)
        writer.integer(UInt16(admitted.count))
        for name in admitted { writer.name(name) }
    }
}

/// What becomes of recordings when they are complete.
package enum RecordingCodec: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// They stay as they came.
    case jpeg = 0
    /// They are compressed, to a tenth or so; what is shown of them is a little less sharp.
    case h264 = 1

    package var description: String {
        switch self {
        case .jpeg: "jpeg"
        case .h264: "h264"
        }
    }
}

/// When a camera is recorded.
package enum RecordingMode: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// While something moves, with what was before and after.
    case motion = 1
    /// Always, without regard to motion.
    case continuous = 2
    /// Always, and what moves is noted.
    case both = 3

    /// Whether motion is noted.
    package var notesMotion: Bool { self != .continuous }
    /// Whether everything is recorded.
    package var isContinuous: Bool { self != .motion }

    package var description: String {
        switch self {
        case .motion: "motion"
        case .continuous: "continuous"
        case .both: "both"
        }
    }
}
