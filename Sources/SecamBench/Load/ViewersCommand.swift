import ArgumentParser
import FoundationEssentials
import SecamBase
import SecamControl
import SecamProcess
import SecamTLS
import SecamWire

/// `secam bench viewers`: the viewers of a benchmark, in a process of their own so that what they cost is not counted.
///
/// Commands come on standard input, a line each: `grow N` adds viewers until there are N, `look` asks what was received
/// since the last one. Each is answered by a line: a `LoadReport`. The end of the input is the end of the program.
struct ViewersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "viewers", abstract: "Many viewers in one process, for other benchmarks.", shouldDisplay: false)

    @Option(help: "Where they connect to.")
    var host: String
    @Option(help: "The port there.")
    var port: Int
    @Option(help: "Of the gateway's certificate.")
    var fingerprint: String?
    @Option(help: "Who logs in, with the password in SECAM_PASSWORD.")
    var username = "admin"
    @Option(name: .customLong("camera"), help: "What to watch; of several each viewer takes the next.")
    var cameras: [String] = []
    @Option(help: "Read a multipart stream at this path over HTTP instead.")
    var http: String?
    @Flag(help: "The first viewer reads the numbers in its pictures.")
    var stamps = false

    func run() throws {
        do {
            let load = ViewerLoad(host: host, port: port, server: try server(), readsStamps: stamps)
            while let line = readLine() {
                let words = line.split(separator: " ")
                if words.first == "grow", words.count == 2, let count = Int(words[1]), (0...2000).contains(count) {
                    try load.grow(to: count)
                } else if words != ["look"] {
                    throw CommandError("'\(line)' is no command; expected 'grow N' or 'look'")
                }
                let answer = try JSONEncoder().encode(load.look())
                StandardOutput.print(String(decoding: answer, as: UTF8.self) + "\n")
            }
        } catch {
            ServiceProcess.fail("secam bench viewers", "\(error)", .software)
        }
    }

    private func server() throws -> ViewerLoad.Server {
        if let http { return .http(path: http) }
        guard let fingerprint, !cameras.isEmpty else {
            throw CommandError("--fingerprint and --camera are needed, or --http")
        }
        let context = try TLSContext.client(
            trust: .fingerprint(try CertificateFingerprint(fingerprint)), serverName: host,
            applicationProtocols: ["secam/1"])
        let password = ProgramEnvironment.variables["SECAM_PASSWORD"] ?? ""
        return .gateway(
            context,
            try cameras.map {
                LoadViewer.Account(username: username, password: password, camera: try CameraName.check($0))
            })
    }
}
