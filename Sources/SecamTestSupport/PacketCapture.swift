import Synchronization

/// TCP packets in a capture file as Wireshark reads it (libpcap, raw IP), written without rights to capture.
package final class PacketCapture: Sendable {
    private struct State {
        /// A little-endian file of microseconds, with the link type LINKTYPE_RAW.
        var file: [UInt8] = [
            0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0,
        ]
        var packets: UInt32 = 0
        /// The next sequence number from one port to another.
        var sent: [Ports: UInt32] = [:]
    }

    private struct Ports: Hashable {
        let from: UInt16
        let to: UInt16
    }

    private static let largestPart = 60_000

    private let state = Mutex(State())

    package init() {}

    package var file: [UInt8] { state.withLock { $0.file } }

    /// Adds the next bytes of the connection between two ports of the host.
    package func add(_ bytes: [UInt8], from: UInt16, to: UInt16) {
        state.withLock { state in
            for start in stride(from: 0, to: bytes.count, by: Self.largestPart) {
                let part = bytes[start..<min(bytes.count, start + Self.largestPart)]
                let sequence = state.sent[Ports(from: from, to: to)] ?? 1
                let acknowledged = state.sent[Ports(from: to, to: from)] ?? 1
                state.sent[Ports(from: from, to: to)] = sequence &+ UInt32(part.count)
                let tcp = Self.tcp(from, to, sequence, acknowledged)
                let length = 20 + tcp.count + part.count
                state.packets += 1
                for number in [state.packets, 0, UInt32(length), UInt32(length)] {
                    state.file += (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
                }
                state.file += Self.ip(length) + tcp + part
            }
        }
    }

    private static func ip(_ length: Int) -> [UInt8] {
        [0x45, 0] + big(UInt16(length)) + [0, 0, 0, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]
    }

    private static func tcp(_ from: UInt16, _ to: UInt16, _ sequence: UInt32, _ acknowledged: UInt32) -> [UInt8] {
        // A header of five words, with the flags PSH and ACK.
        big(from) + big(to) + big(sequence) + big(acknowledged) + [0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]
    }

    private static func big<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        (0..<Value.bitWidth / 8).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
