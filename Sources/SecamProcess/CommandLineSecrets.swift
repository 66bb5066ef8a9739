import Glibc

/// Secrets in the arguments of this process, which every user of the machine can read.
package enum CommandLineSecrets {
    /// Overwrites arguments that equal the secret or end with `=` and the secret.
    ///
    /// Other users may have read them between the start of the process and this call.
    ///
    /// - Returns: whether an argument was overwritten.
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
