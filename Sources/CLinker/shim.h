#pragma once

#include <link.h>
#include <stddef.h>

// <link.h> shows these only to GNU sources, which what Swift imports is not.

struct secam_linker_image {
    ElfW(Addr) address;
    const char *name;
    const ElfW(Phdr) *segments;
    ElfW(Half) segment_count;
    // More follows.
};

extern int secam_dl_iterate_phdr(
    int (*visit)(struct secam_linker_image *, size_t, void *), void *data) __asm__("dl_iterate_phdr");
