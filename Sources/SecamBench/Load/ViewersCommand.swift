import ArgumentParser
import FoundationEssentials
import SecamBase
import SecamControl
import SecamProcess
import SecamTLS
import SecamWire

/// `secam bench viewers`: the viewers of a benchmark, in their own process, which keeps their cost out of the results.
///
/// It reads commands from standard input, one a line: `grow N` adds viewers until there are N; `report` does nothing else.
/// It answers each command with one line, a `LoadReport` of the frames since the last command. It ends with its input.
struct ViewersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "viewers", abstract: "Run many viewers in one process, for other benchmarks.", shouldDisplay: false
    )

    @Option(help: "Server's host.")
    var host: String
    @Option(help: "Server's port.")
    var port: Int
    @Option(help: "SHA-256 fingerprint of the gateway's certificate.")
    var fingerprint: String?
    @Option(help: "User name; the password is in SECAM_PASSWORD.")
    var username = "admin"
    @Option(
        name: .customLong("camera"),
        help: "Camera to watch; with several, each viewer watches the next one. Repeatable.")
    var cameras: [String] = []
    @Option(help: "Path of a multipart stream over HTTP, of another camera server.")
    var http: String?
    @Flag(help: "Connect as browsers do, over WebSockets.")
    var web = false
    @Flag(help: "Read the numbers in the first viewer's pictures.")
    var stamps = false

    func run() throws {
        do {
            let load = ViewerLoad(host: host, port: port, server: try server(), readsStamps: stamps)
            while let line = readLine() {
                let words = line.split(separator: " ")
                if words.first == "grow", words.count == 2, let count = Int(words[1]), (0...2000).contains(count) {
                    try load.grow(to: count)
                } else if words != ["report"] {
                    throw CommandError("unknown command '\(line)'; expected 'grow N' or 'report'")
                }
                let answer = try JSONEncoder().encode(load.report())
                StandardOutput.print(String(decoding: answer, as: UTF8.self) + "\n")
            }
        } catch {
            ServiceProcess.fail("secam bench viewers", "\(error)", .software)
        }
    }

    private func server() throws -> ViewerLoad.Server {
        if let http { return .http(path: http) }
        guard let fingerprint, !cameras.isEmpty else {
            throw CommandError("give --fingerprint and --camera, or --http")
        }
        let context = try TLSContext.client(
            trust: .fingerprint(try CertificateFingerprint(fingerprint)), serverName: host,
            applicationProtocols: [web ? "http/1.1" : Hello.applicationProtocol])
        let password = ProgramEnvironment.variables["SECAM_PASSWORD"] ?? ""
        let accounts = try cameras.map {
            LoadViewer.Account(username: username, password: password, camera: try CameraName.check($0))
        }
        guard web else { return .gateway(context, accounts) }
        return .web(
            context, WebLogin(authority: "\(host):\(port)", username: username, password: password), accounts)
    }
}
