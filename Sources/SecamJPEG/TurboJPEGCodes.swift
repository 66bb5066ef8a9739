import CTurboJPEG

extension JPEGPixels {
    /// As TJPF.
    var code: CInt {
        let code =
            switch self {
            case .gray: TJPF_GRAY
            case .rgb: TJPF_RGB
            case .rgba: TJPF_RGBA
            case .bgra: TJPF_BGRA
            }
        return CInt(code.rawValue)
    }
}

extension JPEGHeader.Chroma {
    init?(code: CInt) {
        guard let chroma = Self.allCases.first(where: { $0.code == code }) else { return nil }
        self = chroma
    }

    /// As TJSAMP.
    var code: CInt {
        let code =
            switch self {
            case .gray: TJSAMP_GRAY
            case .yuv444: TJSAMP_444
            case .yuv422: TJSAMP_422
            case .yuv440: TJSAMP_440
            case .yuv420: TJSAMP_420
            case .yuv411: TJSAMP_411
            }
        return CInt(code.rawValue)
    }

    /// Returns the size of plane 0 (luma), 1 or 2, as libturbojpeg reads and writes it. Even luma is rounded up to
    /// whole chroma samples, unlike in I420 elsewhere: 37x21 at 4:2:0 has 38x22.
    func planeSize(_ plane: CInt, width: Int, height: Int) -> (width: Int, height: Int) {
        if self == .gray, plane > 0 { return (0, 0) }
        return (Int(tjPlaneWidth(plane, CInt(width), code)), Int(tjPlaneHeight(plane, CInt(height), code)))
    }
}
