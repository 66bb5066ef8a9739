/// All cameras that an archive records, with their rules. The registry sends it after a join and at each change.
///
///     offset  type               field      meaning
///     0       list 4096          cameras    for each:
///     +0      u8 RecordingMode   mode
///     +1      u8 RecordingCodec  codec
///     +2      u16                preRoll    seconds recorded before motion, at most 3600
///     +4      u16                postRoll   seconds recorded after motion, at most 3600
///     +6      zero 2             reserved
///     +8      u32                keep       age at which recordings are deleted, seconds; 0 for never
///     +12     u64                keepBytes  bytes of this camera above which its oldest recordings are deleted; 0 for
///                                           no limit
///     +20     u32                thinAfter  age at which recordings are thinned, seconds; 0 for never
///     +24     u32                thinRate   thousandths of frames a second that thinning keeps, not 0
///     +28     name               camera
///     ..      u32                goneKeep   since version 2: seconds, 0 for never
///     ..      list 4096          admitted   since version 2: names of all admitted cameras; empty while goneKeep is 0
package struct Recording: WireMessage {
    package static let type = MessageType.recording
    package static let version: UInt8 = 2
    package let cameras: [Camera]
    /// Retention of all recordings of a camera outside `admitted`, in seconds after the last one; 0 for no limit.
    package let goneKeep: UInt32
    package let admitted: [Name]

    package struct Camera: WireElement, Sendable, Hashable {
        package let mode: RecordingMode
        package let codec: RecordingCodec
        /// Pre-roll, seconds.
        package let preRoll: UInt16
        /// Post-roll, seconds.
        package let postRoll: UInt16
        /// Age at which recordings are deleted, seconds; 0 for no limit.
        package let keep: UInt32
        /// Bytes of this camera above which its oldest recordings are deleted; 0 for no limit.
        package let keepBytes: UInt64
        /// Age at which recordings are thinned, seconds; 0 for never.
        package let thinAfter: UInt32
        /// Frame rate after thinning, thousandths of frames a second.
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

    /// - Parameter admitted: with more than `WireLimits.members` names, `goneKeep` has no effect.
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

/// The treatment of complete recordings.
package enum RecordingCodec: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// Kept as they arrived.
    case jpeg = 0
    /// Compressed to about a tenth, with a slight loss of sharpness.
    case h264 = 1

    package var description: String {
        switch self {
        case .jpeg: "jpeg"
        case .h264: "h264"
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
