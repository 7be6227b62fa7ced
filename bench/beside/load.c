/* A closed loop of HTTP/1.1 requests over loopback, by one thread: each connection asks again as soon as it was answered.

   load PORT CONNECTIONS SECONDS REQUEST-FILE [TOTAL]

   The file holds the bytes of one request. "%08d" in it becomes the number of the request, "%02d" that of the connection (mod 60), each
   in as many digits, so a Content-Length in the file has to reckon with those. No request is begun after SECONDS, or after TOTAL of
   them; those under way are waited for. Prints one line of JSON: requests (all answers), in_time (those within SECONDS), seconds,
   p50_us, p99_us, statuses, errors (connections that failed, broke off, or were not answered). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 4096, REQUEST_MAX = 16384, MARKS_MAX = 16, READ = 1 << 18, AT_ONCE = 200, OPEN_EVERY_US = 10000 };
enum { GRACE_US = 60000000, REFUSED_MAX = 1000 };
enum state { CONNECTING, IDLE, HEAD, LENGTH, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER, WHOLE };

struct connection {
    int fd;
    enum state state;
    int status, line; /* `line`: bytes of the trailer's line so far */
    size_t have;      /* bytes of the head so far */
    long long left;   /* bytes of the body, or of the chunk, that are yet to come */
    long began;
    char head[HEAD_MAX];
};
struct mark { size_t at; int digits; };

static char request[REQUEST_MAX], scratch[READ];
static size_t request_length;
static struct mark marks[MARKS_MAX];
static int mark_count, poller, connection_count, opened, busy;
static struct connection *connections;
static struct sockaddr_in address = {.sin_family = AF_INET};
static long started, last, until, total = -1, sent, answered, in_time, errors;
static long statuses[1000];
static unsigned *latencies;
static size_t latency_room;

static long now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

/* The request as it goes out, and where its numbers stand. */
static void read_request(const char *path) {
    static char raw[REQUEST_MAX];
    FILE *file = fopen(path, "rb");
    if (!file) { perror(path); exit(2); }
    size_t length = fread(raw, 1, sizeof raw - 256, file);
    fclose(file);
    for (size_t i = 0; i < length;) {
        int digits = !strncmp(raw + i, "%08d", 4) ? 8 : !strncmp(raw + i, "%02d", 4) ? 2 : 0;
        if (digits && mark_count < MARKS_MAX) {
            marks[mark_count++] = (struct mark){request_length, digits};
            request_length += digits;
            i += 4;
        } else request[request_length++] = raw[i++];
    }
}

static void watch(struct connection *c, int how, unsigned events) {
    struct epoll_event e = {.events = events, .data.ptr = c};
    epoll_ctl(poller, how, c->fd, &e);
}

static void connect_one(struct connection *c) {
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) { perror("socket"); exit(2); }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->state = CONNECTING;
    if (connect(c->fd, (void *)&address, sizeof address) && errno != EINPROGRESS) { perror("connect"); exit(2); }
    watch(c, EPOLL_CTL_ADD, EPOLLOUT);
}

static void failed(struct connection *c) {
    if (c->state != IDLE) errors++;
    if (c->state > IDLE) busy--;
    close(c->fd);
    if (errors > REFUSED_MAX + connection_count) { fprintf(stderr, "too many failures\n"); exit(2); }
    if (now_us() < until) connect_one(c);
    else { c->fd = -1; c->state = IDLE; }
}

static void ask(struct connection *c) {
    long at = now_us();
    if (at >= until || (total >= 0 && sent >= total)) { c->state = IDLE; return; }
    long number = sent++;
    for (int i = 0; i < mark_count; i++) {
        long left = marks[i].digits == 8 ? number : (c - connections) % 60;
        for (int d = marks[i].digits - 1; d >= 0; d--, left /= 10) request[marks[i].at + d] = '0' + left % 10;
    }
    c->state = HEAD;
    c->have = 0;
    c->began = at;
    busy++;
    if (write(c->fd, request, request_length) != (ssize_t)request_length) failed(c);
}

static void done(struct connection *c) {
    last = now_us();
    if ((size_t)answered == latency_room) {
        latency_room = latency_room ? latency_room * 2 : 1 << 16;
        latencies = realloc(latencies, latency_room * sizeof *latencies);
        if (!latencies) exit(2);
    }
    latencies[answered++] = last - c->began;
    in_time += last <= until;
    statuses[c->status]++;
    busy--;
    ask(c);
}

/* What the head says about the body; -1 where it is none that we can read. */
static int read_head(struct connection *c) {
    c->head[c->have] = 0;
    c->status = c->have > 12 && !strncmp(c->head, "HTTP/1.", 7) ? atoi(c->head + 9) : 0;
    if (c->status < 100 || c->status > 999) return -1;
    char *length = strcasestr(c->head, "\r\ncontent-length:"), *coding = strcasestr(c->head, "\r\ntransfer-encoding:");
    if (!length && !coding) return -1;
    c->state = coding ? CHUNK_SIZE : LENGTH;
    c->left = coding ? 0 : atoll(length + 17);
    c->line = 0;
    return 0;
}

