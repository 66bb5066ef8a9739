import ArgumentParser
import SecamConfig
import SecamControl

@main
enum Main {
    static func main() async {
        ProcessProtection.start()
        await SecamProgram.main()
    }
}
