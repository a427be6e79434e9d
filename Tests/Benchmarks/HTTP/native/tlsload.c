// A TLS client for load: one connection after the other, each with a handshake, one request that
// asks for the end, and an orderly close. cc -O2 -o tlsload tlsload.c -lssl -lcrypto
// tlsload PORT PATH SECONDS 1.2|1.3 full|resume; prints what it counted.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { pieceMax = 256 * 1024 };

static SSL_SESSION *session;
static int wantsSession;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what) {
    fprintf(stderr, "tlsload: %s\n", what);
    exit(1);
}

static int keep(SSL *tls, SSL_SESSION *fresh) {
    (void)tls;
    if (!wantsSession) return 0;
    SSL_SESSION_free(session);
    session = fresh;
    return 1;
}

// The same cipher and group with every server, whatever it would choose. P-256 is there for the
// certificate: TLS 1.2 asks for its curve in the same list.
static SSL_CTX *context(const char *version) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context) fail("no context");
    int number = strcmp(version, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
    SSL_CTX_set_min_proto_version(context, number);
    SSL_CTX_set_max_proto_version(context, number);
    if (SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1
        || SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-GCM-SHA256") != 1
        || SSL_CTX_set1_groups_list(context, "X25519:P-256") != 1)
        fail("cipher not known");
    SSL_CTX_set_session_cache_mode(
        context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context, keep);
    return context;
}

static int connectTo(int port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int descriptor = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) < 0) fail("refused");
    return descriptor;
}

// Bytes of the answer, head included.
static long long once(SSL_CTX *context, int port, const char *request, char *piece, long *resumed) {
    int descriptor = connectTo(port);
    SSL *tls = SSL_new(context);
    if (!tls) fail("no connection");
    SSL_set_fd(tls, descriptor);
    SSL_set_tlsext_host_name(tls, "localhost");
    if (wantsSession && session) SSL_set_session(tls, session);
    if (SSL_connect(tls) != 1) fail("handshake failed");
    *resumed += SSL_session_reused(tls);
    if (SSL_write(tls, request, (int)strlen(request)) <= 0) fail("write failed");
    long long total = 0;
    int got, isFirst = 1;
    while ((got = SSL_read(tls, piece, pieceMax)) > 0) {
        if (isFirst && strncmp(piece, "HTTP/1.1 200 ", got < 13 ? (size_t)got : 13) != 0)
            fail("no status 200");
        isFirst = 0;
        total += got;
    }
    if (SSL_get_error(tls, got) != SSL_ERROR_ZERO_RETURN) fail("the answer was cut");
    SSL_shutdown(tls);
    SSL_free(tls);
    close(descriptor);
    return total;
}

int main(int count, char **arguments) {
    if (count != 6) {
        fprintf(stderr, "tlsload PORT PATH SECONDS 1.2|1.3 full|resume\n");
        return 2;
    }
    int port = atoi(arguments[1]);
    wantsSession = strcmp(arguments[5], "resume") == 0;
    SSL_CTX *tls = context(arguments[4]);
    char request[512], *piece = malloc(pieceMax);
    if (!piece) return 1;
    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n\r\n", arguments[2],
             port);
    long connections = 0, resumed = 0;
    long long bytes = 0;
    double start = now(), end = start + atof(arguments[3]);
    do {
        bytes += once(tls, port, request, piece, &resumed);
        connections++;
    } while (now() < end);
    printf("connections %ld\nresumed %ld\nbytes %lld\nmicroseconds %lld\n", connections, resumed,
           bytes, (long long)((now() - start) * 1e6));
    return 0;
}
