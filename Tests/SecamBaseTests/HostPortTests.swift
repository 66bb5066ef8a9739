import SecamBase
import Testing

@Suite struct HostPortTests {
    @Test(arguments: [
        ("camera.example:7443", "camera.example", 7443), ("127.0.0.1:1", "127.0.0.1", 1), ("[::1]:65535", "::1", 65535),
        ("[fe80::1%eth0]:0", "fe80::1%eth0", 0),
    ])
    func `a host with a port is read, and written the same`(text: String, host: String, port: UInt16) throws {
        let address = try #require(HostPort(text))
        #expect(address == HostPort(host: host, port: port))
        #expect("\(address)" == text)
        #expect(HostPort(endpoint: "tcp://\(text)") == address)
        #expect(address.endpoint == "tcp://\(text)")
    }

    @Test(arguments: ["", "host", ":7443", "host:", "host:+1", "host:65536", "host:x", "::1:7443", "[host]:1", "[]:1"])
    func `other texts have no host and port`(text: String) {
        #expect(HostPort(text) == nil)
    }

    @Test(arguments: ["127.0.0.1:7443", "tcp://", "tcp://:7443", "tcp://host", "tcp://host:65536", "ipc://host:1"])
    func `other texts are no endpoints`(text: String) {
        #expect(HostPort(endpoint: text) == nil)
    }

    @Test func `an endpoint may have any port, and an address without brackets`() {
        #expect(HostPort(endpoint: "tcp://127.0.0.1:*") == HostPort(host: "127.0.0.1", port: 0))
        #expect(HostPort(endpoint: "tcp://::1:7444") == HostPort(host: "::1", port: 7444))
    }

    @Test(arguments: ["tcp://*:1", "tcp://0.0.0.0:1", "tcp://[::]:1"])
    func `a wildcard is reached at the loopback address`(endpoint: String) throws {
        let address = try #require(HostPort(endpoint: endpoint))
        #expect(address.isWildcard)
        #expect(address.onThisMachine == HostPort(host: "127.0.0.1", port: 1))
    }

    @Test func `an address is reached as it is`() {
        let address = HostPort(host: "::1", port: 1)
        #expect(!address.isWildcard && address.onThisMachine == address)
    }
}
