#pragma once

#include <errno.h>
#include <fcntl.h>
#include <libv4l2.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

// Swift cannot call variadic functions, does not import the VIDIOC_ macros, and treats the unions in V4L2's structures
// as unsafe. Therefore each request has a function here, with flat structures. All functions retry after a signal, and
// return 0 or an errno.

struct secam_v4l2_picture {
    uint32_t fourcc, width, height, bytes_per_line, size;
};

/// For a single size, minimum and maximum are equal.
struct secam_v4l2_sizes {
    uint32_t min_width, max_width, step_width, min_height, max_height, step_height;
};

struct secam_v4l2_dequeued {
    uint32_t index, bytes_used, flags, sequence;
    int64_t timestamp_microseconds;
};

static inline int secam_v4l2_ioctl(int fd, unsigned long request, void *argument) {
    int result;
    do result = v4l2_ioctl(fd, request, argument);
    while (result < 0 && errno == EINTR);
    return result < 0 ? errno : 0;
}

/// Redirects libv4l2's messages, which it writes to stderr by default. Errors are reported by V4L2Error.
static inline void secam_v4l2_silence(void) {
    if (!v4l2_log_file) v4l2_log_file = fopen("/dev/null", "we");
}

// Capabilities

static inline int secam_open(const char *path, int flags, int *fd) {
    do *fd = open(path, flags);
    while (*fd < 0 && errno == EINTR);
    return *fd < 0 ? errno : 0;
}

/// Bypasses libv4l2, which writes to stderr for a file that is not a video device.
static inline int secam_querycap(int fd, struct v4l2_capability *capability) {
    return ioctl(fd, VIDIOC_QUERYCAP, capability) < 0 ? errno : 0;
}

/// Hands an open device to libv4l2. It must be closed with v4l2_close from then on.
static inline int secam_v4l2_adopt(int fd) {
    return v4l2_fd_open(fd, 0) < 0 ? errno : 0;
}

static inline int secam_v4l2_input(int fd, struct v4l2_input *input) {
    int index = 0;
    int error = secam_v4l2_ioctl(fd, VIDIOC_G_INPUT, &index);
    if (error) return error;
    memset(input, 0, sizeof *input);
    input->index = (uint32_t)index;
    return secam_v4l2_ioctl(fd, VIDIOC_ENUMINPUT, input);
}

/// Applies the timings that the source of an HDMI or similar input sends now.
static inline int secam_v4l2_follow_timings(int fd) {
    struct v4l2_dv_timings timings;
    memset(&timings, 0, sizeof timings);
    int error = secam_v4l2_ioctl(fd, VIDIOC_QUERY_DV_TIMINGS, &timings);
    return error ? error : secam_v4l2_ioctl(fd, VIDIOC_S_DV_TIMINGS, &timings);
}

// Formats, sizes, rates

static inline int secam_v4l2_format_offer(int fd, uint32_t index, uint32_t *fourcc, uint32_t *flags) {
    struct v4l2_fmtdesc offer;
    memset(&offer, 0, sizeof offer);
    offer.index = index;
    offer.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    int error = secam_v4l2_ioctl(fd, VIDIOC_ENUM_FMT, &offer);
    *fourcc = offer.pixelformat;
    *flags = offer.flags;
    return error;
}

static inline int secam_v4l2_size_offer(int fd, uint32_t fourcc, uint32_t index, struct secam_v4l2_sizes *sizes) {
    struct v4l2_frmsizeenum offer;
    memset(&offer, 0, sizeof offer);
    offer.index = index;
    offer.pixel_format = fourcc;
    int error = secam_v4l2_ioctl(fd, VIDIOC_ENUM_FRAMESIZES, &offer);
    if (error) return error;
    if (offer.type == V4L2_FRMSIZE_TYPE_DISCRETE)
        *sizes = (struct secam_v4l2_sizes){ offer.discrete.width, offer.discrete.width, 1,
                                            offer.discrete.height, offer.discrete.height, 1 };
    else
        *sizes = (struct secam_v4l2_sizes){
            offer.stepwise.min_width, offer.stepwise.max_width, offer.stepwise.step_width,
            offer.stepwise.min_height, offer.stepwise.max_height, offer.stepwise.step_height };
    return 0;
}

static inline int secam_v4l2_picture(int fd, unsigned long request, struct secam_v4l2_picture *picture) {
    struct v4l2_format format;
    memset(&format, 0, sizeof format);
    format.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    format.fmt.pix.pixelformat = picture->fourcc;
    format.fmt.pix.width = picture->width;
    format.fmt.pix.height = picture->height;
    format.fmt.pix.field = V4L2_FIELD_NONE;
    int error = secam_v4l2_ioctl(fd, request, &format);
    *picture = (struct secam_v4l2_picture){ format.fmt.pix.pixelformat, format.fmt.pix.width, format.fmt.pix.height,
                                            format.fmt.pix.bytesperline, format.fmt.pix.sizeimage };
    return error;
}

static inline int secam_v4l2_try_picture(int fd, struct secam_v4l2_picture *picture) {
    return secam_v4l2_picture(fd, VIDIOC_TRY_FMT, picture);
}

