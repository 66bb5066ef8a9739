import CSDL

/// A texture in graphics memory for successive pictures of one size. It must not outlive its canvas.
@safe
final class VideoTexture {
    let width: Int
    let height: Int
    private let texture: OpaquePointer

    /// Returns `nil` when the renderer does not support pictures of this size.
    init?(on canvas: borrowing Canvas, width: Int, height: Int) {
        let made = unsafe canvas.withRenderer { renderer in
            unsafe SDL_CreateTexture(
                renderer, secam_SDL_PIXELFORMAT_IYUV, Int32(SDL_TEXTUREACCESS_STREAMING.rawValue), Int32(width),
                Int32(height))
        }
        guard let made = unsafe made else { return nil }
        self.width = width
        self.height = height
        unsafe texture = made
    }

    deinit {
        unsafe SDL_DestroyTexture(texture)
    }

    /// - Parameter picture: must have the texture's size.
    func update(_ picture: Picture) {
        precondition(picture.width == width && picture.height == height)
        let chromaWidth = (width + 1) / 2
        let chroma = chromaWidth * ((height + 1) / 2)
        let luma = width * height
        precondition(picture.bytes.count >= luma + 2 * chroma)
        unsafe picture.bytes.withUnsafeBufferPointer { bytes in
            guard let y = bytes.baseAddress else { return }
            unsafe SDL_UpdateYUVTexture(
                texture, nil, y, Int32(width), y + luma, Int32(chromaWidth), y + luma + chroma, Int32(chromaWidth))
        }
    }

    func withTexture(_ body: (OpaquePointer) -> Void) {
        unsafe body(texture)
    }
}
