import Glibc

/// The network that limits apply to: an IPv4 address, or the first 64 bits of an IPv6 address, since one host can own
/// all addresses behind them.
package enum SourceNetwork {
    /// - Parameter address: an IP address; any other text is returned unchanged.
    package static func of(_ address: String) -> String {
        let mapped = "::ffff:"
        if address.hasPrefix(mapped), address.contains(".") { return String(address.dropFirst(mapped.count)) }
        var bytes = in6_addr()
        let plain = String(address.prefix { $0 != "%" })
        guard address.contains(":"), unsafe inet_pton(AF_INET6, plain, &bytes) == 1 else { return address }
        unsafe withUnsafeMutableBytes(of: &bytes) { bytes in
            for index in 8..<16 { unsafe bytes[index] = 0 }
        }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard unsafe inet_ntop(AF_INET6, &bytes, &text, socklen_t(text.count)) != nil else { return address }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) + "/64"
    }
}
