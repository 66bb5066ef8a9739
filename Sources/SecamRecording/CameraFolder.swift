import SecamWire

/// The folder of a camera's recordings, whose name is safe on every file system: FAT and exFAT take no `:` or `?`, and like
/// others of their kind hold `Door` and `door` for the same.
///
/// Lower-case letters, digits, `_`, `-` and `.` stand for themselves. An upper-case letter is `+` and the letter in lower
/// case; every other byte of the name's UTF-8 is `%` and two hexadecimal digits in lower case. So are a `.` at the end and
/// the first letter of a name that DOS keeps for a device (`con`, `lpt1`). Different cameras have different folders, also
/// where case is folded: a name of at most 64 bytes becomes one of at most 192.
enum CameraFolder {
    static func name(of camera: Name) -> String {
        let bytes = Array(camera.text.utf8)
        var name = ""
        for (offset, byte) in bytes.enumerated() {
            let isAtRisk = offset == 0 && isDevice(bytes) || offset == bytes.count - 1 && byte == UInt8(ascii: ".")
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): name += "+" + String(Character(Unicode.Scalar(byte | 0x20)))
            case _ where isSafe(byte) && !isAtRisk: name.unicodeScalars.append(Unicode.Scalar(byte))
            default: name += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return name
    }

    /// The folders in which recordings of a camera may be: this one, and the one of earlier versions, which had the camera's
    /// name as it is.
    static func names(of camera: Name) -> [String] {
        let name = name(of: camera)
        return name == camera.text ? [name] : [name, camera.text]
    }

    /// Whether a folder is one of `names(of:)`, on a disk that may have folded the case of the earlier one.
    static func isFolder(_ folder: some StringProtocol, of camera: Name) -> Bool {
        name(of: camera).utf8.elementsEqual(folder.utf8) || folder.lowercased() == camera.text.lowercased()
    }

    private static func isSafe(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "_-.".utf8.contains(byte)
        }
    }

    /// Whether what is before the first dot is a device of DOS.
    private static func isDevice(_ name: [UInt8]) -> Bool {
        let stem = String(decoding: name.prefix { $0 != UInt8(ascii: ".") }, as: UTF8.self)
        if ["con", "prn", "aux", "nul"].contains(stem) { return true }
        return stem.utf8.count == 4 && (stem.hasPrefix("com") || stem.hasPrefix("lpt"))
            && ("0"..."9").contains(stem.last!)
    }
}
