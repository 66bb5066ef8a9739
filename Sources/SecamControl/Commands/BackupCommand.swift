import ArgumentParser
import Glibc
import SecamBase
import SecamCrypto
import SecamMesh
import SecamProcess
import SecamRegistry

/// Where the password of a backup comes from.
struct BackupPassword: ParsableArguments {
    @Option(help: "File whose first line is the backup's password. (SECAM_BACKUP_PASSWORD; default: asked for)")
    var passwordFile: String?

    /// The password that was given; `nil` when it is to be asked for.
    func given() throws -> String? {
        if let passwordFile {
            return String(try SecretFile.read(passwordFile).prefix { !$0.isNewline })
        }
        return ProgramEnvironment.variables["SECAM_BACKUP_PASSWORD"]
    }

    static func check(_ password: String) throws(CommandError) -> String {
        guard (1...PasswordHash.maximumPasswordBytes).contains(password.utf8.count) else {
            throw CommandError(
                "the backup's password must have 1 to \(PasswordHash.maximumPasswordBytes) bytes", .data)
        }
        return password
    }
}

/// `secam backup`: keys, certificate, users and policy in one encrypted file.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Write keys, certificate, users and policy to an encrypted file.",
        discussion: "Services may run meanwhile. Recordings are not included.")

    @OptionGroup var data: DataOption
    @OptionGroup var password: BackupPassword
    @Argument(help: "File to write; - for standard output.") var file: String

    func run() async throws {
        await reportingErrors {
            let folder = try data.existingFolder()
            let password = try BackupPassword.check(
                try password.given() ?? PasswordPrompt.new(alternative: "--password-file"))
            let contents = try BackupContents(of: folder)
            let sealed = try PasswordSeal.seal(contents.bytes, magic: BackupContents.magic, password: password)
            guard file != "-" else { return try StandardOutput.write(sealed) }
            guard unsafe access(file, F_OK) != 0 else {
                throw CommandError("\(file) exists; a backup replaces no file", .cannotCreate)
            }
            try SecretFile.write(sealed, to: file)
        }
    }
}

/// `secam restore`: the way back from a backup.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Restore keys, certificate, users and policy from a backup.",
        discussion: "Stop the services before you replace their keys and users.")

    @OptionGroup var data: DataOption
    @OptionGroup var password: BackupPassword
    @Flag(help: "Replace the keys and users that the folder holds.") var replace = false
    @Argument(help: "File to read; - for standard input.") var file: String

    func run() async throws {
        await reportingErrors {
            let folder = data.folder
            guard replace || !folder.exists else {
                throw CommandError("\(folder.path) holds keys or users; --replace replaces them", .cannotCreate)
            }
            let sealed =
                file == "-"
                ? try StandardInput.readAll(limit: BackupContents.limit)
                : try SecretFile.readBytes(file, limit: BackupContents.limit, isSealed: true)
            let password = try BackupPassword.check(
                try password.given() ?? PasswordPrompt.existing(alternative: "--password-file"))
            let contents = try BackupContents(parsing: try open(sealed, password))
            try folder.make()
            let lock = try FolderLock(folder)
            try contents.write(to: folder)
            lock.release()
            StandardOutput.print("restored \(contents.files.count) files to \(folder.path)\n")
        }
    }

    private func open(_ sealed: [UInt8], _ password: String) throws -> [UInt8] {
        do throws(PasswordSeal.Failure) {
            return try PasswordSeal.open(sealed, magic: BackupContents.magic, password: password)
        } catch {
            switch error {
            case .malformed: throw CommandError("\(file) is not a backup of this version of secam", .data)
            case .wrongPassword: throw CommandError("\(file): wrong password, or the file is damaged", .noPermission)
            case .library(let reason): throw CommandError("\(file): \(reason)", .software)
            }
        }
    }
}
