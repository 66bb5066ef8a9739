#pragma once

#include <malloc.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <zmq.h>

/* A descriptor that wakes a zmq_poll from another thread; -1 when none is free. */
static inline int secam_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

/* Names the calling thread, at most 15 characters, for people who look with top. */
static inline void secam_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

/// Without it each thread has an arena of its own, which keeps what frames on their way from one thread to the other had
/// taken.
static inline void secam_share_arenas(void) {
    mallopt(M_ARENA_MAX, 2);
}
