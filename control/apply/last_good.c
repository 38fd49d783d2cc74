// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A header with the size, then entries as they travel (control/apply/channel.h). */
#include "control/apply/last_good.h"

#include "base/cleanup.h"
#include "datapath/attach/kept.h"
#include "mesh-config/files.h"

#include <errno.h>
#include <string.h>

#define MAGIC 0x7765667466696c31ull /* changes with the layout of entries */

struct header {
	uint64_t magic;
	uint64_t bytes; /* that follow */
};

static struct fed_file file_at(const struct mesh_files *files, uint32_t i)
{
	return (struct fed_file){.name = files->items[i]->name, .bytes = files->items[i]->bytes};
}

static uint64_t size_of(const struct mesh_files *files)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < files->count; i++) {
		struct fed_file file = {0};

		if (!files->items[i])
			continue;
		file = file_at(files, i);
		bytes += file_entry_bytes(&file);
	}
	return bytes;
}

static void write_all(char *out, const struct mesh_files *files)
{
	for (uint32_t i = 0; i < files->count; i++) {
		struct fed_file file = {0};

		if (!files->items[i])
			continue;
		file = file_at(files, i);
		out += file_entry_write(&file, out);
	}
}

int last_good_keep(struct channel *c, const struct mesh_files *files, struct error *err)
{
	struct header header = {MAGIC, size_of(files)};
	uint64_t size_bytes = sizeof(header) + header.bytes;
	cleanup_close int fd = -1;
	char *data;
	int r = channel_ask(c, CHANNEL_KEEP, size_bytes, NULL, &fd, err);

	if (r)
		return r;
	data = fd < 0 ? NULL : kept_map(fd, size_bytes);
	if (!data)
		return error_set(err, -errno, "cannot map memory for files: %s", strerror(errno));
	memcpy(data, &header, sizeof(header));
	write_all(data + sizeof(header), files);
	kept_unmap(data, size_bytes);
	return channel_ask(c, CHANNEL_KEPT, 0, NULL, NULL, err);
}

void last_good_send(const char *pin_dir, struct channel *c)
{
	const struct header *header;
	struct file_batch *batch;
	uint64_t size_bytes = 0;
	cleanup_close int fd = kept_open(pin_dir, &size_bytes);
	char *data = fd >= 0 ? kept_map(fd, size_bytes) : NULL;

	if (!data)
		return;
	header = (const struct header *)data;
	if (header->magic == MAGIC && header->bytes <= size_bytes - sizeof(*header)) {
		batch = file_batch_kept((struct slice){data + sizeof(*header), header->bytes});
		if (batch)
			file_batch_send(batch, c);
	}
	kept_unmap(data, size_bytes);
}
