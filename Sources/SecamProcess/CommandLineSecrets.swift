import Glibc

/// Secrets among the arguments of this process, which every user of the machine can read while it runs.
package enum CommandLineSecrets {
    /// Overwrites arguments that are this text, or end with `=` and this text, where the kernel shows them.
    ///
    /// Other users may have read them before: they are visible from the start of the process to this call.
    ///
    /// - Returns: whether there was one.
    @discardableResult
    package static func erase(_ secret: String) -> Bool {
        let secret = Array(secret.utf8)
        guard !secret.isEmpty else { return false }
        var wasFound = false
        // The first argument is the program's name.
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let argument = unsafe CommandLine.unsafeArgv[index] else { continue }
            let text = unsafe UnsafeMutableRawBufferPointer(start: argument, count: strlen(argument))
            let start = text.count - secret.count
            guard start >= 0, unsafe text[start...].elementsEqual(secret) else { continue }
            guard unsafe start == 0 || text[start - 1] == UInt8(ascii: "=") else { continue }
            for position in start..<text.count { unsafe text[position] = UInt8(ascii: "*") }
            wasFound = true
        }
        return wasFound
    }
}
