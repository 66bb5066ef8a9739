import ArgumentParser
import SecamClient
import SecamProcess

@main
enum SecamViewMain {
    static func main() {
        ProcessProtection.start()
        SecamView.main()
    }
}
