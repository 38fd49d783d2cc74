// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A sequence of entries in a memfd, which is passed as a descriptor. */
#include "control/apply/file_batch.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ENTRY_REMOVED 1u
#define ENTRY_PROBLEM 2u /* the content is the reason why there is none */

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
	uint32_t flags; /* IPC_FILES_* */
};

struct file_batch *file_batch_new(bool snapshot)
{
	struct file_batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->flags = snapshot ? IPC_FILES_SNAPSHOT : 0;
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
	return (struct entry){.flags = file->problem   ? ENTRY_PROBLEM
				       : file->removed ? ENTRY_REMOVED
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
	b->flags = IPC_FILES_KEPT;
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
	b->flags |= IPC_FILES_NAMES;
}

void file_batch_late(struct ipc *compiler, const char *text)
{
	struct ipc_files m = {.flags = IPC_FILES_LATE};

	snprintf(m.text, sizeof(m.text), "%s", text);
	ipc_tell(compiler, IPC_MESSAGE_FILES, &m, sizeof(m), -1);
}

static int receive_late(struct batch_news *ret, const char *text)
{
	ret->late = true;
	snprintf(ret->late_text, sizeof(ret->late_text), "%.*s", (int)sizeof(ret->late_text) - 1,
		 text);
	return 1;
}

int file_batch_send(struct file_batch *b, struct ipc *compiler)
{
	struct ipc_files m = {.flags = b->flags};
	int r = b->error;

	if (!r && (fflush(b->file) || ferror(b->file)))
		r = -ENOMEM;
	r = r ? r : ipc_tell(compiler, IPC_MESSAGE_FILES, &m, sizeof(m), b->fd);
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
		if (e.flags & ENTRY_PROBLEM &&
		    (!e.content_bytes || file.bytes.data[e.content_bytes - 1]))
			return -EBADMSG;
		file.removed = e.flags & ENTRY_REMOVED;
		file.problem = e.flags & ENTRY_PROBLEM ? file.bytes.data : NULL;
		visit(arg, &file);
		at += (e.name_bytes + e.content_bytes + 7) & ~7ull;
	}
	return 0;
}

int file_batch_receive(struct ipc *i, int timeout_ms, struct batch_news *ret,
		       void (*visit)(void *arg, const struct fed_file *file), void *arg)
{
	cleanup_close int fd = -1;
	struct ipc_request request;
	struct ipc_files m;
	off_t size;
	void *data;
	int r;

	if (!ipc_wait(i, timeout_ms))
		return 0;
	r = ipc_receive(i, &request, &m, sizeof(m), &fd);
	if (r)
		return r == -EAGAIN ? 0 : r;
	if (m.flags & IPC_FILES_LATE)
		return receive_late(ret, m.text);
	if (fd < 0)
		return receive_late(ret, "the worker has no file descriptor left for them");
	size = lseek(fd, 0, SEEK_END);
	if (size < 0)
		return -EBADMSG;
	ret->snapshot |= m.flags & IPC_FILES_SNAPSHOT;
	ret->names |= m.flags & IPC_FILES_NAMES;
	ret->kept = m.flags & IPC_FILES_KEPT;
	if (!size)
		return 1;
	data = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return receive_late(ret, "the worker has no memory left for them");
	r = visit_entries(data, (uint64_t)size, visit, arg);
	munmap(data, (size_t)size);
	return r ? r : 1;
}
