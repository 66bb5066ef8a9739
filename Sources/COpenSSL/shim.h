#pragma once

// Wrappers of OpenSSL's macros and variadic functions, which Swift cannot import.

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

static const uint64_t secam_SSL_OP_NO_COMPRESSION = SSL_OP_NO_COMPRESSION;
static const uint64_t secam_SSL_OP_NO_RENEGOTIATION = SSL_OP_NO_RENEGOTIATION;
static const uint64_t secam_SSL_OP_NO_TICKET = SSL_OP_NO_TICKET;
static const uint64_t secam_SSL_OP_CIPHER_SERVER_PREFERENCE = SSL_OP_CIPHER_SERVER_PREFERENCE;
static const uint64_t secam_SSL_OP_PRIORITIZE_CHACHA = SSL_OP_PRIORITIZE_CHACHA;

static const uint64_t secam_SSL_OP_CLEANSE_PLAINTEXT = SSL_OP_CLEANSE_PLAINTEXT;

static inline int secam_SSL_CTX_set_tls13_only(SSL_CTX *context) {
    return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1
        && SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1;
}

static inline int secam_SSL_CTX_set_groups(SSL_CTX *context, const char *groups) {
    return SSL_CTX_set1_groups_list(context, groups) == 1;
}

static inline void secam_SSL_CTX_set_session_cache_off(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

static inline void secam_SSL_CTX_set_mode(SSL_CTX *context, long mode) {
    SSL_CTX_set_mode(context, mode);
}

static inline void secam_SSL_CTX_set_read_ahead(SSL_CTX *context) {
    SSL_CTX_set_read_ahead(context, 1);
}

static inline int secam_SSL_CTX_add1_chain_cert(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

static inline int secam_SSL_set_server_name(SSL *session, const char *name) {
    return (int)SSL_set_tlsext_host_name(session, name);
}

static inline void secam_SSL_set_app_data(SSL *session, void *data) {
    SSL_set_app_data(session, data);
}

static inline void *secam_SSL_get_app_data(SSL *session) {
    return SSL_get_app_data(session);
}

/// Returns the session whose handshake requested this verification.
static inline SSL *secam_X509_STORE_CTX_get_session(X509_STORE_CTX *verification) {
    return (SSL *)X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx());
}

static inline void secam_BIO_clear_retry_flags(BIO *bio) {
    BIO_clear_retry_flags(bio);
}

static inline void secam_BIO_set_retry_read(BIO *bio) {
    BIO_set_retry_read(bio);
}

static inline long secam_BIO_get_mem_data(BIO *bio, char **data) {
    return BIO_get_mem_data(bio, data);
}

static inline void secam_OPENSSL_free(void *memory) {
    OPENSSL_free(memory);
}

static inline EVP_PKEY *secam_EVP_EC_gen_p256(void) {
    return EVP_EC_gen("P-256");
}

static inline int secam_ERR_is_missing_pem_block(unsigned long error) {
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

/// Returns whether this processor supports AES in hardware. On others (Raspberry Pi 4 and older), ChaCha20 is much
/// faster.
static inline int secam_has_aes_hardware(void) {
#if defined(__aarch64__)
    return (getauxval(AT_HWCAP) & (1UL << 3)) != 0;  // HWCAP_AES
#elif defined(__x86_64__)
    return __builtin_cpu_supports("aes") != 0;
#else
    return 0;
#endif
}
