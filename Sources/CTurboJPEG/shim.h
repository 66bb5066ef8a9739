#pragma once

#include <stddef.h>
#include <turbojpeg.h>

/// tjCompressFromYUVPlanes for planes without padding, so that callers need no array of pointers. `jpeg` must have
/// tjBufSize(width, height, subsampling) bytes, because TJFLAG_NOREALLOC is set.
static inline int secam_compress_planes(tjhandle handle, const unsigned char *y, const unsigned char *u,
                                        const unsigned char *v, int width, int height, int subsampling,
                                        unsigned char *jpeg, unsigned long *size, int quality, int flags) {
    const unsigned char *planes[3] = {y, u, v};
    return tjCompressFromYUVPlanes(handle, planes, width, NULL, height, subsampling, &jpeg, size, quality,
                                   flags | TJFLAG_NOREALLOC);
}

/// tjCompress2 for RGB rows without padding; `jpeg` as above.
static inline int secam_compress_rgb(tjhandle handle, const unsigned char *rgb, int width, int height,
                                     int subsampling, unsigned char *jpeg, unsigned long *size, int quality,
                                     int flags) {
    return tjCompress2(handle, rgb, width, 0, height, TJPF_RGB, &jpeg, size, subsampling, quality,
                       flags | TJFLAG_NOREALLOC);
}

/// tjDecompressToYUVPlanes to planes without padding, in the image's own subsampling.
static inline int secam_decompress_planes(tjhandle handle, const unsigned char *jpeg, unsigned long size,
                                          unsigned char *y, unsigned char *u, unsigned char *v, int width,
                                          int height, int flags) {
    unsigned char *planes[3] = {y, u, v};
    return tjDecompressToYUVPlanes(handle, jpeg, size, planes, width, NULL, height, flags);
}
