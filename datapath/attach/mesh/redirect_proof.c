// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One connection over the loopback, read in every way that programs use. */
#include "datapath/attach/mesh/redirect_proof.h"

#include <linux/types.h>

#include "base/cleanup.h"
#include "bpf/abi.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define WAIT_MS	   500
#define BULK_BYTES (3u << 20) /* more than may be queued past TCP */
#define SHORT_MS   20

struct trial {
	int near; /* the client's end */
	int far;
	int lanes_fd;
	__u64 far_cookie;
	const char *wrong; /* the first failure */
};

static void set_timeout(int fd)
{
	struct timeval wait = {.tv_usec = WAIT_MS * 1000};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
}

int redirect_proof_listen(struct redirect_proof *proof)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)&address, &size))
		return -errno;
	proof->listener_fd = take_fd(&fd);
	return ntohs(address.sin_port);
}

static int trial_open(struct trial *t, int listener_fd)
{
	struct sockaddr_in address;
	socklen_t size = sizeof(address);
	struct pollfd ready = {.fd = listener_fd, .events = POLLIN};

	t->near = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (t->near < 0)
		return -errno;
	set_timeout(t->near);
	if (getsockname(listener_fd, (struct sockaddr *)&address, &size) ||
	    connect(t->near, (struct sockaddr *)&address, size))
		return -errno;
	t->far =
		poll(&ready, 1, WAIT_MS) == 1 ? accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC) : -1;
	if (t->far < 0)
		return -ETIMEDOUT;
	set_timeout(t->far);
	size = sizeof(t->far_cookie);
	return getsockopt(t->far, SOL_SOCKET, SO_COOKIE, &t->far_cookie, &size) ? -errno : 0;
}

/* Records the first failure. */
static bool holds(struct trial *t, bool right, const char *wrong)
{
	if (!right && !t->wrong)
		t->wrong = wrong;
	return right;
}

static bool waiting_is(int fd, int bytes)
{
	int found = -1;

	return !ioctl(fd, FIONREAD, &found) && found == bytes;
}

static uint64_t redirected(const struct trial *t)
{
	struct weft_lane lane = {0};

	bpf_map_lookup_elem(t->lanes_fd, &t->far_cookie, &lane);
	return lane.bytes;
}

static bool readable(int fd, int wait_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, wait_ms) == 1 && (p.revents & POLLIN);
}

