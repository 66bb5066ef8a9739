// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// STATUS: Describes all members to an operator.
///
///     offset  size  field
///     0       8     time
///     8       2     count of members; for each:
///     +0      1     role
///     +1      1     camera
///     +2      4     process
///     +6      8     joined
///     +14     4     silence
///     +18     2+n   name
///     ..      2+n   endpoint
///     ..      2+n   software
///     ..      ..    camera
///     ..      2     count of figures
///     ..      2     count of causes, since version 2; for each:
///     +0      1     role
///     +1      1     reserved
///     +2      2     metric
///     +4      2+n   name
///     ..      2+n   detail
package struct Status: WireMessage {
    package static let type = MessageType.status
    package static let version: UInt8 = 2
    /// UTC microseconds of the answer.
    package let time: Int64
    package let members: [Member]
    /// Reasons for figures that report problems, after all members.
    package let causes: [MemberCause]

    /// An entry of `members`.
    package struct Member: WireElement, Sendable, Equatable {
        package let role: Role
        /// Process id on the member's host.
        package let process: UInt32
        /// UTC microseconds.
        package let joined: Int64
        /// Milliseconds since the last beat.
        package let silence: UInt32
        package let name: Name
        package let endpoint: String
        package let software: String
        /// All fields of CAMERA; present if the flag `camera` is 1.
        package let camera: CameraReport?
        /// Figures of the last BEAT.
        package let figures: [Figure]

        package init(
            role: Role, process: UInt32, joined: Int64, silence: UInt32, name: Name, endpoint: String, software: String,
            camera: CameraReport?, figures: [Figure]
        ) {
            self.role = role
            self.process = process
            self.joined = joined
            self.silence = silence
            self.name = name
            self.endpoint = endpoint
            self.software = software
            self.camera = camera
            self.figures = figures
        }

        init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
            role = try reader.choice("role", bytes)
            let hasCamera = try reader.flag("camera", bytes)
            process = try reader.integer("process", bytes)
            joined = try reader.time("joined", bytes)
            silence = try reader.integer("silence", bytes)
            name = try reader.name("name", bytes)
            endpoint = try reader.text("endpoint", limit: WireLimits.endpoint, bytes)
            software = try reader.text("software", limit: WireLimits.name, bytes)
            camera = hasCamera ? try CameraReport(bytes, &reader) : nil
            figures = try reader.knownEntries("count", limit: WireLimits.figures, bytes)
        }

        func write(_ writer: inout WireWriter) {
            writer.choice(role)
            writer.flag(camera != nil)
            writer.integer(process)
            writer.integer(joined)
            writer.integer(silence)
            writer.name(name)
            writer.text(endpoint, limit: WireLimits.endpoint)
            writer.text(software, limit: WireLimits.name)
            camera?.write(&writer)
            writer.list(figures)
        }
    }

    /// An entry of `causes`.
    package struct MemberCause: SkippableWireElement, Sendable, Hashable {
        /// Role of the member.
        package let role: Role
        /// The member's figure; unknown metrics are skipped.
        package let metric: Metric
        /// Name of the member.
        package let name: Name
        /// Human-readable text.
        package let detail: String

        package init(role: Role, metric: Metric, name: Name, detail: String) {
            self.role = role
            self.metric = metric
            self.name = name
            self.detail = detail
        }

        /// Returns `nil` for an entry that is to be skipped, because a value is unknown.
        static func read(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) -> MemberCause? {
            let role = try reader.choice("role", as: Role.self, bytes)
            try reader.skip("reserved", count: 1)
            let metric = Metric(rawValue: try reader.integer("metric", bytes))
            let name = try reader.name("name", bytes)
            let detail = try reader.text("detail", limit: WireLimits.text, bytes)
            guard let metric else { return nil }
            return MemberCause(role: role, metric: metric, name: name, detail: detail)
        }

        func write(_ writer: inout WireWriter) {
            writer.choice(role)
            writer.zeros(1)
            writer.choice(metric)
            writer.name(name)
            writer.text(detail, limit: WireLimits.text)
        }
    }

    package init(time: Int64, members: [Member], causes: [MemberCause] = []) {
        self.time = time
        self.members = members
        self.causes = Array(causes.prefix(WireLimits.causes))
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        time = try reader.time("time", bytes)
        members = try reader.list("count", limit: WireLimits.members, bytes)
        if reader.version >= 2 {
            causes = try reader.knownEntries("count", limit: WireLimits.causes, bytes)
        } else {
            causes = []
        }
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(time)
        writer.list(members)
        writer.list(causes)
    }
}
