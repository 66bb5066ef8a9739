/// The type code of every message. proto-spec/README.md lists the permitted senders.
package enum MessageType: UInt16, Sendable, CaseIterable {
    // Either side of a viewer's connection
    case ping = 0x0001
    case pong = 0x0002
    case error = 0x0003
    case bye = 0x0004
    // Consumer and camera
    case openFlow = 0x0010
    case credit = 0x0011
    case frame = 0x0012
    case gap = 0x0013
    case acknowledge = 0x0014
    case closeFlow = 0x0015
    case event = 0x0016
    case detection = 0x0017
    // Worker and camera
    case grant = 0x0020
    case work = 0x0021
    case result = 0x0022
    // Member and registry
    case join = 0x0030
    case beat = 0x0031
    case roster = 0x0032
    case policy = 0x0033
    case refused = 0x0034
    case camera = 0x0035
    case leave = 0x0036
    case statusRequest = 0x0037
    case status = 0x0038
    case assignment = 0x0039
    case recording = 0x003a
    case call = 0x003b
    // Viewer and gateway
    case hello = 0x0040
    case login = 0x0041
    case welcome = 0x0042
    case denied = 0x0043
    case cameras = 0x0044
    case watch = 0x0045
    case unwatch = 0x0046
    case follow = 0x0047
    // Gateway and archive, viewer and gateway
    case search = 0x0050
    case found = 0x0051
    case replay = 0x0052
    case protect = 0x0053
}
