import Glibc
import SecamBase
package import SecamWire

/// The terminal that the program was started on, wherever its standard streams go.
@safe
package struct Terminal: ~Copyable {
    package enum Failure: Error, Equatable, Sendable {
        /// The user left the prompt with Ctrl-C, Ctrl-D or Ctrl-\, or the terminal was closed.
        case cancelled
        case inputOutput(operation: String, reason: String)
    }

    package static let path = "/dev/tty"
    /// Bytes of a line that is typed.
    fileprivate static let lineLimit = 4096

    private let descriptor: Int32

    /// Returns `nil` where there is no terminal.
    package init?() {
        descriptor = unsafe open(Self.path, O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { return nil }
    }

    deinit {
        close(descriptor)
    }

    package func show(_ text: String) throws(Failure) {
        let bytes = Array(text.utf8)
        var offset = 0
        while offset < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure("write") }
            offset += count
        }
    }

    /// Reads what the user types up to Enter; `nil` when the terminal is closed first.
    package func readLine() throws(Failure) -> String? {
        var bytes: [UInt8] = []
        while let byte = try readByte() {
            if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
            guard bytes.count < Self.lineLimit else { break }
            bytes.append(byte)
        }
        return nil
    }

    /// Shows a prompt, and reads a line without showing it.
    ///
    /// Ctrl-C, Ctrl-\ and Ctrl-Z raise no signal meanwhile: a program that a signal ends or stops here would leave the
    /// terminal without echo.
    package func readSecret(_ prompt: String) throws(Failure) -> Secret {
        var saved = termios()
        guard unsafe tcgetattr(descriptor, &saved) == 0 else { throw Self.failure("read") }
        var silent = saved
        silent.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
        // Before the prompt, so that no key typed at it is shown or raises a signal.
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
            case .cancelled: throw .cancelled
            }
        }
        throw .cancelled
    }

    private func readByte() throws(Failure) -> UInt8? {
        var byte: UInt8 = 0
        while true {
            let count = unsafe read(descriptor, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Self.failure("read") }
            return count == 1 ? byte : nil
        }
    }

    private static func failure(_ operation: String) -> Failure {
        .inputOutput(operation: operation, reason: "\(SystemError.last)")
    }
}

/// A line of secret text that a user types key by key.
package struct SecretLine {
    package enum Outcome: Equatable {
        case more
        case done(Secret)
        case cancelled
    }

    private var bytes: [UInt8] = []

    package init() {
        // An array that grows would leave copies of the secret in freed memory.
        bytes.reserveCapacity(Terminal.lineLimit)
    }

    package mutating func press(_ key: UInt8) -> Outcome {
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
            if bytes.count < Terminal.lineLimit { bytes.append(key) }
        }
        return .more
    }
}