static inline int secam_v4l2_set_picture(int fd, struct secam_v4l2_picture *picture) {
    return secam_v4l2_picture(fd, VIDIOC_S_FMT, picture);
}

/// Reads the device's own format directly, because libv4l2 returns the format after its conversion.
static inline int secam_own_picture(int fd, struct secam_v4l2_picture *picture) {
    struct v4l2_format format;
    memset(&format, 0, sizeof format);
    format.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    if (ioctl(fd, VIDIOC_G_FMT, &format) < 0) return errno;
    *picture = (struct secam_v4l2_picture){ format.fmt.pix.pixelformat, format.fmt.pix.width, format.fmt.pix.height,
                                            format.fmt.pix.bytesperline, format.fmt.pix.sizeimage };
    return 0;
}

/// Requests a frame interval and writes the one that the device chose; ENOTTY if it does not support intervals.
static inline int secam_v4l2_set_interval(int fd, uint32_t *numerator, uint32_t *denominator) {
    struct v4l2_streamparm parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    parameters.parm.capture.timeperframe.numerator = *numerator;
    parameters.parm.capture.timeperframe.denominator = *denominator;
    int error = secam_v4l2_ioctl(fd, VIDIOC_S_PARM, &parameters);
    if (error) return error;
    if (!(parameters.parm.capture.capability & V4L2_CAP_TIMEPERFRAME)) return ENOTTY;
    *numerator = parameters.parm.capture.timeperframe.numerator;
    *denominator = parameters.parm.capture.timeperframe.denominator;
    return 0;
}

// Controls

static inline int secam_v4l2_queryctrl(int fd, struct v4l2_queryctrl *control) {
    return secam_v4l2_ioctl(fd, VIDIOC_QUERYCTRL, control);
}

/// Returns whether the menu control has this entry; menus may have gaps.
static inline int secam_v4l2_has_menu_entry(int fd, uint32_t control, uint32_t index) {
    struct v4l2_querymenu entry;
    memset(&entry, 0, sizeof entry);
    entry.id = control;
    entry.index = index;
    return secam_v4l2_ioctl(fd, VIDIOC_QUERYMENU, &entry) == 0;
}

static inline int secam_v4l2_set_control(int fd, uint32_t control, int32_t value) {
    struct v4l2_control it = { .id = control, .value = value };
    return secam_v4l2_ioctl(fd, VIDIOC_S_CTRL, &it);
}

// Streaming

static inline int secam_v4l2_request_buffers(int fd, uint32_t *count) {
    struct v4l2_requestbuffers request;
    memset(&request, 0, sizeof request);
    request.count = *count;
    request.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    request.memory = V4L2_MEMORY_MMAP;
    int error = secam_v4l2_ioctl(fd, VIDIOC_REQBUFS, &request);
    *count = request.count;
    return error;
}

static inline struct v4l2_buffer secam_v4l2_buffer(uint32_t index) {
    struct v4l2_buffer buffer;
    memset(&buffer, 0, sizeof buffer);
    buffer.index = index;
    buffer.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    buffer.memory = V4L2_MEMORY_MMAP;
    return buffer;
}

static inline int secam_v4l2_map(int fd, uint32_t index, void **start, size_t *length) {
    struct v4l2_buffer buffer = secam_v4l2_buffer(index);
    int error = secam_v4l2_ioctl(fd, VIDIOC_QUERYBUF, &buffer);
    if (error) return error;
    *start = v4l2_mmap(NULL, buffer.length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, buffer.m.offset);
    *length = buffer.length;
    return *start == MAP_FAILED ? errno : 0;
}

static inline int secam_v4l2_queue(int fd, uint32_t index) {
    struct v4l2_buffer buffer = secam_v4l2_buffer(index);
    return secam_v4l2_ioctl(fd, VIDIOC_QBUF, &buffer);
}

static inline int secam_v4l2_dequeue(int fd, struct secam_v4l2_dequeued *frame) {
    struct v4l2_buffer buffer = secam_v4l2_buffer(0);
    int error = secam_v4l2_ioctl(fd, VIDIOC_DQBUF, &buffer);
    if (error) return error;
    *frame = (struct secam_v4l2_dequeued){
        buffer.index, buffer.bytesused, buffer.flags, buffer.sequence,
        (int64_t)buffer.timestamp.tv_sec * 1000000 + buffer.timestamp.tv_usec };
    return 0;
}

static inline int secam_v4l2_stream(int fd, int on) {
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    return secam_v4l2_ioctl(fd, on ? VIDIOC_STREAMON : VIDIOC_STREAMOFF, &type);
}

/// Waits until the descriptor is readable or in error. Returns 0, ETIMEDOUT, EINTR or another errno.
static inline int secam_v4l2_wait(int fd, int milliseconds) {
    struct pollfd it = { .fd = fd, .events = POLLIN };
    int result = poll(&it, 1, milliseconds);
    return result < 0 ? errno : result == 0 ? ETIMEDOUT : 0;
}
