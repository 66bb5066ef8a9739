extension Figure {
    package init(_ metric: Metric, _ value: UInt64) { self.init(metric: metric, value: value) }
}

extension Cause {
    package init(_ metric: Metric, _ detail: String) { self.init(metric: metric, detail: detail) }
}

extension Status.MemberCause {
    package init(role: Role, name: Name, _ cause: Cause) {
        self.init(role: role, metric: cause.metric, name: name, detail: cause.detail)
    }
}

extension Status.Member {
    /// The value of a figure; 0 when the member did not send it.
    package subscript(_ metric: Metric) -> UInt64 {
        figures.first { $0.metric == metric }?.value ?? 0
    }
}

extension Status {
    /// The reason why a figure of a member reports a problem; `nil` when the member gave none.
    package func cause(of metric: Metric, _ member: Member) -> String? {
        causes.first { $0.metric == metric && $0.role == member.role && $0.name == member.name }?.detail
    }
}
