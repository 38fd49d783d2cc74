// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sequenced packets (unix(7)): a head, then data; a descriptor as SCM_RIGHTS. */
#include "control/ipc/ipc.h"

#include "control/ipc/loader_health.h"

#include "base/cleanup.h"
#include "base/process.h"
#include "base/rights.h"

#include <errno.h>
#include <linux/types.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "bpf/abi.h"

struct head {
	uint32_t message;
	uint32_t number; /* 0: of what has no answer */
	int32_t result;	 /* of an answer: 0 or a negative errno, and |text| */
	uint32_t with_fd;
	uint64_t deadline_ns; /* of a request, CLOCK_MONOTONIC */
	char text[256];
};

/* What is known of a message. */
struct kind {
	enum ipc_thread thread;
	enum { TELL, ASK } how;
	int wait_ms;
	struct content {
		size_t unit, most;
	} request, answer;
};

static const struct kind KINDS[] = {
#define X(name, thread, how, wait_ms, request, request_most, answer, answer_most)                  \
	[IPC_MESSAGE_##name] = {IPC_##thread,                                                      \
				how,                                                               \
				wait_ms,                                                           \
				{sizeof(request), request_most},                                   \
				{sizeof(answer), answer_most}},
	IPC_MESSAGES(X)
#undef X
};

static bool fits(const struct content *c, size_t bytes)
{
	return bytes % c->unit == 0 && bytes / c->unit <= c->most && (c->most != 1 || bytes);
}

static uint64_t deadline_of(const struct ipc *i, enum ipc_message message)
{
	int wait_ms = i->wait_ms ? i->wait_ms : KINDS[message].wait_ms;

	return process_now_ns() + (uint64_t)wait_ms * 1000000u;
}

/* ---- messages */

