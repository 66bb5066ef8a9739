import SecamBase
package import SecamPolicy
import SecamProcess
package import SecamWire

/// Something that hooks may be told of: an event of a camera, or a condition that begins or ends.
package struct HookOccasion: Sendable, Hashable {
    enum Subject: Sendable, Hashable {
        case event(CameraEvent)
        case condition(SystemCondition, isOver: Bool, time: Int64)
    }

    let subject: Subject
    /// The camera, or the archive whose disk it is.
    let name: Name

    package init(camera: Name, event: CameraEvent) {
        name = camera
        subject = .event(event)
    }

    /// - Parameters:
    ///   - name: the camera's, or for `diskLow` the archive's.
    ///   - time: UTC microseconds.
    package init(_ condition: SystemCondition, of name: Name, isOver: Bool, time: Int64) {
        self.name = name
        subject = .condition(condition, isOver: isOver, time: time)
    }

    /// `nil` for a condition of an archive.
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

    /// One JSON object on one line.
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

/// Why a hook did not do what it should.
struct HookFailure: Error, Equatable, CustomStringConvertible {
    let description: String
    /// Whether another try could go better.
    let isPassing: Bool
}
