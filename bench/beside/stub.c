/* The provider, as cheap as it can be: one thread, epoll, answers from bytes that were made beforehand.

   stub FOLDER     prints its port; ends with its standard input

   FOLDER/sent and FOLDER/one hold the body of the answer to a send and to a retrieve, FOLDER/rows one message of a list a line. The 32
   characters after "MessageSid":" in an answer to a send are a counter in base32, so each is another. A search is answered with the
   rows from Results_Skip on, Results_Count of them at most: none behind the last one, as the one-row ask for a total wants to know.

   Beside the API:  GET /_set?delay=MS&hold=N  from now on each answer waits MS milliseconds; with `hold`, until N wait at the same time
                    (or for 8 times as long). Counts begin anew.
                    GET /_seen                 {"asks": so many since then, "most": so many answers waited at the same time}
                    GET /_last                 the bytes of the last request of the API */
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
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { IN_MAX = 8192, OWN_MAX = 2048, CONNECTIONS_MAX = 65536, ROWS_MAX = 4096, QUEUE = 65536 };
struct connection {
    unsigned life; /* which of those that had this descriptor */
    size_t have;
    int part_count;
    struct iovec parts[3];
    char in[IN_MAX], own[OWN_MAX];
};
struct waiting { long since; int fd; unsigned life; };

static struct connection *connections[CONNECTIONS_MAX];
static struct waiting queue[QUEUE]; /* the delay is the same for all, so the first to come is the first to be due */
static unsigned queue_head, queue_tail;
static char *rows, *sent, *one, last_request[IN_MAX];
static size_t row_at[ROWS_MAX + 1], row_count, sent_length, one_length, sid_at, last_length;
static long delay_us, asks, most;
static unsigned hold, lives;
static int poller, released;
static unsigned long long sids;

static long now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static char *read_file(const char *folder, const char *name, size_t *length) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) { perror(path); exit(2); }
    fseek(file, 0, SEEK_END);
    *length = ftell(file);
    rewind(file);
    char *bytes = malloc(*length + 1);
    if (!bytes || fread(bytes, 1, *length, file) != *length) exit(2);
    bytes[*length] = 0;
    fclose(file);
    return bytes;
}

static void read_answers(const char *folder) {
    size_t length;
    one = read_file(folder, "one", &one_length);
    sent = read_file(folder, "sent", &sent_length);
    char *sid = strstr(sent, "\"MessageSid\":\"");
    if (!sid || sent_length > OWN_MAX - 256) { fprintf(stderr, "no answer to a send\n"); exit(2); }
    sid_at = sid + 14 - sent;
    rows = read_file(folder, "rows", &length);
    for (char *end; row_count < ROWS_MAX && (end = memchr(rows + row_at[row_count], '\n', rows + length - rows - row_at[row_count]));) {
        *end = ',';
        row_at[++row_count] = end + 1 - rows;
    }
}

static void close_one(int fd) {
    connections[fd]->life = 0;
    close(fd);
}

static void flush_one(int fd) {
    struct connection *c = connections[fd];
    while (c->part_count) {
        ssize_t count = writev(fd, c->parts, c->part_count);
        if (count < 0 && errno == EAGAIN) {
            struct epoll_event e = {.events = EPOLLOUT, .data.fd = fd};
            epoll_ctl(poller, EPOLL_CTL_MOD, fd, &e);
            return;
        }
        if (count < 0) { close_one(fd); return; }
        while (c->part_count && (size_t)count >= c->parts[0].iov_len) {
            count -= c->parts[0].iov_len;
            memmove(c->parts, c->parts + 1, --c->part_count * sizeof *c->parts);
        }
        if (c->part_count) {
            c->parts[0].iov_base = (char *)c->parts[0].iov_base + count;
            c->parts[0].iov_len -= count;
        }
    }
}

/* The length of the request in the buffer: 0 where it is not whole, -1 where it cannot be served. */
static ssize_t whole(struct connection *c) {
    char *end = memmem(c->in, c->have, "\r\n\r\n", 4);
    if (!end) return c->have >= IN_MAX - 1 ? -1 : 0;
    size_t head = end + 4 - c->in;
    *end = 0;
    char *length = strcasestr(c->in, "\r\ncontent-length:"), *coding = strcasestr(c->in, "\r\ntransfer-encoding:");
    *end = '\r';
    if (coding) {
        char *finish = memmem(end + 2, c->have - head + 2, "\r\n0\r\n\r\n", 7);
        return finish ? finish + 7 - c->in : c->have >= IN_MAX - 1 ? -1 : 0;
    }
    size_t size = head + (length ? strtoul(length + 17, 0, 10) : 0);
    return size > IN_MAX - 1 ? -1 : c->have >= size ? (ssize_t)size : 0;
}

/* The value of a parameter of the request's line, or `otherwise`. */
static unsigned long parameter(const char *line, const char *name, unsigned long otherwise) {
    const char *found = strstr(line, name);
    return found ? strtoul(found + strlen(name), 0, 10) : otherwise;
}

