import CTurboJPEG

/// A libturbojpeg instance with one owner. Every call and the reading of its error happen in one function, since the
/// next call overwrites the error.
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

    /// How a call ended.
    enum Outcome {
        case success
        /// The data was damaged. There may be a result; see ``TurboJPEG/decode(clearing:_:)``.
        case warning(String)
        case failure(String)
    }

    /// Makes one call, which must return libturbojpeg's usual 0 or -1.
    mutating func call(_ body: (tjhandle) -> CInt) -> Outcome {
        if unsafe body(handle) == 0 { return .success }
        let reason = unsafe String(cString: tjGetErrorStr2(handle))
        let isWarning = unsafe tjGetErrorCode(handle) == CInt(TJERR_WARNING.rawValue)
        renew()
        return isWarning ? .warning(reason) : .failure(reason)
    }

    /// Makes one decoding call; `clear` empties what it writes to.
    ///
    /// libturbojpeg reports an error that followed a warning as a warning, too, and then has left part of the output
    /// as it was, which may be another camera's picture. So damaged images, which are rare, are decoded once more onto
    /// cleared memory.
    mutating func decode(clearing clear: () -> Void, _ body: (tjhandle) -> CInt) -> Outcome {
        let outcome = unsafe call(body)
        guard case .warning = outcome else { return outcome }
        clear()
        return unsafe call(body)
    }

    /// An error while a header is read leaves the instance in the middle of that header, and it then reads every later
    /// image as the rest of it (2.1): one bad image would spoil all that follow. A new instance costs microseconds.
    private mutating func renew() {
        guard let fresh = unsafe create() else { return }
        unsafe tjDestroy(handle)
        unsafe handle = fresh
    }
}
