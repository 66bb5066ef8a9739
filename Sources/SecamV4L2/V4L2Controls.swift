import CV4L2
import Glibc

/// A control of a camera, such as its brightness.
struct V4L2Control: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case number
        case menu
        /// Text, 64-bit numbers and arrays, which no `Int32` can set.
        case other
    }

    static let countLimit = 512

    let identifier: UInt32
    let name: String
    let kind: Kind
    let minimum: Int
    let maximum: Int
    let isReadOnly: Bool

    /// Returns the name as v4l2-ctl spells it: letters and digits in lower case, anything else as one underscore.
    static func name(fromLabel label: String) -> String {
        var name = ""
        var needsUnderscore = false
        for character in label.unicodeScalars {
            guard character.isASCII, character.properties.isAlphabetic || ("0"..."9").contains(character) else {
                needsUnderscore = !name.isEmpty
                continue
            }
            if needsUnderscore { name.append("_") }
            needsUnderscore = false
            name.append(String(character).lowercased())
        }
        return name
    }

    /// Returns the allowed range if it excludes the value; `nil` if the value is allowed. Drivers round to the step, so
    /// only the limits are checked.
    func rangeProblem(of value: Int) -> String? {
        let isAllowed = value >= minimum && value <= maximum && Int32(exactly: value) != nil
        return isAllowed ? nil : "\(minimum) to \(maximum)"
    }
}

extension V4L2Control {
    init(_ answer: v4l2_queryctrl) {
        identifier = answer.id
        name = Self.name(fromLabel: V4L2Capability.text(of: answer.name))
        kind =
            switch v4l2_ctrl_type(answer.type) {
            case V4L2_CTRL_TYPE_INTEGER, V4L2_CTRL_TYPE_BOOLEAN, V4L2_CTRL_TYPE_BUTTON, V4L2_CTRL_TYPE_BITMASK:
                .number
            case V4L2_CTRL_TYPE_MENU, V4L2_CTRL_TYPE_INTEGER_MENU: .menu
            default: .other
            }
        minimum = Int(answer.minimum)
        maximum = Int(answer.maximum)
        isReadOnly = answer.flags & UInt32(V4L2_CTRL_FLAG_READ_ONLY) != 0
    }
}

extension V4L2Device {
    /// Returns all controls that are enabled and writable.
    func controls() -> [V4L2Control] {
        var controls: [V4L2Control] = []
        var last: UInt32 = 0
        while controls.count < V4L2Control.countLimit, let answer = control(after: last), answer.id > last {
            last = answer.id
            guard answer.flags & UInt32(V4L2_CTRL_FLAG_DISABLED) == 0 else { continue }
            let control = V4L2Control(answer)
            if control.kind != .other, !control.isReadOnly, !control.name.isEmpty { controls.append(control) }
        }
        return controls
    }

    func set(_ wanted: [(name: String, value: Int)]) throws(V4L2Error) {
        guard !wanted.isEmpty else { return }
        let known = controls()
        for (name, value) in wanted {
            guard let control = known.first(where: { $0.name == name }) else {
                throw .unknownControl(path: path, name: name, known: known.map(\.name).sorted())
            }
            try set(control, to: value)
        }
    }

    private func set(_ control: V4L2Control, to value: Int) throws(V4L2Error) {
        if let problem = control.rangeProblem(of: value) {
            throw .controlOutOfRange(path: path, name: control.name, value: value, allowed: problem)
        }
        if control.kind == .menu, !hasMenuEntry(UInt32(clamping: value), of: control.identifier) {
            let entries = (control.minimum...control.maximum).prefix(V4L2Control.countLimit)
                .filter { hasMenuEntry(UInt32(clamping: $0), of: control.identifier) }
            let allowed = "one of " + entries.map(String.init).joined(separator: ", ")
            throw .controlOutOfRange(path: path, name: control.name, value: value, allowed: allowed)
        }
        let code = setControl(control.identifier, to: Int32(clamping: value))
        guard code == 0 else {
            if code == ENODEV { throw fail("setting \(control.name)", code) }
            throw .controlRefused(
                path: path, name: control.name, value: value, reason: V4L2Error.text(ofErrno: code))
        }
    }
}
