import ArgumentParser
import SecamBase
import SecamBench
import SecamControl
import SecamMesh
import SecamProcess

@main
enum Main {
    static func main() async {
        ProcessProtection.start()
        await Secam.main()
    }
}

struct Secam: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "secam", abstract: "Run a secure camera system and manage it.", version: softwareVersion,
        subcommands: SecamCommands.all + [BenchCommand.self])
}
