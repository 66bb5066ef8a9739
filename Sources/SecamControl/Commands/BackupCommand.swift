import ArgumentParser
import Glibc
import SecamBase
import SecamCrypto
import SecamMesh
import SecamProcess
import SecamRegistry

/// The password of a backup.
struct BackupPassword: ParsableArguments {
    @Option(
        help: """
            File with the backup's password in its first line. (SECAM_BACKUP_PASSWORD, the password itself; default: ask)
            """)
    var passwordFile: String?

    /// Returns the password from the file or the environment; `nil` when the command must ask for it.
    func given() throws -> String? {
        if let passwordFile {
            return String(try SecretFile.read(passwordFile).prefix { !$0.isNewline })
        }
        return ProgramEnvironment.variables["SECAM_BACKUP_PASSWORD"]
    }

    static func check(_ password: String) throws(CommandError) -> String {
        guard (1...PasswordHash.maximumPasswordBytes).contains(password.utf8.count) else {
            throw CommandError(
                "the backup's password has \(password.utf8.count) bytes; expected 1 to \(PasswordHash.maximumPasswordBytes)",
                .data)
        }
        return password
    }
}

/// `secam backup`: keys, certificate, users and policy in one encrypted file.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Write keys, certificate, users and policy to an encrypted file.",
        discussion: "Services may run meanwhile. The backup contains no recordings.")

    @OptionGroup var data: DataOption
    @OptionGroup var password: BackupPassword
    @Argument(help: "File to write; - for standard output.") var file: String

    func run() async throws {
        await reportingErrors {
            let folder = try data.existingFolder()
            let password = try BackupPassword.check(
                try password.given() ?? PasswordPrompt.askForNew(alternative: "--password-file"))
            let contents = try BackupContents(of: folder)
            let sealed = try PasswordSeal.seal(contents.bytes, magic: BackupContents.magic, password: password)
            guard file != "-" else {
                do throws(SystemError) { return try StandardOutput.write(sealed) } catch {
                    throw CommandError("standard output: \(error)", .inputOutput)
                }
            }
            guard unsafe access(file, F_OK) != 0 else {
                throw CommandError("\(file) exists; choose another name, or remove it first", .cannotCreate)
            }
            try SecretFile.write(sealed, to: file)
        }
    }
}

/// `secam restore`: restores a backup.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Restore keys, certificate, users and policy from a backup.",
        discussion: "Stop the services first.")

    @OptionGroup var data: DataOption
    @OptionGroup var password: BackupPassword
    @Flag(help: "Replace existing keys and users in the data folder.") var replace = false
    @Argument(help: "File to read; - for standard input.") var file: String

    func run() async throws {
        await reportingErrors {
            let folder = data.folder
            guard replace || !folder.exists else {
                throw CommandError("\(folder.path) has keys or users; replace them with --replace", .cannotCreate)
            }
            let sealed =
                file == "-"
                ? try StandardInput.contents(limit: BackupContents.limit)
                : try SecretFile.readBytes(file, limit: BackupContents.limit, isSealed: true)
            let password = try BackupPassword.check(
                try password.given() ?? PasswordPrompt.askForExisting(alternative: "--password-file"))
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