static int send_now(const struct ipc *i, const struct head *h, const void *data, size_t bytes,
		    int fd)
{
	char control[RIGHTS_BYTES] = {0};
	struct iovec parts[] = {{(void *)h, sizeof(*h)}, {(void *)data, bytes}};
	struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};

	rights_attach(&header, control, fd);
	return sendmsg(i->fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* What is there is there, however late it is looked at. */
static bool wait_until(const struct ipc *i, short events, uint64_t deadline_ns)
{
	struct pollfd p = {.fd = i->fd, .events = events};
	uint64_t now;
	int r;

	do {
		now = process_now_ns();
		r = poll(&p, 1, now < deadline_ns ? (int)((deadline_ns - now) / 1000000u) + 1 : 0);
	} while ((r < 0 && errno == EINTR) || (!r && now < deadline_ns));
	return r == 1;
}

static int send_by(const struct ipc *i, const struct head *h, const void *data, size_t bytes,
		   int fd, uint64_t deadline_ns)
{
	int r;

	do
		r = send_now(i, h, data, bytes, fd);
	while (r == -EAGAIN && wait_until(i, POLLOUT, deadline_ns));
	return r;
}

/* |ret->bytes| may be more than there was room for. */
static int receive(const struct ipc *i, struct head *h, struct ipc_answer *ret)
{
	char control[RIGHTS_BYTES] = {0};
	struct iovec parts[] = {{h, sizeof(*h)}, {ret->data, ret->size}};
	struct msghdr header = {.msg_iov = parts,
				.msg_iovlen = 2,
				.msg_control = control,
				.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(i->fd, &header, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);

	ret->fd = -1;
	if (n <= 0)
		return n ? -errno : -EPIPE;
	ret->fd = rights_taken(&header);
	ret->bytes = (size_t)n - sizeof(*h);
	if (n >= (ssize_t)sizeof(*h))
		return 0;
	cleanup_close_fd(&ret->fd);
	return -EBADMSG;
}

/* ---- the end that asks */

static int explain(struct error *err, int r)
{
	return error_set(err, r, "the loader does not answer: %s", strerror(-r));
}

int ipc_ask_begin(struct ipc *i, enum ipc_message message, const void *data, size_t bytes,
		  struct error *err)
{
	struct head h = {.message = message};
	int r;

	if (bytes > IPC_DATA_MAX || !fits(&KINDS[message].request, bytes))
		return error_set(err, -E2BIG, "too much for one question");
	i->asked = message;
	i->number += i->number == UINT32_MAX ? 2 : 1;
	i->deadline_ns = deadline_of(i, message);
	h.number = i->number;
	h.deadline_ns = i->deadline_ns;
	r = send_by(i, &h, data, bytes, -1, i->deadline_ns);
	return r ? explain(err, r == -EAGAIN ? -ETIMEDOUT : r) : 0;
}

/* The answer to what was asked last: earlier ones came too late. */
static int receive_answer(struct ipc *i, struct head *h, struct ipc_answer *ret)
{
	int r;

	for (;;) {
		r = wait_until(i, POLLIN, i->deadline_ns) ? receive(i, h, ret) : -ETIMEDOUT;
		if (r || h->number == i->number)
			return r;
		cleanup_close_fd(&ret->fd);
	}
}

int ipc_ask_end(struct ipc *i, struct ipc_answer *ret, struct error *err)
{
	struct ipc_answer answer = {.data = ret ? ret->data : NULL, .size = ret ? ret->size : 0};
	struct head h;
	int r = receive_answer(i, &h, &answer);
	cleanup_close int fd = r ? -1 : answer.fd;

	if (r)
		return explain(err, r);
	if (h.result)
		return error_set(err, h.result, "%.255s", h.text);
	if (ret && (answer.bytes > answer.size || !fits(&KINDS[i->asked].answer, answer.bytes)))
		return explain(err, -EBADMSG);
	if (h.with_fd && fd < 0)
		return error_set(err, -EMFILE, "the worker has no file descriptor left");
	if (ret) {
		ret->bytes = answer.bytes;
		ret->fd = ret->wants_fd ? take_fd(&fd) : -1;
	}
	return 0;
}

int ipc_ask(struct ipc *i, enum ipc_message message, const void *data, size_t bytes,
	    struct ipc_answer *ret, struct error *err)
{
	int r = ipc_ask_begin(i, message, data, bytes, err);

	return r ? r : ipc_ask_end(i, ret, err);
}

int ipc_tell(struct ipc *i, enum ipc_message message, const void *data, size_t bytes, int fd)
{
	struct head h = {.message = message, .with_fd = fd >= 0};

	return send_by(i, &h, data, bytes, fd, deadline_of(i, message));
}

/* ---- both */

bool ipc_wait(const struct ipc *i, int timeout_ms)
{
	struct pollfd p = {.fd = i->fd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) == 1;
}

/* ---- the end that answers */

static int check(const struct ipc *i, const struct head *h, const struct ipc_answer *came)
{
	const struct kind *k = &KINDS[h->message < IPC_MESSAGE_COUNT ? h->message : 0];

	if (h->message >= IPC_MESSAGE_COUNT || k->thread != i->thread ||
	    (k->how == ASK) != (h->number != 0) || came->bytes > came->size ||
	    !fits(&k->request, came->bytes))
		return -EBADMSG;
	return k->how == ASK && process_now_ns() > h->deadline_ns ? -ETIMEDOUT : 0;
}

int ipc_receive(struct ipc *i, struct ipc_request *ret, void *data, size_t size, int *ret_fd)
{
	struct ipc_answer came = {.data = data, .size = size};
	struct head h;
	int r = receive(i, &h, &came);
	cleanup_close int fd = r ? -1 : came.fd;

	if (r)
		return r;
	*ret = (struct ipc_request){h.message, h.number, came.bytes};
	r = check(i, &h, &came);
	if (r == -EBADMSG)
		ipc_refuse(i, ret, r, NULL);
	if (r)
		return -EAGAIN;
	if (ret_fd)
		*ret_fd = take_fd(&fd);
	return 0;
}

void ipc_answer(struct ipc *i, const struct ipc_request *to, const void *data, size_t bytes, int fd)
{
	struct head h = {.message = to->message, .number = to->number, .with_fd = fd >= 0};
	int r = to->number ? send_now(i, &h, data, bytes, fd) : 0;

	if (r && fd >= 0)
		ipc_refuse(i, to, r, NULL); /* as many as may be on their way are */
}

void ipc_refuse(struct ipc *i, const struct ipc_request *to, int r, const struct error *err)
{
	struct head h = {.message = to->message, .number = to->number, .result = r};

	snprintf(h.text, sizeof(h.text), "%s", err ? err->text : strerror(-r));
	if (to->number)
		send_now(i, &h, NULL, 0, -1);
}
