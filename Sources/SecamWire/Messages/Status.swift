/// How every member is, as the registry knows it.
///
///     offset  size  field
///     0       8     time        of the answer, UTC microseconds
///     8       2     count       of members; then for each:
///     +0      1     role
///     +1      1     camera      1 when a CAMERA message's fields follow the software
///     +2      4     process     process number on its host
///     +6      8     joined      UTC microseconds
///     +14     4     silence     milliseconds since the last beat
///     +18     2+n   name
///     ..      2+n   endpoint
///     ..      2+n   software
///     ..      ..    the camera's state as in CAMERA, when `camera` is 1
///     ..      2     figures     as in BEAT: count, then metric and value for each
///     since version 2, behind the members:
///     ..      2     count       of causes; then for each:
///     +0      1     role        of the member
///     +1      1     reserved    0
///     +2      2     metric      its figure that tells of a problem
///     +4      2+n   name        of the member
///     ..      2+n   detail      why, for people
package struct Status: WireMessage {
    package static let type = MessageType.status
    package static let version: UInt8 = 2
    /// UTC microseconds.
    package let time: Int64
    package let members: [Member]
    package let causes: [MemberCause]

    /// Why a member's figure tells of a problem.
    package struct MemberCause: Sendable, Hashable {
        package let role: Role
        package let metric: Metric
        /// The member's.
        package let name: Name
        /// For people.
        package let detail: String

        package init(role: Role, name: Name, _ cause: Cause) {
            self.role = role
            self.name = name
            metric = cause.metric
            detail = cause.detail
        }

        /// - Returns: `nil` for a metric that is not known.
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

        /// The value of one figure, 0 when the member did not send it.
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

    /// - Parameter causes: of more than `WireLimits.causes` the first are told.
    package init(time: Int64, members: [Member], causes: [MemberCause] = []) {
        self.time = time
        self.members = members
        self.causes = Array(causes.prefix(WireLimits.causes))
    }

    /// Why a figure of a member tells of a problem; `nil` when the member did not say.
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
