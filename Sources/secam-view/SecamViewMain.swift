import ArgumentParser
import SecamClient

@main
enum SecamViewMain {
    static func main() {
        SecamView.main()
    }
}
