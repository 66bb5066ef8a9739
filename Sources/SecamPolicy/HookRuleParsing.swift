import SecamWire

extension HookRule {
    private static let keys = ["name", "run", "post", "secret-file", "cameras", "events", "seconds"]

    /// Parses a hook of the policy file; `nil` when its errors were collected.
    init?(_ value: PolicyValue) throws(PolicyError) {
        var name: String?
        var action: Action?
        var secretFile: String?
        var cameras: [Name] = []
        var states: Set<EventState> = [.start, .end]
        var conditions: Set<SystemCondition> = []
        var timeout = HookRule.defaultTimeout
        let pairs = try value.keys(Self.keys)
        for (key, value) in pairs {
            value.collect { () throws(PolicyError) in
                switch key {
                case "name": name = try value.text()
                case "run", "post":
                    guard action == nil else { throw value.error("a hook has either run or post, not both") }
                    action =
                        key == "run"
                        ? .run(try Self.arguments(value)) : .post(try Self.address(value), secretFile: nil)
                case "secret-file": secretFile = try value.text("a file's path")
                case "cameras": cameras = try Self.names(value)
                case "events": (states, conditions) = try Self.events(value)
                default: timeout = .seconds(try value.number(in: 0.1...600))
                }
            }
        }
        let keys = Set(pairs.map(\.key))
        if !keys.contains("name") {
            value.collect { () throws(PolicyError) in throw value.error("hook without a name; add name: …") }
        }
        guard !keys.isDisjoint(with: ["run", "post"]) else {
            throw value.error("hook '\(name ?? "")' has neither run nor post; add one")
        }
        guard let name, var action else { return nil }
        if let secretFile {
            guard case .post(let address, _) = action else {
                throw value.error("hook '\(name)': secret-file needs post; remove it, or replace run with post")
            }
            action = .post(address, secretFile: secretFile)
        }
        self.init(
            name: name, action: action, cameras: cameras, states: states, conditions: conditions, timeout: timeout)
    }

    private static func arguments(_ value: PolicyValue) throws(PolicyError) -> [String] {
        var arguments: [String] = []
        for argument in try value.list(atMost: 256, "a program and its arguments, such as [/usr/bin/logger, motion]") {
            arguments.append(try argument.text())
        }
        guard let program = arguments.first else { throw value.error("run: expected a program and its arguments") }
        guard program.hasPrefix("/") else {
            throw value.error("run: '\(program)' is not an absolute path; write the program's path from / on")
        }
        return arguments
    }

    private static func address(_ value: PolicyValue) throws(PolicyError) -> SecretURL {
        let address = try value.text("an address")
        guard address.hasPrefix("https://") || address.hasPrefix("http://"),
            address.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else { throw value.error("post: '\(SecretURL(address))' is not a web address; expected https://…") }
        return SecretURL(address)
    }

    private static func names(_ value: PolicyValue) throws(PolicyError) -> [Name] {
        var names: [Name] = []
        for entry in try value.list(atMost: WireLimits.members, "cameras") {
            let text = try entry.text("a camera's name")
            do {
                names.append(try Name(text))
            } catch {
                throw entry.error("the camera name '\(text)' is \(error)")
            }
        }
        return names
    }

    private static let eventNames =
        (EventState.allCases.map { "\($0)" } + SystemCondition.allCases.map(\.rawValue)).joined(separator: ", ")

    private static func events(
        _ value: PolicyValue
    ) throws(PolicyError) -> (states: Set<EventState>, conditions: Set<SystemCondition>) {
        var states: Set<EventState> = []
        var conditions: Set<SystemCondition> = []
        for entry in try value.list(atMost: 16, "events: \(eventNames)") {
            let text = try entry.text("one of \(eventNames)")
            if let state = EventState.allCases.first(where: { "\($0)" == text }) {
                states.insert(state)
            } else if let condition = SystemCondition(rawValue: text) {
                conditions.insert(condition)
            } else {
                throw entry.error("events: unknown event '\(text)'; expected one of \(eventNames)")
            }
        }
        guard !states.isEmpty || !conditions.isEmpty else {
            throw value.error("events: expected at least one of \(eventNames)")
        }
        return (states, conditions)
    }
}
