import ArgumentParser
import SecamEncode

@main
enum Main {
    static func main() async {
        await EncodeProgram.main()
    }
}
