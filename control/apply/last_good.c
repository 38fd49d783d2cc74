// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A header with the size, then entries in the format of batches (control/apply/file_batch.h); the
 * last entry of a name counts. */
#include "control/apply/last_good.h"

#include "base/cleanup.h"
#include "datapath/attach/core/kept.h"
#include "mesh-config/resolve/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC	   0x7765667466696c31ull /* changes with the layout of entries */
#define PART_BYTES (256u << 10)
#define ROOM_BYTES 65536u /* for changes, and a quarter of what there is */

struct header {
	uint64_t magic;
	uint64_t bytes; /* that follow */
};

struct last_good {
	struct ipc *loader;
	struct mesh_files *wanted; /* NULL: nothing is to be done */
	/* The stored entries, or those being stored. */
	char *data; /* NULL: nothing */
	uint64_t size_bytes, used_bytes;
	struct mesh_files *files; /* whose entries are in |data| */
	uint32_t written;	  /* the places of |files| before this one */
	bool kept;		  /* |data| was, since it began */
	bool hurries;		  /* too much changed meanwhile: all parts at once */
	bool waits;		  /* the loader did not answer in time */
};

/* ---- entries */

/* The bytes of an entry, which is written where |out| is not NULL. */
static uint64_t entry_put(const struct fed_file *file, char *out)
{
	return out ? file_entry_write(file, out) : file_entry_bytes(file);
}

static struct fed_file file_of(const struct mesh_file *f)
{
	return (struct fed_file){.name = f->name, .bytes = f->bytes};
}

static struct mesh_file *file_at(const struct mesh_files *files, uint32_t place)
{
	return place < files->count ? files->items[place] : NULL;
}

static uint64_t gone_put(const struct mesh_files *old, const struct mesh_files *new, char *out)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < old->count; i++) {
		const struct mesh_file *before = old->items[i], *now = file_at(new, i);

		if (before && before != now && !(now && !strcmp(before->name, now->name)))
			bytes +=
				entry_put(&(struct fed_file){.name = before->name, .removed = true},
					  out ? out + bytes : NULL);
	}
	return bytes;
}

/* The changes from |old| to |new|: removals first, since a file may have another place now. */
static uint64_t difference_put(const struct mesh_files *old, const struct mesh_files *new,
			       char *out)
{
	uint64_t bytes = gone_put(old, new, out);

	for (uint32_t i = 0; i < new->count; i++) {
		struct fed_file file;

		if (!new->items[i] || new->items[i] == file_at(old, i))
			continue;
		file = file_of(new->items[i]);
		bytes += entry_put(&file, out ? out + bytes : NULL);
	}
	return bytes;
}

/* ---- compiler */

struct last_good *last_good_new(struct ipc *loader)
{
	struct last_good *l = calloc(1, sizeof(*l));

	if (l)
		l->loader = loader;
	return l;
}

void last_good_want(struct last_good *l, struct mesh_files *files)
{
	mesh_files_put(l->wanted);
	l->wanted = files ? mesh_files_get(files) : NULL;
}

static void forget(struct last_good *l)
{
	kept_unmap(l->data, l->size_bytes);
	mesh_files_put(l->files);
	l->data = NULL;
	l->files = NULL;
}

void last_good_free(struct last_good *l)
{
	if (!l)
		return;
	last_good_want(l, NULL);
	forget(l);
	free(l);
}

static uint64_t size_for(const struct mesh_files *files)
{
	uint64_t least =
		sizeof(struct header) + difference_put(&(struct mesh_files){0}, files, NULL);
	uint64_t size_bytes = least + least / 4 + ROOM_BYTES;

	return size_bytes <= KEPT_MAX_BYTES || least > KEPT_MAX_BYTES ? size_bytes : KEPT_MAX_BYTES;
}

/* Memory for what is wanted now. 0 or a negative errno. */
static int start(struct last_good *l)
{
	uint64_t size_bytes = size_for(l->wanted);
	struct ipc_answer answer = {.wants_fd = true};
	int r;

	forget(l);
	r = ipc_ask(l->loader, IPC_MESSAGE_KEEP, &size_bytes, sizeof(size_bytes), &answer, NULL);
	if (r)
		return r;
	l->data = answer.fd < 0 ? NULL : kept_map(answer.fd, size_bytes);
	cleanup_close_fd(&answer.fd);
	l->size_bytes = size_bytes;
	l->used_bytes = sizeof(struct header);
	l->files = mesh_files_get(l->wanted);
	l->written = 0;
	l->kept = false;
	return l->data ? 0 : -ENOMEM;
}

static void write_part(struct last_good *l)
{
	uint64_t end = l->hurries ? UINT64_MAX : l->used_bytes + PART_BYTES;

	for (; l->written < l->files->count && l->used_bytes < end; l->written++) {
		struct fed_file file;

		if (!l->files->items[l->written])
			continue;
		file = file_of(l->files->items[l->written]);
		l->used_bytes += file_entry_write(&file, l->data + l->used_bytes);
	}
}

/* Writes the size last, so that incomplete data does not count. 0 when it is stored. */
static int finish(struct last_good *l)
{
	struct header *header = (struct header *)l->data;

	l->used_bytes += difference_put(l->files, l->wanted, l->data + l->used_bytes);
	mesh_files_put(l->files);
	l->files = mesh_files_get(l->wanted);
	l->written = l->files->count;
	header->magic = MAGIC;
	__atomic_store_n(&header->bytes, l->used_bytes - sizeof(*header), __ATOMIC_RELEASE);
	return ipc_ask(l->loader, IPC_MESSAGE_KEPT, NULL, 0, NULL, NULL);
}

/* True: there is more to do. */
static bool step(struct last_good *l)
{
	int r;

	if (l->data && l->written < l->files->count) {
		write_part(l);
		return true;
	}
	if (!l->data || difference_put(l->files, l->wanted, NULL) > l->size_bytes - l->used_bytes) {
		l->hurries = l->data && !l->kept;
		r = start(l);
		if (!r)
			return true;
	} else {
		r = finish(l);
	}
	l->hurries = false;
	l->waits = r == -ETIMEDOUT;
	if (l->waits)
		return false;
	l->kept = !r;
	last_good_want(l, NULL);
	if (r)
		forget(l);
	return false;
}

bool last_good_write(struct last_good *l)
{
	bool more = l->wanted;

	while (more) {
		more = step(l);
		if (!l->hurries)
			break;
	}
	return more;
}

bool last_good_waits(const struct last_good *l)
{
	return l->waits && l->wanted;
}

/* ---- loader */

void last_good_send(const char *pin_dir, struct ipc *compiler)
{
	struct header header;
	struct file_batch *batch;
	uint64_t size_bytes = 0;
	cleanup_close int fd = kept_open(pin_dir, &size_bytes);
	char *data = fd >= 0 ? kept_map(fd, size_bytes) : NULL;

	if (!data)
		return;
	memcpy(&header, data, sizeof(header)); /* once: others may write to it */
	if (header.magic == MAGIC && header.bytes <= size_bytes - sizeof(header)) {
		batch = file_batch_kept((struct slice){data + sizeof(header), header.bytes});
		if (batch)
			file_batch_send(batch, compiler);
	}
	kept_unmap(data, size_bytes);
}
