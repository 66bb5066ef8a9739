import CAVFormat

/// A filter that adds the standard Huffman tables to JPEGs that lack them (AVI's MJPEG), so that any decoder can decode
/// them.
@safe final class HuffmanTables {
    private var filter: UnsafeMutablePointer<AVBSFContext>?

    init(_ input: MediaInput) throws(MediaError) {
        let code = unsafe av_bsf_alloc(av_bsf_get_by_name("mjpeg2jpeg"), &filter)
        let isReady = unsafe input.withParameters { parameters, _ in
            unsafe code == 0 && avcodec_parameters_copy(filter?.pointee.par_in, parameters) >= 0
                && av_bsf_init(filter) == 0
        }
        guard isReady == true else {
            throw .unsupportedCodec(source: input.source.name, codec: "MJPEG without Huffman tables")
        }
    }

    deinit {
        unsafe av_bsf_free(&filter)
    }

    /// Adds the tables to a packet.
    ///
    /// - Returns: whether the packet now holds a complete JPEG.
    func complete(_ packet: UnsafeMutablePointer<AVPacket>) -> Bool {
        unsafe av_bsf_send_packet(filter, packet) == 0 && av_bsf_receive_packet(filter, packet) == 0
    }
}