/* FIONREAD, poll and MSG_PEEK see queued data, after partial reads too. */
static void try_counting(struct trial *t)
{
	char buffer[16];

	holds(t, !readable(t->far, 0), "poll reports data on an empty socket");
	send(t->near, "hello", 5, MSG_NOSIGNAL);
	send(t->near, "world", 5, MSG_NOSIGNAL);
	holds(t, redirected(t) == 10, "a connection between two local ends is not redirected");
	holds(t, readable(t->far, SHORT_MS), "poll does not see redirected bytes");
	holds(t, waiting_is(t->far, 10), "FIONREAD does not count redirected bytes");
	holds(t, recv(t->far, buffer, 7, MSG_PEEK) == 7 && !memcmp(buffer, "hellowo", 7),
	      "MSG_PEEK reads something else");
	holds(t, recv(t->far, buffer, 3, 0) == 3 && !memcmp(buffer, "hel", 3),
	      "a partial read returns wrong data");
	holds(t, waiting_is(t->far, 7), "FIONREAD is wrong after a partial read");
	holds(t, recv(t->far, buffer, sizeof(buffer), 0) == 7 && !memcmp(buffer, "loworld", 7),
	      "the rest after a partial read is wrong");
	holds(t, waiting_is(t->far, 0) && !readable(t->far, 0),
	      "data is reported after all was read");
	holds(t, recv(t->far, buffer, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN,
	      "an empty socket does not return EAGAIN");
}

/* Every message wakes edge-triggered epoll. */
static void try_waking(struct trial *t)
{
	cleanup_close int fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	char buffer[16];

	if (!holds(t, !epoll_ctl(fd, EPOLL_CTL_ADD, t->far, &event), "epoll refuses the socket"))
		return;
	for (int i = 0; i < 3; i++) {
		epoll_wait(fd, &event, 1, 0);
		send(t->near, "edge", 4, MSG_NOSIGNAL);
		holds(t, epoll_wait(fd, &event, 1, WAIT_MS) == 1, "epoll is not woken");
		holds(t, recv(t->far, buffer, sizeof(buffer), 0) == 4,
		      "epoll reports data that cannot be read");
	}
}

static void *read_blocked(void *arg)
{
	struct trial *t = arg;
	char buffer[16];

	return recv(t->far, buffer, sizeof(buffer), 0) == 4 ? t : NULL;
}

/* Data wakes a reader that is blocked in recv(). */
static void try_blocking(struct trial *t)
{
	pthread_t thread;
	void *right = NULL;

	if (pthread_create(&thread, NULL, read_blocked, t))
		return;
	usleep(SHORT_MS * 1000);
	send(t->near, "wake", 4, MSG_NOSIGNAL);
	pthread_join(thread, &right);
	holds(t, right, "a blocked reader is not woken");
}

/* Programs that use splice() are not enrolled if this fails. */
static void try_splice(struct trial *t, struct redirect_proof *proof)
{
	char buffer[16];
	int ends[2];

	send(t->near, "spli", 4, MSG_NOSIGNAL);
	if (!pipe2(ends, O_CLOEXEC | O_NONBLOCK)) {
		proof->splice = splice(t->far, NULL, ends[1], NULL, 4,
				       SPLICE_F_MOVE | SPLICE_F_NONBLOCK) == 4;
		close(ends[0]);
		close(ends[1]);
	}
	if (!proof->splice)
		holds(t, recv(t->far, buffer, 4, 0) == 4, "splice() loses redirected bytes");
}

/* Programs that use MSG_WAITALL are not enrolled if this fails. */
static void try_waitall(struct trial *t, struct redirect_proof *proof)
{
	char buffer[16];

	send(t->near, "half", 4, MSG_NOSIGNAL);
	proof->waits_all = recv(t->far, buffer, 8, MSG_WAITALL | MSG_DONTWAIT) == -1;
	if (proof->waits_all)
		holds(t, recv(t->far, buffer, 4, 0) == 4, "MSG_WAITALL loses redirected bytes");
}

static size_t read_all(int fd, unsigned char *data, size_t bytes)
{
	size_t have = 0;
	ssize_t n = 1;

	while (have < bytes && n > 0) {
		n = recv(fd, data + have, bytes - have, 0);
		have += n > 0 ? (size_t)n : 0;
	}
	return have;
}

/* More than may be queued past TCP: the rest goes by TCP and is read after it, in order. */
static void try_order(struct trial *t)
{
	cleanup_free unsigned char *sent = malloc(BULK_BYTES), *got = malloc(BULK_BYTES);
	uint64_t before = redirected(t);
	size_t gone = 0;
	int waits = 0;
	ssize_t n = 1;

	if (!sent || !got)
		return;
	for (size_t i = 0; i < BULK_BYTES; i++)
		sent[i] = (unsigned char)(i * 31 + i / 251);
	while (gone < BULK_BYTES && n > 0) {
		size_t left = BULK_BYTES - gone;

		n = send(t->near, sent + gone, left < 65536 ? left : 65536,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		gone += n > 0 ? (size_t)n : 0;
	}
	usleep(SHORT_MS * 1000);
	ioctl(t->far, FIONREAD, &waits);
	holds(t, redirected(t) - before < gone, "the queue past TCP has no limit");
	holds(t, waits > 0 && (uint64_t)waits > redirected(t) - before && (size_t)waits <= gone,
	      "FIONREAD does not count what came by TCP");
	holds(t, read_all(t->far, got, gone) == gone && !memcmp(sent, got, gone),
	      "bytes are lost or out of order when redirection falls back to TCP");
}

/* The other direction, and its close. */
static void try_closing(struct trial *t)
{
	char buffer[16];

	send(t->far, "bye", 3, MSG_NOSIGNAL);
	shutdown(t->far, SHUT_WR);
	holds(t, recv(t->near, buffer, sizeof(buffer), 0) == 3, "the other direction is not read");
	holds(t, recv(t->near, buffer, sizeof(buffer), 0) == 0, "the close is not seen");
	send(t->near, "last", 4, MSG_NOSIGNAL);
	holds(t, recv(t->far, buffer, sizeof(buffer), 0) == 4, "a half-closed end reads nothing");
}

int redirect_proof_run(struct redirect_proof *proof, struct error *err)
{
	struct trial t = {.near = -1, .far = -1, .lanes_fd = proof->lanes_fd};
	int r = trial_open(&t, proof->listener_fd);

	if (r) {
		error_set(err, r, "no connection over the loopback can be made: %s", strerror(-r));
	} else {
		try_counting(&t);
		try_waking(&t);
		try_blocking(&t);
		try_splice(&t, proof);
		try_order(&t);
		try_waitall(&t, proof);
		try_closing(&t);
		if (t.wrong)
			r = error_set(err, -ENOTSUP, "%s on this kernel", t.wrong);
	}
	cleanup_close_fd(&t.near);
	cleanup_close_fd(&t.far);
	return r;
}
