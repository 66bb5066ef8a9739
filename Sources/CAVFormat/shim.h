#pragma once

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
#include <libavutil/avstring.h>
#include <libavutil/dict.h>
#include <libavutil/display.h>
#include <libavutil/error.h>
#include <libavutil/hwcontext.h>
#include <libavutil/imgutils.h>
#include <libavutil/log.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

// Swift does not import these macros, because they are casts.
static const int64_t secam_av_no_timestamp = AV_NOPTS_VALUE;
static const int secam_averror_eof = AVERROR_EOF;
static const int secam_averror_exit = AVERROR_EXIT;
static const int secam_averror_invalid_data = AVERROR_INVALIDDATA;
static const int secam_averror_again = AVERROR(EAGAIN);
static const int secam_averror_no_memory = AVERROR(ENOMEM);
static const int secam_averror_no_protocol = AVERROR_PROTOCOL_NOT_FOUND;
static const int secam_averror_no_stream = AVERROR_STREAM_NOT_FOUND;
static const int secam_averror_no_decoder = AVERROR_DECODER_NOT_FOUND;
static const int secam_averror_unauthorized = AVERROR_HTTP_UNAUTHORIZED;
static const int secam_averror_forbidden = AVERROR_HTTP_FORBIDDEN;
static const int secam_averror_not_found = AVERROR_HTTP_NOT_FOUND;
static const int secam_averror_io = AVERROR(EIO);
static const int secam_averror_no_transport = AVERROR(EPROTONOSUPPORT);

static inline const char *secam_av_error_text(int code, char *text, size_t capacity) {
    av_strerror(code, text, capacity);
    return text;
}

// These functions exist because Swift imports the C arrays of a frame's planes and strides as tuples.

/// Converts `from` into `to`, whose size, format and buffers must be set. Returns 0, or a negative errno.
static inline int secam_av_convert(struct SwsContext *context, const AVFrame *from, AVFrame *to) {
    int rows = sws_scale(context, (const uint8_t *const *)from->data, from->linesize, 0, from->height,
                         to->data, to->linesize);
    return rows < 0 ? rows : 0;
}

/// Copies the picture without padding between rows and planes. Returns the number of bytes, or a negative errno.
static inline int secam_av_pack(const AVFrame *frame, uint8_t *bytes, int capacity) {
    return av_image_copy_to_buffer(bytes, capacity, (const uint8_t *const *)frame->data, frame->linesize,
                                   (enum AVPixelFormat)frame->format, frame->width, frame->height, 1);
}

/// Copies a picture in planar 4:2:0 as above, turned: the pixel at (x, y) goes to (a x + c y, b x + d y), shifted to
/// positive coordinates. Each of a, b, c and d is -1, 0 or 1. Returns 0, or a negative errno.
static inline int secam_av_pack_turned(const AVFrame *frame, uint8_t *bytes, int capacity, int a, int b, int c,
                                       int d) {
    if (av_image_get_buffer_size((enum AVPixelFormat)frame->format, frame->width, frame->height, 1) > capacity)
        return AVERROR(EINVAL);
    for (int plane = 0; plane < 3; plane++) {
        int width = plane ? (frame->width + 1) / 2 : frame->width;
        int height = plane ? (frame->height + 1) / 2 : frame->height;
        int stride = frame->linesize[plane];
        int first_x = a < 0 || b < 0 ? width - 1 : 0;
        int first_y = c < 0 || d < 0 ? height - 1 : 0;
        const uint8_t *from = frame->data[plane] + (ptrdiff_t)first_y * stride + first_x;
        ptrdiff_t across = a + (ptrdiff_t)c * stride, down = b + (ptrdiff_t)d * stride;
        int columns = a ? width : height, rows = a ? height : width;
        for (int row = 0; row < rows; row++)
            for (int column = 0; column < columns; column++) *bytes++ = from[row * down + column * across];
    }
    return 0;
}

/// Copies the MIME type of an HTTP answer. Returns 0, or a negative errno.
static inline int secam_av_mime_type(AVIOContext *input, char *text, size_t capacity) {
    uint8_t *value = NULL;
    int code = av_opt_get(input, "mime_type", AV_OPT_SEARCH_CHILDREN, &value);
    if (code < 0 || !value) return code < 0 ? code : AVERROR(ENOENT);
    av_strlcpy(text, (const char *)value, capacity);
    av_free(value);
    return 0;
}

/// Copies the nine numbers of a stream's display matrix. Returns 0, or a negative errno if it has none.
static inline int secam_av_display_matrix(const AVStream *stream, int32_t *matrix) {
#if LIBAVCODEC_VERSION_MAJOR >= 61
    const AVPacketSideData *data = av_packet_side_data_get(
        stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    const uint8_t *bytes = data ? data->data : NULL;
    size_t size = data ? data->size : 0;
#else
    size_t size = 0;
    const uint8_t *bytes = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
#endif
    if (!bytes || size < 9 * sizeof(int32_t)) return AVERROR(ENOENT);
    memcpy(matrix, bytes, 9 * sizeof(int32_t));
    return 0;
}

/// Fills `frame`, whose size, format and buffers must be set, from rows and planes without padding. Returns the number
/// of bytes read, or a negative errno.
static inline int secam_av_unpack(const uint8_t *bytes, int count, AVFrame *frame) {
    uint8_t *planes[4];
    int strides[4];
    int needed = av_image_fill_arrays(planes, strides, bytes, (enum AVPixelFormat)frame->format, frame->width,
                                      frame->height, 1);
    if (needed < 0) return needed;
    if (needed > count) return AVERROR(EINVAL);
    av_image_copy(frame->data, frame->linesize, (const uint8_t **)planes, strides, (enum AVPixelFormat)frame->format,
                  frame->width, frame->height);
    return needed;
}

// The buffer of the write callback is const since libavformat 61.
#if LIBAVFORMAT_VERSION_MAJOR >= 61
typedef const uint8_t secam_av_bytes;
#else
typedef uint8_t secam_av_bytes;
#endif

// The opaque pointer is the descriptor itself, which needs no owner.
static inline int secam_av_write_descriptor(void *opaque, secam_av_bytes *bytes, int count) {
    int written = 0;
    while (written < count) {
        ssize_t result = write((int)(intptr_t)opaque, bytes + written, (size_t)(count - written));
        if (result < 0 && errno == EINTR) continue;
        if (result < 0) return AVERROR(errno);
        written += (int)result;
    }
    return written;
}

static inline int64_t secam_av_seek_descriptor(void *opaque, int64_t offset, int whence) {
    if (whence & AVSEEK_SIZE) return AVERROR(ENOSYS);
    off_t result = lseek((int)(intptr_t)opaque, (off_t)offset, whence & ~AVSEEK_FORCE);
    return result < 0 ? AVERROR(errno) : (int64_t)result;
}

/// Creates an output to an open file, which the caller continues to own. secam_av_free_output frees the context and its
/// buffer.
static inline AVIOContext *secam_av_output(int descriptor, int buffer_size) {
    unsigned char *buffer = (unsigned char *)av_malloc((size_t)buffer_size);
    if (!buffer) return NULL;
    AVIOContext *output = avio_alloc_context(buffer, buffer_size, 1, (void *)(intptr_t)descriptor, NULL,
                                             secam_av_write_descriptor, secam_av_seek_descriptor);
    if (!output) av_free(buffer);
    return output;
}

static inline void secam_av_free_output(AVIOContext *output) {
    if (!output) return;
    av_freep(&output->buffer);
    avio_context_free(&output);
}
