#pragma once

#include <malloc.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <zmq.h>

/* A descriptor that other threads can make readable; -1 when none is free. */
static inline int secam_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

/* Names the calling thread, at most 15 characters, for people who look with top. */
static inline void secam_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

/// For processes in which frames go from thread to thread, some megabytes each, many times a second.
///
/// Without the first, each thread has an arena of its own, which keeps what frames on their way to another thread had
/// taken. Without the others, the memory of each large frame comes new from the kernel, page by page, and goes back at
/// once: four tenths of what sending a raw picture costs.
static inline void secam_prepare_heap_for_frames(void) {
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 32 << 20);
}
