// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sequenced packets carry questions, answers and descriptors (SCM_RIGHTS, unix(7)). */
#include "control/apply/channel.h"

#include "base/cleanup.h"
#include "base/rights.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define ANSWER_MS 10000 /* a flip waits for programs that run */

struct message {
	uint32_t kind;
	int32_t result;
	uint64_t value;
	char text[256];
};

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int pair_open(int *a, int *b)
{
	int fds[2], size = 4 * CHANNEL_DATA_MAX;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	*a = fds[0];
	*b = fds[1];
	setsockopt(*a, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(*b, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

int channel_open(struct channel *c, struct error *err)
{
	int r;

	*c = (struct channel){-1, -1, -1, -1};
	r = pair_open(&c->feed_fd, &c->files_fd);
	r = r ? r : pair_open(&c->serve_fd, &c->ask_fd);
	if (!r)
		return 0;
	channel_close(c);
	return error_set(err, r, "cannot make a socket pair: %s", strerror(-r));
}

void channel_close(struct channel *c)
{
	channel_keep_feeder(c);
	channel_keep_planner(c);
}

void channel_keep_feeder(struct channel *c)
{
	close_end(&c->files_fd);
	close_end(&c->ask_fd);
}

void channel_keep_planner(struct channel *c)
{
	close_end(&c->feed_fd);
	close_end(&c->serve_fd);
}

/* ---- messages */

/* What goes along with a message. */
struct payload {
	void *data;
	size_t bytes; /* room, when it is received */
};

static int message_send_with(int socket_fd, const struct message *m, int fd,
			     const struct payload *payload)
{
	char control[RIGHTS_BYTES] = {0};
	struct iovec parts[] = {{(void *)m, sizeof(*m)}, {payload->data, payload->bytes}};
	struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};

	rights_attach(&header, control, fd);
	return sendmsg(socket_fd, &header, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int message_send(int socket_fd, const struct message *m, int fd)
{
	return message_send_with(socket_fd, m, fd, &(struct payload){NULL, 0});
}

/* |ret_fd| is -1 when none came. |payload->bytes| becomes what came. */
static int message_receive_with(int socket_fd, struct message *m, int *ret_fd, int flags,
				struct payload *payload)
{
	char control[RIGHTS_BYTES] = {0};
	struct iovec parts[] = {{m, sizeof(*m)}, {payload->data, payload->bytes}};
	struct msghdr header = {.msg_iov = parts,
				.msg_iovlen = 2,
				.msg_control = control,
				.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(socket_fd, &header, flags | MSG_CMSG_CLOEXEC);

	*ret_fd = -1;
	if (n < 0)
		return -errno;
	*ret_fd = rights_taken(&header);
	payload->bytes = n > (ssize_t)sizeof(*m) ? (size_t)n - sizeof(*m) : 0;
	if (n >= (ssize_t)sizeof(*m) && !(header.msg_flags & MSG_TRUNC))
		return 0;
	close_end(ret_fd);
	return n ? -EBADMSG : -EPIPE;
}

static int message_receive(int socket_fd, struct message *m, int *ret_fd, int flags)
{
	return message_receive_with(socket_fd, m, ret_fd, flags, &(struct payload){NULL, 0});
}

static int wait_readable(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) == 1 ? 0 : -ETIMEDOUT;
}

/* ---- files */

#define BATCH_WHOLE 1u
#define BATCH_NAMES 2u
#define BATCH_KEPT  4u
#define BATCH_LATE  8u /* says why there are no files */

#define BATCH_REMOVED 1u
#define BATCH_PROBLEM 2u /* the content says why there is none */

/* Before each file: its name, NUL-terminated, and its content follow, padded to 8 bytes. */
struct entry {
	uint32_t flags;
	uint32_t name_bytes;
	uint64_t content_bytes;
};

struct file_batch {
	FILE *file;
	int fd;
	int error;
	bool whole;
	bool names;
	bool kept;
};

struct file_batch *file_batch_new(bool whole)
{
	struct file_batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->whole = whole;
	b->fd = memfd_create("weft-files", MFD_CLOEXEC);
	b->file = b->fd >= 0 ? fdopen(b->fd, "w") : NULL;
	if (!b->file)
		b->error = -errno;
	return b;
}

void file_batch_free(struct file_batch *b)
{
	if (!b)
		return;
	if (b->file)
		fclose(b->file);
	else if (b->fd >= 0)
		close(b->fd);
	free(b);
}

static struct slice entry_content(const struct fed_file *file)
{
	return file->problem ? (struct slice){file->problem, strlen(file->problem) + 1}
			     : file->bytes;
}

static uint64_t entry_padding(const struct entry *e)
{
	return -(e->name_bytes + e->content_bytes) & 7;
}

static struct entry entry_of(const struct fed_file *file)
{
	return (struct entry){.flags = file->problem   ? BATCH_PROBLEM
				       : file->removed ? BATCH_REMOVED
						       : 0,
			      .name_bytes = (uint32_t)strlen(file->name) + 1,
			      .content_bytes = entry_content(file).size_bytes};
}

uint64_t file_entry_bytes(const struct fed_file *file)
{
	struct entry e = entry_of(file);

	return sizeof(e) + e.name_bytes + e.content_bytes + entry_padding(&e);
}

uint64_t file_entry_write(const struct fed_file *file, char *out)
{
	struct entry e = entry_of(file);
	char *at = out;

	at = mempcpy(at, &e, sizeof(e));
	at = mempcpy(at, file->name, e.name_bytes);
	if (e.content_bytes)
		at = mempcpy(at, entry_content(file).data, e.content_bytes);
	memset(at, 0, entry_padding(&e));
	return file_entry_bytes(file);
}

void file_batch_add(struct file_batch *b, const struct fed_file *file)
{
	static const char zeros[8];
	struct slice content = entry_content(file);
	struct entry e = entry_of(file);

	if (!b->file)
		return;
	fwrite(&e, sizeof(e), 1, b->file);
	fwrite(file->name, e.name_bytes, 1, b->file);
	if (content.size_bytes)
		fwrite(content.data, content.size_bytes, 1, b->file);
	fwrite(zeros, entry_padding(&e), 1, b->file);
}

struct file_batch *file_batch_kept(struct slice entries)
{
	struct file_batch *b = file_batch_new(false);

	if (!b)
		return NULL;
	b->kept = true;
	if (b->file && entries.size_bytes)
		fwrite(entries.data, entries.size_bytes, 1, b->file);
	return b;
}

void file_batch_problem(struct file_batch *b, const char *text)
{
	file_batch_add(b, &(struct fed_file){.name = "", .problem = text});
}

void file_batch_no_problem(struct file_batch *b)
{
	file_batch_add(b, &(struct fed_file){.name = "", .removed = true});
}

void file_batch_names(struct file_batch *b)
{
	b->names = true;
}

void file_batch_late(struct channel *c, const char *text)
{
	struct message m = {.kind = BATCH_LATE};

	snprintf(m.text, sizeof(m.text), "%s", text);
	message_send(c->feed_fd, &m, -1);
}

static int receive_late(struct batch_news *ret, const char *text)
{
	ret->late = true;
	snprintf(ret->late_text, sizeof(ret->late_text), "%.*s", (int)sizeof(ret->late_text) - 1,
		 text);
	return 1;
}

int file_batch_send(struct file_batch *b, struct channel *c)
{
	struct message m = {.kind = (b->whole ? BATCH_WHOLE : 0) | (b->names ? BATCH_NAMES : 0) |
				    (b->kept ? BATCH_KEPT : 0)};
	int r = b->error;

	if (!r && (fflush(b->file) || ferror(b->file)))
		r = -ENOMEM;
	r = r ? r : message_send(c->feed_fd, &m, b->fd);
	file_batch_free(b);
	return r;
}

static int visit_entries(const char *data, uint64_t size,
			 void (*visit)(void *arg, const struct fed_file *file), void *arg)
{
	struct fed_file file;
	struct entry e;
	uint64_t at = 0, left;

	while (at < size) {
		left = size - at;
		if (left < sizeof(e))
			return -EBADMSG;
		memcpy(&e, data + at, sizeof(e));
		left -= sizeof(e);
		at += sizeof(e);
		if (!e.name_bytes || e.name_bytes > left || e.content_bytes > left - e.name_bytes ||
		    data[at + e.name_bytes - 1])
			return -EBADMSG;
		file.name = data + at;
		file.bytes = (struct slice){data + at + e.name_bytes, e.content_bytes};
		if (e.flags & BATCH_PROBLEM &&
		    (!e.content_bytes || file.bytes.data[e.content_bytes - 1]))
			return -EBADMSG;
		file.removed = e.flags & BATCH_REMOVED;
		file.problem = e.flags & BATCH_PROBLEM ? file.bytes.data : NULL;
		visit(arg, &file);
		at += (e.name_bytes + e.content_bytes + 7) & ~7ull;
	}
	return 0;
}

int file_batch_receive(struct channel *c, int timeout_ms, struct batch_news *ret,
		       void (*visit)(void *arg, const struct fed_file *file), void *arg)
{
	cleanup_close int fd = -1;
	struct message m;
	off_t size;
	void *data;
	int r;

	if (wait_readable(c->files_fd, timeout_ms))
		return 0;
	r = message_receive(c->files_fd, &m, &fd, 0);
	if (r)
		return r;
	if (m.kind & BATCH_LATE)
		return receive_late(ret, m.text);
	if (fd < 0)
		return receive_late(ret, "the worker has no file descriptor left for them");
	size = lseek(fd, 0, SEEK_END);
	if (size < 0)
		return -EBADMSG;
	ret->whole |= m.kind & BATCH_WHOLE;
	ret->names |= m.kind & BATCH_NAMES;
	ret->kept = m.kind & BATCH_KEPT;
	if (!size)
		return 1;
	data = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	r = visit_entries(data, (uint64_t)size, visit, arg);
	munmap(data, (size_t)size);
	return r ? r : 1;
}

/* ---- questions */

static int explain(struct error *err, int r)
{
	return error_set(err, r, "the loader does not answer: %s", strerror(-r));
}

static int receive_answer(struct channel *c, struct message *m, struct payload *payload,
			  int *ret_fd, struct error *err)
{
	int r = wait_readable(c->ask_fd, ANSWER_MS);

	r = r ? r : message_receive_with(c->ask_fd, m, ret_fd, 0, payload);
	if (r)
		return explain(err, r);
	return m->result ? error_set(err, m->result, "%.255s", m->text) : 0;
}

/* Sends |m| and receives the answer in its place. */
static int exchange(struct channel *c, struct message *m, struct payload *payload, int *ret_fd,
		    struct error *err)
{
	int r = message_send_with(c->ask_fd, m, -1, payload);

	return r ? explain(err, r) : receive_answer(c, m, payload, ret_fd, err);
}

int channel_ask_begin(struct channel *c, enum channel_question question, uint64_t argument,
		      struct error *err)
{
	int r = message_send(c->ask_fd, &(struct message){.kind = question, .value = argument}, -1);

	return r ? explain(err, r) : 0;
}

void channel_ask_wait(struct channel *c, int timeout_ms)
{
	wait_readable(c->ask_fd, timeout_ms);
}

int channel_ask_end(struct channel *c, struct error *err)
{
	cleanup_close int fd = -1;
	struct message m;

	return receive_answer(c, &m, &(struct payload){NULL, 0}, &fd, err);
}

int channel_ask(struct channel *c, enum channel_question question, uint64_t argument,
		uint64_t *ret_value, int *ret_fd, struct error *err)
{
	struct message m = {.kind = question, .value = argument};
	cleanup_close int fd = -1;
	int r = exchange(c, &m, &(struct payload){NULL, 0}, &fd, err);

	if (r)
		return r;
	if (ret_value)
		*ret_value = m.value;
	if (ret_fd)
		*ret_fd = take_fd(&fd);
	return 0;
}

int channel_ask_data(struct channel *c, enum channel_question question, void *data, size_t bytes,
		     struct error *err)
{
	struct payload payload = {data, bytes};
	struct message m = {.kind = question};
	cleanup_close int fd = -1;

	if (bytes > CHANNEL_DATA_MAX)
		return error_set(err, -E2BIG, "too much for one question");
	return exchange(c, &m, &payload, &fd, err);
}

int channel_question_read(struct channel *c, enum channel_question *question, uint64_t *argument,
			  void *data, size_t *ret_bytes)
{
	struct payload payload = {data, CHANNEL_DATA_MAX};
	cleanup_close int fd = -1;
	struct message m;
	int r = message_receive_with(c->serve_fd, &m, &fd, MSG_DONTWAIT, &payload);

	if (r)
		return r;
	*question = m.kind;
	*argument = m.value;
	*ret_bytes = payload.bytes;
	return 0;
}

void channel_answer_data(struct channel *c, const void *data, size_t bytes)
{
	struct payload payload = {(void *)data, bytes};

	message_send_with(c->serve_fd, &(struct message){0}, -1, &payload);
}

void channel_answer(struct channel *c, int result, uint64_t value, int fd, const struct error *err)
{
	struct message m = {.result = result, .value = value};

	if (result && err)
		snprintf(m.text, sizeof(m.text), "%s", err->text);
	message_send(c->serve_fd, &m, fd);
}
