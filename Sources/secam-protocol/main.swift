import Foundation
import SecamProtocol

// Generates tables, grammar, Swift messages, JavaScript codec and dissector from proto-spec/schema.json.
// With --check, changes nothing, and fails when a file differs.

let isCheck = CommandLine.arguments.dropFirst() == ["--check"]
guard isCheck || CommandLine.arguments.count == 1 else {
    FileHandle.standardError.write(Data("usage: swift run secam-protocol [--check]\n".utf8))
    exit(64)
}
do {
    let root = URL(filePath: FileManager.default.currentDirectoryPath)
    let generator = try Generator(root: root)
    let paths = try isCheck ? generator.differences() : generator.write()
    for path in paths { print(isCheck ? "differs: \(path)" : "written: \(path)") }
    if isCheck, !paths.isEmpty {
        FileHandle.standardError.write(Data("Run `swift run secam-protocol` and commit what it writes.\n".utf8))
        exit(1)
    }
} catch {
    FileHandle.standardError.write(Data("secam-protocol: \(error)\n".utf8))
    exit(65)
}
