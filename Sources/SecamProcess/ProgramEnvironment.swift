import Glibc

/// The environment of the process.
package enum ProgramEnvironment {
    package static var variables: [String: String] {
        var variables: [String: String] = [:]
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let pair = unsafe String(cString: text)
            if let equals = pair.firstIndex(of: "=") {
                variables[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
            }
            unsafe entry += 1
        }
        return variables
    }

    /// Number of online processors.
    package static var processors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// A name that distinguishes processes with the same key.
    package static var instanceName: String { "\(hostName)-\(getpid())" }

    /// Returns the names for a self-signed certificate.
    ///
    /// - Parameter setting: names separated by commas; `nil` for this host's names.
    package static func certificateNames(_ setting: String?) -> [String] {
        (setting ?? "localhost,127.0.0.1,::1,\(hostName)").split(separator: ",").map(String.init)
    }

    /// The host's name up to its first dot, shortened to fit into a service's name.
    package static var hostName: String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&bytes, bytes.count - 1) == 0 else { return "host" }
        let text = String(decoding: bytes.prefix { $0 != 0 && $0 != 46 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return String(text.prefix(24))
    }
}
