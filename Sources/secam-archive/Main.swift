import ArgumentParser
import SecamArchive

@main
enum Main {
    static func main() async {
        await ArchiveProgram.main()
    }
}
