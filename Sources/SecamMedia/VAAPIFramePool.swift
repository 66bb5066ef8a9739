import CAVFormat

/// A pool of pictures in the memory of a graphics processor, for encoders that read only from there (VA-API: Intel,
/// AMD).
@safe final class VAAPIFramePool {
    /// Size of the pool, a few more than an encoder holds at once.
    private static let pictureCount: Int32 = 16

    private var device: UnsafeMutablePointer<AVBufferRef>?
    private var frames: UnsafeMutablePointer<AVBufferRef>?
    /// The picture to upload, in the layout that all these processors support.
    private var staged: UnsafeMutablePointer<AVFrame>?
    private var scaler: OpaquePointer?
    private var uploaded: UnsafeMutablePointer<AVFrame>?

    /// Creates a pool on the first graphics processor that works; `nil` if there is none.
    ///
    /// - Parameter width: pixels, even; so is the height.
    init?(width: Int32, height: Int32) {
        unsafe staged = av_frame_alloc()
        unsafe uploaded = av_frame_alloc()
        guard let staged = unsafe staged, unsafe uploaded != nil,
            unsafe av_hwdevice_ctx_create(&device, AV_HWDEVICE_TYPE_VAAPI, nil, nil, 0) == 0
        else { return nil }
        unsafe frames = av_hwframe_ctx_alloc(device)
        guard let data = unsafe frames?.pointee.data else { return nil }
        let pool = unsafe UnsafeMutableRawPointer(data).assumingMemoryBound(to: AVHWFramesContext.self)
        unsafe pool.pointee.format = AV_PIX_FMT_VAAPI
        unsafe pool.pointee.sw_format = AV_PIX_FMT_NV12
        unsafe pool.pointee.width = width
        unsafe pool.pointee.height = height
        unsafe pool.pointee.initial_pool_size = Self.pictureCount
        unsafe staged.pointee.format = AV_PIX_FMT_NV12.rawValue
        unsafe staged.pointee.width = width
        unsafe staged.pointee.height = height
        // The conversion only reorders the samples.
        unsafe scaler = sws_getContext(
            width, height, AV_PIX_FMT_YUV420P, width, height, AV_PIX_FMT_NV12, Int32(SWS_POINT), nil, nil, nil)
        guard unsafe av_hwframe_ctx_init(frames) == 0, unsafe av_frame_get_buffer(staged, 0) == 0,
            unsafe scaler != nil
        else { return nil }
    }

    deinit {
        unsafe sws_freeContext(scaler)
        unsafe av_frame_free(&uploaded)
        unsafe av_frame_free(&staged)
        unsafe av_buffer_unref(&frames)
        unsafe av_buffer_unref(&device)
    }

    /// Makes an encoder that is not yet open read its pictures from this pool.
    func attach(to context: UnsafeMutablePointer<AVCodecContext>) {
        unsafe context.pointee.pix_fmt = AV_PIX_FMT_VAAPI
        unsafe context.pointee.hw_frames_ctx = av_buffer_ref(frames)
    }

    /// Uploads a picture.
    ///
    /// - Parameter picture: planar 4:2:0, of the pool's size.
    /// - Returns: 0 and the uploaded picture, valid until the next call; or libav's error code.
    func upload(_ picture: UnsafeMutablePointer<AVFrame>) -> (code: Int32, UnsafeMutablePointer<AVFrame>?) {
        unsafe av_frame_unref(uploaded)
        var code = unsafe secam_av_convert(scaler, picture, staged)
        if code >= 0 { code = unsafe av_hwframe_get_buffer(frames, uploaded, 0) }
        if code >= 0 { code = unsafe av_hwframe_transfer_data(uploaded, staged, 0) }
        if code >= 0 { code = unsafe av_frame_copy_props(uploaded, picture) }
        return unsafe (min(code, 0), uploaded)
    }
}
