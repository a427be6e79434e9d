#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

/* OpenSSL offers the following as macros, which Swift cannot call. Nothing else belongs here. */

static inline int copenssl_set_versions(SSL_CTX *context, int lowest, int highest)
{
    return SSL_CTX_set_min_proto_version(context, lowest) == 1
        && SSL_CTX_set_max_proto_version(context, highest) == 1;
}

static inline int copenssl_set_groups(SSL_CTX *context, const char *names)
{
    return (int)SSL_CTX_set1_groups_list(context, names);
}

static inline void copenssl_set_modes(SSL_CTX *context)
{
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
}

static inline void copenssl_set_options(SSL_CTX *context)
{
    SSL_CTX_set_options(
        context,
        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE
            | SSL_OP_PRIORITIZE_CHACHA);
}

static inline void copenssl_cache_nothing(SSL_CTX *context)
{
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

static inline void copenssl_report_sessions(SSL_CTX *context)
{
    SSL_CTX_set_session_cache_mode(
        context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
}

/* The context takes a reference of its own. */
static inline int copenssl_add_chain(SSL_CTX *context, X509 *certificate)
{
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

static inline int copenssl_set_server_name(SSL *ssl, const char *name)
{
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

static inline void copenssl_set_owner(SSL *ssl, void *owner) { SSL_set_app_data(ssl, owner); }

static inline void *copenssl_owner(const SSL *ssl) { return SSL_get_app_data(ssl); }

static inline void copenssl_retry_read(BIO *bio) { BIO_set_retry_read(bio); }

static inline void copenssl_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }

/* A list of certificates that owns none of them. */
static inline STACK_OF(X509) *copenssl_list(void) { return sk_X509_new_null(); }

static inline int copenssl_list_add(STACK_OF(X509) *list, X509 *certificate)
{
    return sk_X509_push(list, certificate) > 0;
}

static inline void copenssl_list_free(STACK_OF(X509) *list) { sk_X509_free(list); }

static inline int copenssl_print_name(BIO *bio, const X509_NAME *name)
{
    return X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
}

/* Whether one of the peers has ended the connection in an orderly way is kept in the session, and
   a session without it cannot be resumed. Telling it here keeps a connection that was cut resumable. */
static inline void copenssl_forget_shutdown(SSL *ssl)
{
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}