/* Head, a body that stands somewhere already, and a few bytes behind it. */
static void answer(struct connection *c, const char *before, const char *body, size_t length, const char *after) {
    size_t all = strlen(before) + length + strlen(after);
    int head = sprintf(c->own, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", all, before);
    c->parts[0] = (struct iovec){c->own, head};
    c->parts[1] = (struct iovec){(char *)body, length};
    c->parts[2] = (struct iovec){(char *)after, strlen(after)};
    c->part_count = 3;
}

static void answer_send(struct connection *c) {
    int head = sprintf(c->own, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", sent_length);
    memcpy(c->own + head, sent, sent_length);
    unsigned long long left = ++sids;
    for (int i = 31; i > 0; i--, left >>= 5) c->own[head + sid_at + i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[left & 31];
    c->parts[0] = (struct iovec){c->own, head + sent_length};
    c->part_count = 1;
}

/* What is asked beside the API: 1 where that was it. */
static int control(struct connection *c, const char *line) {
    static char text[128];
    if (strncmp(line, "GET /_", 6)) return 0;
    if (!strncmp(line, "GET /_last", 10)) { answer(c, "", last_request, last_length, ""); return 1; }
    if (!strncmp(line, "GET /_set", 9)) {
        delay_us = parameter(line, "delay=", 0) * 1000;
        hold = parameter(line, "hold=", 0);
        released = !hold;
        asks = most = 0;
    }
    sprintf(text, "{\"asks\":%ld,\"most\":%ld}", asks, most);
    answer(c, "", text, strlen(text), "");
    return 1;
}

static void serve(int fd, size_t length) {
    struct connection *c = connections[fd];
    char *end = memchr(c->in, '\r', length);
    *end = 0; /* the request's line by itself */
    int beside = control(c, c->in);
    if (!beside) {
        asks++;
        if (*c->in == 'P') answer_send(c);
        else if (strstr(c->in, "/Messages/")) answer(c, "", one, one_length, "");
        else {
            size_t first = parameter(c->in, "Results_Skip=", 0), count = parameter(c->in, "Results_Count=", 200);
            if (first > row_count) first = row_count;
            if (count > row_count - first) count = row_count - first;
            size_t bytes = count ? row_at[first + count] - row_at[first] - 1 : 0; /* without the last comma */
            answer(c, "{\"Messages\":[", rows + row_at[first], bytes, "]}");
        }
    }
    *end = '\r';
    if (!beside) memcpy(last_request, c->in, last_length = length);
    c->have -= length; /* nothing is asked before the answer, so this is 0 */
    if (!delay_us || beside) { flush_one(fd); return; }
    queue[queue_tail++ % QUEUE] = (struct waiting){now_us(), fd, c->life};
    if ((long)(queue_tail - queue_head) > most) most = queue_tail - queue_head;
    if (hold && queue_tail - queue_head >= hold) released = 1;
}

/* Answer those whose time has come, and say for how many milliseconds nobody's will. */
static int due(void) {
    for (long now = now_us(); queue_head != queue_tail; queue_head++) {
        struct waiting *w = &queue[queue_head % QUEUE];
        long left = w->since + (released ? delay_us : delay_us * 8) - now;
        if (left > 0) return (left + 999) / 1000;
        if (connections[w->fd]->life == w->life) flush_one(w->fd);
    }
    return -1;
}

static void accept_all(int listener) {
    int fd, on = 1;
    while ((fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0) {
        if (fd >= CONNECTIONS_MAX) { close(fd); continue; }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (!connections[fd] && !(connections[fd] = malloc(sizeof **connections))) exit(2);
        connections[fd]->have = connections[fd]->part_count = 0;
        connections[fd]->life = ++lives;
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
    }
}

static void happened(int fd, unsigned events) {
    struct connection *c = connections[fd];
    if (events & EPOLLOUT) {
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poller, EPOLL_CTL_MOD, fd, &e);
        flush_one(fd);
        return;
    }
    ssize_t count = read(fd, c->in + c->have, IN_MAX - 1 - c->have);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) { close_one(fd); return; }
    c->have += count;
    ssize_t length = whole(c);
    if (length < 0) close_one(fd);
    else if (length) serve(fd, length);
}

int main(int argc, char **argv) {
    if (argc != 2) { fprintf(stderr, "stub FOLDER\n"); return 2; }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    read_answers(argv[1]);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    if (bind(listener, (void *)&a, size) || listen(listener, 4096) || getsockname(listener, (void *)&a, &size)) { perror("listen"); return 2; }
    printf("%d\n", ntohs(a.sin_port));
    fflush(stdout);
    poller = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = listener}, events[512];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e);
    e.data.fd = STDIN_FILENO;
    epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &e);
    for (;;) {
        int count = epoll_wait(poller, events, 512, due());
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            char byte;
            if (fd == STDIN_FILENO) { if (read(fd, &byte, 1) <= 0) return 0; }
            else if (fd == listener) accept_all(listener);
            else happened(fd, events[i].events);
        }
    }
}
