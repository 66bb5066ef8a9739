import ArgumentParser
import SecamMotion

@main
enum Main {
    static func main() async {
        await MotionProgram.main()
    }
}
