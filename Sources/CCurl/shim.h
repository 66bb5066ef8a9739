#pragma once

// Wrappers of libcurl's variadic functions, which Swift cannot import.

#include <curl/curl.h>

static inline CURLcode secam_curl_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode secam_curl_set_pointer(CURL *handle, CURLoption option, const void *value) {
    return curl_easy_setopt(handle, option, value);
}

typedef size_t (*secam_curl_write)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode secam_curl_set_write(CURL *handle, secam_curl_write write) {
    return curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, write);
}

static inline CURLcode secam_curl_response_code(CURL *handle, long *code) {
    return curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, code);
}
