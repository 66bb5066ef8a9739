/// The state of every member, as the registry knows it.
///
///     offset  type       field     meaning
///     0       i64        time      UTC microseconds of the answer
///     8       list 4096  members   for each:
///     +0      u8 Role    role
///     +1      u8         camera    0 or 1; 1 if the fields of a CAMERA follow software
///     +2      u32        process   process id on the member's host
///     +6      i64        joined    UTC microseconds
///     +14     u32        silence   milliseconds since the last beat
///     +18     name       name
///     ..      text 256   endpoint
///     ..      text 64    software
///     ..      CAMERA     camera    all fields of CAMERA, if camera is 1
///     ..      figures    figures   figures of the last BEAT
///     ..      list 8192  causes    since version 2, after all members: reasons for figures that report problems; for
///                                  each:
///     +0      u8 Role    role      role of the member
///     +1      zero 1     reserved
///     +2      u16        metric    the member's figure; unknown metrics are skipped
///     +4      name       name      name of the member
///     ..      text 1024  detail    human-readable text
package struct Status: WireMessage {
    package static let type = MessageType.status
    package static let version: UInt8 = 2
    /// UTC microseconds.
    package let time: Int64
    package let members: [Member]
    package let causes: [MemberCause]

    /// An explanation of the problem that a member's figure reports.
    package struct MemberCause: Sendable, Hashable {
        package let role: Role
        package let metric: Metric
        /// The member's role.
        package let name: Name
        /// Human-readable text.
        package let detail: String

        package init(role: Role, name: Name, _ cause: Cause) {
            self.role = role
            self.name = name
            metric = cause.metric
            detail = cause.detail
        }

        /// - Returns: `nil` for an unknown metric.
        fileprivate static func read(
            _ bytes: Span<UInt8>, _ reader: inout WireReader
        ) throws(WireError) -> MemberCause? {
            let role = try reader.choice("role", as: Role.self, bytes)
            try reader.skip("reserved", count: 1)
            let code = try reader.integer("metric", as: UInt16.self, bytes)
            let name = try reader.name("name", bytes)
            let detail = try reader.text("detail", limit: WireLimits.text, bytes)
            return Metric(rawValue: code).map { MemberCause(role: role, name: name, Cause($0, detail)) }
        }

        fileprivate func write(_ writer: inout WireWriter) {
            writer.choice(role)
            writer.integer(UInt8(0))
            writer.choice(metric)
            writer.name(name)
            writer.text(detail, limit: WireLimits.text)
        }
    }

    package struct Member: Sendable, Equatable {
        package let role: Role
        package let process: UInt32
        /// UTC microseconds.
        package let joined: Int64
        /// Milliseconds since the last beat.
        package let silence: UInt32
        package let name: Name
        package let endpoint: String
        package let software: String
        package let camera: CameraReport?
        package let figures: [Figure]

        package init(
            role: Role, process: UInt32, joined: Int64, silence: UInt32, name: Name, endpoint: String,
            software: String, camera: CameraReport?, figures: [Figure]
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

        /// Returns the value of one figure; 0 if the member did not send it.
        package subscript(_ metric: Metric) -> UInt64 {
            figures.first { $0.metric == metric }?.value ?? 0
        }

        fileprivate init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
            role = try reader.choice("role", bytes)
            let hasCamera = try reader.integer("camera", as: UInt8.self, bytes)
            guard hasCamera <= 1 else { throw .badValue(field: "camera") }
            process = try reader.integer("process", bytes)
            joined = try reader.time("joined", bytes)
            silence = try reader.integer("silence", bytes)
            name = try reader.name("name", bytes)
            endpoint = try reader.text("endpoint", limit: WireLimits.endpoint, bytes)
            software = try reader.text("software", limit: WireLimits.name, bytes)
            camera = hasCamera == 1 ? try CameraReport(bytes, &reader) : nil
            figures = try Figure.list(bytes, &reader)
        }

        fileprivate func write(_ writer: inout WireWriter) {
            writer.choice(role)
            writer.integer(UInt8(camera == nil ? 0 : 1))
            writer.integer(process)
            writer.integer(joined)
            writer.integer(silence)
            writer.name(name)
            writer.text(endpoint, limit: WireLimits.endpoint)
            writer.text(software, limit: WireLimits.name)
            camera?.write(&writer)
            Figure.write(figures, &writer)
        }
    }

    /// - Parameter causes: cut to `WireLimits.causes` entries.
    package init(time: Int64, members: [Member], causes: [MemberCause] = []) {
        self.time = time
        self.members = members
        self.causes = Array(causes.prefix(WireLimits.causes))
    }

    /// Returns the explanation of a member's figure; `nil` without one.
    package func cause(of metric: Metric, _ member: Member) -> String? {
        causes.first { $0.metric == metric && $0.role == member.role && $0.name == member.name }?.detail
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        time = try reader.time("time", bytes)
        var list: [Member] = []
        for _ in 0..<(try reader.count("count", limit: WireLimits.members, bytes)) {
            list.append(try Member(bytes, &reader))
        }
        members = list
        var causes: [MemberCause] = []
        if reader.version >= 2 {
            for _ in 0..<(try reader.count("count", limit: WireLimits.causes, bytes)) {
                if let cause = try MemberCause.read(bytes, &reader) { causes.append(cause) }
            }
        }
        self.causes = causes
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(time)
        writer.integer(UInt16(members.count))
        for member in members { member.write(&writer) }
        writer.integer(UInt16(causes.count))
        for cause in causes { cause.write(&writer) }
    }
}
