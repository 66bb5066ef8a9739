#pragma once

#include <stddef.h>

/// A file of the web page.
struct secam_web_file {
    /// The path without the first slash.
    const char *path;
    /// The media type.
    const char *type;
    const unsigned char *bytes;
    size_t count;
};

long secam_web_file_count(void);
struct secam_web_file secam_web_file(long index);