/* One byte of the framing of a chunked body. */
static void frame(struct connection *c, char byte) {
    if (c->state == CHUNK_SIZE) {
        if (byte == '\n') { c->state = c->left ? CHUNK_DATA : TRAILER; c->line = 0; }
        else if (!c->line && strchr("0123456789abcdefABCDEF", byte)) c->left = c->left * 16 + (byte <= '9' ? byte - '0' : (byte & 15) + 9);
        else c->line = 1; /* the CR, or an extension */
    } else if (c->state == CHUNK_END) {
        if (byte == '\n') { c->state = CHUNK_SIZE; c->left = c->line = 0; }
    } else if (byte != '\n') c->line += byte != '\r';
    else if (c->line) c->line = 0;
    else c->state = WHOLE; /* the empty line after the trailer */
}

/* Take what was read: 1 where the answer is whole, -1 where it is not one. */
static int feed(struct connection *c, const char *bytes, size_t count) {
    for (size_t i = 0; i < count;) {
        if (c->state == HEAD) {
            if (c->have == HEAD_MAX - 1) return -1;
            c->head[c->have++] = bytes[i++];
            if (bytes[i - 1] == '\n' && c->have > 3 && !memcmp(c->head + c->have - 4, "\r\n\r\n", 4)) {
                if (read_head(c)) return -1;
                if (c->state == LENGTH && !c->left) return i == count ? 1 : -1;
            }
        } else if (c->state == LENGTH || c->state == CHUNK_DATA) {
            long long take = (long long)(count - i) < c->left ? (long long)(count - i) : c->left;
            i += take;
            c->left -= take;
            if (!c->left && c->state == LENGTH) return i == count ? 1 : -1;
            if (!c->left) c->state = CHUNK_END;
        } else {
            frame(c, bytes[i++]);
            if (c->state == WHOLE) return i == count ? 1 : -1;
        }
    }
    return 0;
}

static void happened(struct connection *c, unsigned events) {
    if (c->fd < 0) return;
    if (c->state == CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error || (events & EPOLLERR)) { failed(c); return; }
        watch(c, EPOLL_CTL_MOD, EPOLLIN);
        ask(c);
        return;
    }
    ssize_t count = read(c->fd, scratch, sizeof scratch);
    if (count < 0 && errno == EAGAIN) return;
    int whole = count <= 0 || c->state == IDLE ? -1 : feed(c, scratch, count);
    if (whole < 0) { failed(c); return; }
    if (whole) done(c);
}

static int by_size(const void *a, const void *b) {
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return (x > y) - (x < y);
}

static void report(void) {
    long end = last < until ? last : until;
    qsort(latencies, answered, sizeof *latencies, by_size);
    printf("{\"requests\":%ld,\"in_time\":%ld,\"seconds\":%.6f,\"errors\":%ld", answered, in_time, (end - started) / 1e6, errors + busy);
    printf(",\"p50_us\":%u", answered ? latencies[answered / 2] : 0);
    printf(",\"p99_us\":%u,\"statuses\":{", answered ? latencies[answered * 99 / 100] : 0);
    const char *comma = "";
    for (int i = 0; i < 1000; i++)
        if (statuses[i]) { printf("%s\"%d\":%ld", comma, i, statuses[i]); comma = ","; }
    printf("}}\n");
}

int main(int argc, char **argv) {
    if (argc < 5) { fprintf(stderr, "load PORT CONNECTIONS SECONDS REQUEST-FILE [TOTAL]\n"); return 2; }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    address.sin_port = htons(atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connection_count = atoi(argv[2]);
    connections = calloc(connection_count, sizeof *connections);
    read_request(argv[4]);
    if (argc > 5) total = atol(argv[5]);
    poller = epoll_create1(0);
    started = last = now_us();
    until = started + (long)(atof(argv[3]) * 1e6);
    struct epoll_event events[1024];
    for (long at = started;; at = now_us()) {
        int finished = at >= until || (total >= 0 && sent >= total);
        if ((finished && !busy) || at > until + GRACE_US) break;
        /* a few at a time, so that the peer's queue of connections that it has not taken yet does not overflow */
        for (int n = 0; !finished && opened < connection_count && n < AT_ONCE && opened < (at - started) / OPEN_EVERY_US * AT_ONCE + AT_ONCE; n++)
            connect_one(&connections[opened++]);
        int count = epoll_wait(poller, events, 1024, opened < connection_count && !finished ? OPEN_EVERY_US / 1000 : 100);
        for (int i = 0; i < count; i++) happened(events[i].data.ptr, events[i].events);
    }
    report();
    return 0;
}
