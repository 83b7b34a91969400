// One POST after the other on each of N keep-alive connections, as light as possible.
//
//   cc -O2 -o post_load post_load.c && ./post_load PORT CONNECTIONS SECONDS < BODY
//
// Every connection waits for its answer before it sends again; every answer must be 202 and say
// that one record was accepted. Prints one JSON line.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ANSWER = 4096, MAX_REQUEST = 1 << 16, MAX_POSTS = 4000000, MAX_CONNECTIONS = 4096 };

struct client {
  int fd;
  double sent;
  size_t got;
  char answer[MAX_ANSWER + 1];
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char* what, const char* text) {
  fprintf(stderr, "%s: %.300s\n", what, text);
  exit(1);
}

static int compare(const void* a, const void* b) {
  const float x = *(const float*)a, y = *(const float*)b;
  return (x > y) - (x < y);
}

static void post(struct client* c, const char* request, size_t size) {
  c->got = 0;
  c->sent = now();
  if (send(c->fd, request, size, 0) != (ssize_t)size) fail("send", "short write");
}

// Whether the answer is complete; ends the program when it is not the one expected.
static int complete(struct client* c) {
  c->answer[c->got] = 0;
  const char* body = strstr(c->answer, "\r\n\r\n");
  if (body == NULL) return 0;
  const char* length = strcasestr(c->answer, "content-length:");
  if (length == NULL || length > body) fail("no length", c->answer);
  if ((size_t)(body + 4 - c->answer) + strtoul(length + 15, NULL, 10) > c->got) return 0;
  if (strncmp(c->answer, "HTTP/1.1 202", 12) != 0) fail("status", c->answer);
  if (strstr(body, "\"accepted\":1") == NULL) fail("not accepted", c->answer);
  return 1;
}

int main(int argc, char** argv) {
  static struct client clients[MAX_CONNECTIONS];
  static char body[MAX_REQUEST / 2], request[MAX_REQUEST];
  if (argc != 4) fail("usage", "post_load PORT CONNECTIONS SECONDS < BODY");
  const int count = atoi(argv[2]);
  const double seconds = atof(argv[3]);
  if (count < 1 || count > MAX_CONNECTIONS) fail("connections", argv[2]);
  const size_t length = fread(body, 1, sizeof body, stdin);
  const int head = snprintf(request, sizeof request,
                            "POST /api/v1/logs/ingest HTTP/1.1\r\nHost: localhost\r\n"
                            "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                            length);
  memcpy(request + head, body, length);
  const size_t size = (size_t)head + length;

  float* latencies = malloc(MAX_POSTS * sizeof *latencies);
  size_t posts = 0;
  const int poll = epoll_create1(0);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((unsigned short)atoi(argv[1])),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const double started = now();
  for (int i = 0; i < count; i++) {
    struct client* c = &clients[i];
    const int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (struct sockaddr*)&address, sizeof address) != 0) fail("connect", argv[1]);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event);
    post(c, request, size);
  }
  for (int left = count; left > 0;) {
    struct epoll_event events[256];
    const int ready = epoll_wait(poll, events, 256, 30000);
    if (ready <= 0) fail("no answer", "within 30 s");
    for (int i = 0; i < ready; i++) {
      struct client* c = events[i].data.ptr;
      const ssize_t got = recv(c->fd, c->answer + c->got, MAX_ANSWER - c->got, 0);
      if (got <= 0) fail("closed", "the server closed the connection");
      c->got += (size_t)got;
      if (!complete(c)) continue;
      const double at = now();
      if (posts < MAX_POSTS) latencies[posts++] = (float)(at - c->sent);
      if (at - started > seconds) {
        close(c->fd);
        left--;
      } else {
        post(c, request, size);
      }
    }
  }
  const double took = now() - started;
  qsort(latencies, posts, sizeof *latencies, compare);
  printf("{\"posts\": %zu, \"rate\": %.1f, \"p50\": %.3f, \"p99\": %.3f}\n", posts,
         (double)posts / took, latencies[posts / 2] * 1e3, latencies[posts * 99 / 100] * 1e3);
  return 0;
}
