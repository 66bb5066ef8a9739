import ArgumentParser
import SecamControl

@main
enum Main {
    static func main() async {
        await SecamProgram.main()
    }
}
