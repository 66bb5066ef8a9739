import ArgumentParser
import SecamCapture

@main
enum Main {
    static func main() async {
        await CaptureProgram.main()
    }
}
