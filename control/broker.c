// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sequenced-packet sockets: a message is sent whole or not at all. */
#include "control/broker.h"

#include "base/cleanup.h"
#include "base/rights.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MS 1000
#define PUSH_MS	  50

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int pair_open(int *a, int *b, int type)
{
	int size = 4 * BROKER_MAX_BYTES;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | type, 0, fds))
		return -errno;
	*a = fds[0];
	*b = fds[1];
	setsockopt(*a, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(*b, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

int broker_open(struct broker *b, struct error *err)
{
	int r;

	*b = (struct broker){-1, -1, -1, -1, -1, -1, NULL};
	r = pair_open(&b->loader_fd, &b->worker_fd, 0);
	r = r ? r : pair_open(&b->namer_fd, &b->names_fd, 0);
	r = r ? r : pair_open(&b->push_fd, &b->records_fd, SOCK_NONBLOCK);
	b->stacks = stack_answers_new();
	if (!r)
		return 0;
	broker_close(b);
	return error_set(err, r, "cannot make a socket pair: %s", strerror(-r));
}

void broker_close(struct broker *b)
{
	broker_keep_loader(b);
	broker_keep_worker(b);
	stack_answers_free(b->stacks);
	b->stacks = NULL;
}

void broker_keep_loader(struct broker *b)
{
	close_end(&b->worker_fd);
	close_end(&b->names_fd);
	close_end(&b->records_fd);
}

void broker_keep_worker(struct broker *b)
{
	close_end(&b->loader_fd);
	close_end(&b->namer_fd);
	close_end(&b->push_fd);
}

/* Asks; 0: the answer is there. */
static int ask_begin(int fd, const void *question, size_t question_bytes)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char late;

	while (recv(fd, &late, sizeof(late), MSG_DONTWAIT) > 0)
		; /* an answer that came after its time */
	if (send(fd, question, question_bytes, MSG_NOSIGNAL) < 0)
		return -errno;
	return poll(&p, 1, ANSWER_MS) == 1 ? 0 : -ETIMEDOUT;
}

static ssize_t ask(int fd, const void *question, size_t question_bytes, void *answer, size_t size)
{
	int r = ask_begin(fd, question, question_bytes);
	ssize_t n;

	if (r)
		return r;
	n = recv(fd, answer, size, 0);
	return n < 0 ? -errno : n;
}

static ssize_t ask_message(struct broker *b, const struct broker_message *m, void *answer,
			   size_t size)
{
	return ask(b->worker_fd, m, offsetof(struct broker_message, data) + m->data_bytes, answer,
		   size);
}

ssize_t broker_ask(struct broker *b, enum broker_question question, void *answer, size_t size)
{
	struct broker_message m = {.question = question};

	return ask_message(b, &m, answer, size);
}

ssize_t broker_ask_data(struct broker *b, enum broker_question question, const void *data,
			size_t data_bytes, void *answer, size_t size)
{
	struct broker_message m = {.question = question, .data_bytes = (uint32_t)data_bytes};

	if (data_bytes > sizeof(m.data))
		return -EMSGSIZE;
	memcpy(m.data, data, data_bytes);
	return ask_message(b, &m, answer, size);
}

/* Asks for |name|; a descriptor that comes with the answer is |*ret_fd|, else -1. */
static int ask_name(struct broker *b, struct broker_name *name, int *ret_fd)
{
	struct broker_name answer = {0};
	char control[RIGHTS_BYTES] = {0};
	struct iovec part = {&answer, sizeof(answer)};
	struct msghdr header = {.msg_iov = &part,
				.msg_iovlen = 1,
				.msg_control = control,
				.msg_controllen = sizeof(control)};
	size_t head = offsetof(struct broker_name, path);
	int r = ask_begin(b->names_fd, name, head);
	ssize_t n = r ? r : recvmsg(b->names_fd, &header, MSG_CMSG_CLOEXEC);

	*ret_fd = n > 0 ? rights_taken(&header) : -1;
	if (n < 0)
		return r ? r : -errno;
	if ((size_t)n <= head || answer.cgroup_id != name->cgroup_id || answer.state != name->state)
		return -ETIMEDOUT; /* the answer of an earlier question, which came too late */
	memcpy(name->path, answer.path, sizeof(name->path));
	return 0;
}

int broker_ask_name(struct broker *b, struct broker_name *name)
{
	cleanup_close int fd = -1;

	return ask_name(b, name, &fd);
}

int broker_ask_state(struct broker *b, uint64_t cgroup_id, unsigned n)
{
	struct broker_name name = {.cgroup_id = cgroup_id, .state = n};
	cleanup_close int fd = -1;
	int r = ask_name(b, &name, &fd);

	if (r)
		return r;
	return fd < 0 ? -ENOENT : take_fd(&fd);
}

int broker_name_read(int namer_fd, struct broker_name *ret)
{
	ssize_t n = recv(namer_fd, ret, sizeof(*ret), 0);

	return n == (ssize_t)offsetof(struct broker_name, path) ? 0 : -EPIPE;
}

void broker_name_answer(int namer_fd, const struct broker_name *name, int fd)
{
	char control[RIGHTS_BYTES] = {0};
	struct iovec part = {(void *)name, sizeof(*name)};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

	rights_attach(&header, control, fd);
	sendmsg(namer_fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void broker_tell(struct broker *b, enum broker_question question, const void *data,
		 size_t data_bytes)
{
	struct broker_message m = {.question = question, .data_bytes = (uint32_t)data_bytes};

	if (data_bytes > sizeof(m.data))
		return;
	if (data_bytes)
		memcpy(m.data, data, data_bytes);
	send(b->worker_fd, &m, offsetof(struct broker_message, data) + data_bytes,
	     MSG_NOSIGNAL | MSG_DONTWAIT);
}

int broker_question_read(struct broker *b, struct broker_message *ret)
{
	size_t head = offsetof(struct broker_message, data);
	ssize_t n = recv(b->loader_fd, ret, sizeof(*ret), MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	return (size_t)n >= head && (size_t)n == head + ret->data_bytes ? 0 : -EPIPE;
}

void broker_answer(struct broker *b, const void *answer, size_t size)
{
	send(b->loader_fd, answer, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int broker_push(struct broker *b, const void *records, size_t size)
{
	struct pollfd p = {.fd = b->push_fd, .events = POLLOUT};

	if (poll(&p, 1, PUSH_MS) != 1)
		return -EAGAIN;
	return send(b->push_fd, records, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

ssize_t broker_records_read(struct broker *b, void *record, size_t size)
{
	ssize_t n = recv(b->records_fd, record, size, MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	return n ? n : -EPIPE;
}
