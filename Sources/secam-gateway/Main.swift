import ArgumentParser
import SecamGateway

@main
enum Main {
    static func main() async {
        await GatewayProgram.main()
    }
}
