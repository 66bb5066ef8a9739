import CTurboJPEG

/// A libturbojpeg instance with one owner. A call and the reading of its error happen in one function, because the next
/// call overwrites the error.
@safe struct TurboJPEG: ~Copyable, @unchecked Sendable {
    private let create: () -> tjhandle?
    private var handle: tjhandle

    init(compressing: Bool) throws(JPEGError) {
        unsafe create = compressing ? { unsafe tjInitCompress() } : { unsafe tjInitDecompress() }
        guard let handle = unsafe create() else { throw .outOfMemory }
        unsafe self.handle = handle
    }

    deinit {
        unsafe tjDestroy(handle)
    }

    /// The outcome of a call.
    enum Outcome {
        case success
        /// The data were damaged. There may be a result; see ``TurboJPEG/decode(clearing:_:)``.
        case warning(String)
        case failure(String)
    }

    /// Makes a call, which must return libturbojpeg's 0 or -1.
    mutating func call(_ body: (tjhandle) -> CInt) -> Outcome {
        if unsafe body(handle) == 0 { return .success }
        let reason = unsafe String(cString: tjGetErrorStr2(handle))
        let isWarning = unsafe tjGetErrorCode(handle) == CInt(TJERR_WARNING.rawValue)
        renew()
        return isWarning ? .warning(reason) : .failure(reason)
    }

    /// Makes a decoding call; `clear` clears its output.
    ///
    /// libturbojpeg reports an error after a warning as a warning too, and leaves part of the output unchanged, which
    /// may be another camera's picture. Therefore damaged images, which are rare, are decoded again into cleared
    /// memory.
    mutating func decode(clearing clear: () -> Void, _ body: (tjhandle) -> CInt) -> Outcome {
        let outcome = unsafe call(body)
        guard case .warning = outcome else { return outcome }
        clear()
        return unsafe call(body)
    }

    /// Replaces the instance after an error. An error while reading a header leaves it in the middle of that header, so
    /// it would read every later image as the rest of it (2.1). A new instance costs microseconds.
    private mutating func renew() {
        guard let fresh = unsafe create() else { return }
        unsafe tjDestroy(handle)
        unsafe handle = fresh
    }
}
