internal import Glibc

/// The network that a connection comes from, as far as it counts as one place: an IPv4 address, or the first 64 bits of an
/// IPv6 address, since one host can have all addresses behind them.
enum SourceNetwork {
    /// - Parameter address: an IP address as text; another text stands for itself.
    static func of(_ address: String) -> String {
        let mapped = "::ffff:"
        if address.hasPrefix(mapped), address.contains(".") { return String(address.dropFirst(mapped.count)) }
        var bytes = in6_addr()
        let plain = String(address.prefix { $0 != "%" })
        guard address.contains(":"), unsafe inet_pton(AF_INET6, plain, &bytes) == 1 else { return address }
        return unsafe withUnsafeBytes(of: &bytes) { unsafe hexadecimal(Array($0.prefix(8))) } + "/64"
    }
}
