import ArgumentParser
import SecamClient
import SecamConfig

@main
enum SecamViewMain {
    static func main() {
        ProcessProtection.start()
        SecamView.main()
    }
}
