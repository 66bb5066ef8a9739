/// The names of the Swift messages, and their differences from what the schema alone would give.
enum SwiftNames {
    /// Messages whose structs do not have the message's name: it would say too little, or is taken.
    static let messages = [
        "ACK": "Acknowledge", "CAMERA": "CameraReport", "CLOSE": "CloseFlow", "ERROR": "ErrorMessage",
        "OPEN": "OpenFlow", "RESULT": "WorkResult",
    ]

    /// Cases of `MessageType` that do not have the message's name.
    static let cases = ["ACK": "acknowledge", "CLOSE": "closeFlow", "OPEN": "openFlow"]

    /// Entries of lists whose structs do not have the entry's name.
    static let entries = [
        "FOUND.event": "FoundEvent", "FOUND.gap": "FoundGap", "FOUND.recording": "FoundRecording",
        "RESULT.rendition": "EncodedRendition", "STATUS.cause": "MemberCause",
    ]

    /// Entries of lists whose structs are not inside of their message.
    static let topLevel: Set<String> = [
        "BEAT.cause", "FOUND.event", "FOUND.gap", "FOUND.recording", "RESULT.rendition",
    ]

    static let structs = ["box": "CameraEvent.Box", "event": "CameraEvent", "figure": "Figure"]
    static let sets = ["Renditions": "RenditionSet"]
    static let enumerations = ["FlowStart": "FlowStartKind"]

    /// Enumerations that are described in another way than by their cases' names.
    static let descriptions: [String: @Sendable (String) -> String] = [
        "Metric": snakeCase, "PixelFormat": { $0.uppercased() }, "RecordingHealth": snakeCase,
    ]

    /// Consecutive fields that are one property, of a type written by hand that is a `WireElement`.
    struct Composite {
        let fields: [String]
        let property: String
        let type: String
        let meaning: String
    }

    static let composites: [String: Composite] = [
        "GAP": Composite(
            fields: ["first", "last"], property: "missing", type: "SequenceRange",
            meaning: "missing sequence numbers"),
        "OPEN": Composite(
            fields: ["start", "reserved", "incarnation", "position"], property: "start", type: "FlowStart",
            meaning: "first frame of the flow"),
    ]

    /// Defaults of parameters, besides those of fields that a later version added.
    static let defaults = [
        "BYE.detail": "\"\"", "CLOSE.detail": "\"\"", "FOLLOW.cameras": "[]", "FOUND.events": "[]", "FOUND.gaps": "[]",
        "FOUND.partial": "false", "FOUND.recordings": "[]", "HELLO.idle": "0",
        "HELLO.protocol": "Hello.currentProtocol", "OPEN.group": "\"\"", "OPEN.interval": "0",
        "RECORDING.camera.codec": ".jpeg", "REPLAY.content": ".frames", "RESULT.failure": "\"\"",
        "SEARCH.cameras": "[]", "WATCH.interval": "0",
    ]

    /// Fields whose limits an initializer asserts: the program itself chooses their values.
    static let asserted: Set<String> = [
        "ASSIGNMENT.camera.zones", "ASSIGNMENT.zone.corners", "FOLLOW.cameras", "FOUND.events", "FOUND.gaps",
        "FOUND.recordings", "LOGIN.password", "PROTECT.to", "REPLAY.to", "SEARCH.cameras", "SEARCH.limit", "SEARCH.to",
        "event.boxes", "event.last",
    ]

    /// Lists that an initializer truncates to their limit.
    static let truncated: Set<String> = ["BEAT.causes", "BEAT.failing", "STATUS.causes"]

    /// Messages whose initializer is written by hand.
    static let initializedByHand: Set<String> = ["RECORDING"]

    static func message(_ name: String) -> String { messages[name] ?? pascalCase(name) }

    static func messageCase(_ name: String) -> String { cases[name] ?? lowerFirst(pascalCase(name)) }

    static func entry(_ name: String, of message: String) -> String {
        entries["\(message).\(name)"] ?? upperFirst(name)
    }

    static func enumeration(_ name: String?) -> String { enumerations[name ?? ""] ?? name ?? "" }

    static func set(_ name: String?) -> String { sets[name ?? ""] ?? name ?? "" }

    static func group(_ name: String?) -> String { structs[name ?? ""] ?? "" }

    /// An identifier, in back-ticks where it is a keyword.
    static func escaped(_ name: String) -> String {
        ["operator", "protocol"].contains(name) ? "`\(name)`" : name
    }

    private static func pascalCase(_ name: String) -> String {
        name.split(separator: "_").map { upperFirst($0.lowercased()) }.joined()
    }

    private static func upperFirst(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }

    private static func lowerFirst(_ text: String) -> String { text.prefix(1).lowercased() + text.dropFirst() }

    @Sendable private static func snakeCase(_ name: String) -> String {
        name.map { $0.isUppercase ? "_" + $0.lowercased() : String($0) }.joined()
    }
}
