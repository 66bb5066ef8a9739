import Glibc
import SecamWire

/// The terminal that the program was started on, wherever its standard streams go.
@safe
struct Terminal: ~Copyable {
    private static let path = "/dev/tty"
    private let descriptor: Int32

    /// Nil without a terminal.
    init?() {
        descriptor = unsafe open(Self.path, O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { return nil }
    }

    deinit {
        close(descriptor)
    }

    func show(_ text: String) throws(ClientError) {
        try FileIO.writeAll(text.utf8, to: descriptor, path: Self.path)
    }

    /// What is typed up to Enter; nil when the terminal ends first.
    func line() throws(ClientError) -> String? {
        var bytes: [UInt8] = []
        while let byte = try readByte() {
            if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
            guard bytes.count < Self.lineLimit else { break }
            bytes.append(byte)
        }
        return nil
    }

    /// Asks without showing what is typed. The keys that end programs are read as keys meanwhile, so that none of them
    /// leaves behind a terminal that shows nothing.
    func secret(_ prompt: String) throws(ClientError) -> Secret {
        var saved = termios()
        guard unsafe tcgetattr(descriptor, &saved) == 0 else { throw .noPassword }
        var silent = saved
        silent.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
        // First, so that nothing typed at the prompt is shown or taken for a signal.
        unsafe tcsetattr(descriptor, TCSAFLUSH, &silent)
        defer {
            unsafe tcsetattr(descriptor, TCSAFLUSH, &saved)
            try? show("\n")
        }
        try show(prompt)
        var typed = SecretLine()
        while let byte = try readByte() {
            switch typed.press(byte) {
            case .more: continue
            case .done(let text): return text
            case .cancelled: throw .passwordPromptCancelled
            }
        }
        throw .passwordPromptCancelled
    }

    private static let lineLimit = 4096

    private func readByte() throws(ClientError) -> UInt8? {
        var byte: UInt8 = 0
        while true {
            let count = unsafe read(descriptor, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .file(path: Self.path, operation: "read", reason: FileIO.reason()) }
            return count == 1 ? byte : nil
        }
    }
}

/// A line that is typed key by key.
struct SecretLine {
    enum Outcome: Equatable {
        case more
        case done(Secret)
        case cancelled
    }

    private static let limit = 4096
    private var bytes: [UInt8] = []

    init() {
        // At once, so that no array that grew is left behind.
        bytes.reserveCapacity(Self.limit)
    }

    mutating func press(_ key: UInt8) -> Outcome {
        switch key {
        case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
            defer { Secret.erase(&bytes) }
            return .done(Secret(bytes.span))
        case 3, 4, 28:  // Ctrl-C, Ctrl-D, Ctrl-\
            Secret.erase(&bytes)
            return .cancelled
        case 8, 127:  // Backspace: the bytes of one character
            while let last = bytes.popLast(), last & 0xC0 == 0x80 {}
        case 21:  // Ctrl-U
            bytes.removeAll(keepingCapacity: true)
        default:
            if bytes.count < Self.limit { bytes.append(key) }
        }
        return .more
    }
}
