import SecamBase
package import SecamPolicy
import SecamProcess
package import SecamWire

/// An event that hooks can react to: a camera's event, or a condition that begins or ends.
package struct HookEvent: Sendable, Hashable {
    enum Subject: Sendable, Hashable {
        case event(CameraEvent)
        case condition(SystemCondition, isOver: Bool, time: Int64)
    }

    let subject: Subject
    /// The camera, or for `diskLow` the archive.
    let name: Name

    package init(camera: Name, event: CameraEvent) {
        name = camera
        subject = .event(event)
    }

    /// - Parameters:
    ///   - name: the camera, or for `diskLow` the archive.
    ///   - time: UTC microseconds.
    package init(_ condition: SystemCondition, of name: Name, isOver: Bool, time: Int64) {
        self.name = name
        subject = .condition(condition, isOver: isOver, time: time)
    }

    /// The camera; `nil` for a condition of an archive.
    var camera: Name? {
        if case .condition(.diskLow, _, _) = subject { nil } else { name }
    }

    /// `motion`, or the condition's name.
    var kind: String {
        switch subject {
        case .event(let event): "\(event.kind)"
        case .condition(let condition, _, _): condition.rawValue
        }
    }

    /// `start`, `update` or `end`.
    var state: EventState {
        switch subject {
        case .event(let event): event.state
        case .condition(_, let isOver, _): isOver ? .end : .start
        }
    }

    /// The event as one JSON object on one line.
    var json: String {
        switch subject {
        case .event(let event): EventText.json(event, of: name)
        case .condition(_, _, let time):
            JSONText.object([
                (camera == nil ? "archive" : "camera", JSONText.string(name.text)), ("kind", JSONText.string(kind)),
                ("state", JSONText.string("\(state)")), ("time", JSONText.string(UTCText.iso(microseconds: time))),
                ("time_us", "\(time)"),
            ])
        }
    }
}

/// The reason why a hook failed.
struct HookFailure: Error, Equatable, CustomStringConvertible {
    let description: String
    /// Whether a retry may succeed.
    let isTransient: Bool
}
