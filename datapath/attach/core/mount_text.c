// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fields are separated by blanks; blanks, commas and backslashes inside fields are octal
 * escapes. */
#include "datapath/attach/core/mount_text.h"

#define FIELD_ID       0
#define FIELD_DEVICE   2
#define FIELD_POINT    4
#define FIELD_OPTIONAL 6 /* zero or more, then a "-" */

static const struct slice local_types[] = {
	SLICE("ext2"),	    SLICE("ext3"),     SLICE("ext4"),	 SLICE("xfs"),	  SLICE("btrfs"),
	SLICE("bcachefs"),  SLICE("f2fs"),     SLICE("jfs"),	 SLICE("nilfs2"), SLICE("reiserfs"),
	SLICE("zfs"),	    SLICE("squashfs"), SLICE("erofs"),	 SLICE("cramfs"), SLICE("romfs"),
	SLICE("iso9660"),   SLICE("udf"),      SLICE("vfat"),	 SLICE("msdos"),  SLICE("exfat"),
	SLICE("ntfs3"),	    SLICE("hfs"),      SLICE("hfsplus"), SLICE("minix"),  SLICE("ubifs"),
	SLICE("jffs2"),	    SLICE("tmpfs"),    SLICE("ramfs"),	 SLICE("rootfs"), SLICE("devtmpfs"),
	SLICE("hugetlbfs"), SLICE("overlay"),
};

static const struct slice layer_options[] = {
	SLICE("lowerdir="),
	SLICE("lowerdir+="),
	SLICE("datadir+="),
	SLICE("upperdir="),
};

/* Removes and returns the text before |separator|; removes the separator, too. */
static struct slice take(struct slice *text, char separator)
{
	const char *end = text->size_bytes ? memchr(text->data, separator, text->size_bytes) : NULL;
	struct slice taken = {text->data, end ? (size_t)(end - text->data) : text->size_bytes};
	size_t gone = taken.size_bytes + (end != NULL);

	text->data += gone;
	text->size_bytes -= gone;
	return taken;
}

static bool number(struct slice s, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	for (size_t i = 0; i < s.size_bytes; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(s.data[i] - '0');
		if (value > max)
			return false;
	}
	*ret = value;
	return s.size_bytes;
}

static bool device(struct slice s, struct mount_entry *ret)
{
	struct slice first = take(&s, ':');
	uint64_t device_major, device_minor;

	if (!number(first, UINT32_MAX, &device_major) || !number(s, UINT32_MAX, &device_minor))
		return false;
	ret->device_major = (uint32_t)device_major;
	ret->device_minor = (uint32_t)device_minor;
	return true;
}

static bool parse(struct slice line, struct mount_entry *ret)
{
	struct slice fields[FIELD_OPTIONAL];

	for (unsigned i = 0; i < FIELD_OPTIONAL; i++)
		fields[i] = take(&line, ' ');
	while (line.size_bytes && !slice_equal(take(&line, ' '), SLICE("-")))
		;
	ret->point = fields[FIELD_POINT];
	ret->type = take(&line, ' ');
	take(&line, ' ');
	ret->options = line;
	return number(fields[FIELD_ID], UINT32_MAX, &ret->id) &&
	       device(fields[FIELD_DEVICE], ret) && ret->type.size_bytes &&
	       slice_starts_with(ret->point, SLICE("/"));
}

bool mount_text_next(struct slice *text, struct mount_entry *ret)
{
	while (text->size_bytes)
		if (parse(take(text, '\n'), ret))
			return true;
	return false;
}

bool mount_text_by_id(struct slice text, uint64_t id, struct mount_entry *ret)
{
	while (mount_text_next(&text, ret))
		if (ret->id == id)
			return true;
	return false;
}

bool mount_text_by_device(struct slice text, uint32_t device_major, uint32_t device_minor,
			  struct mount_entry *ret)
{
	while (mount_text_next(&text, ret))
		if (ret->device_major == device_major && ret->device_minor == device_minor)
			return true;
	return false;
}

/* ---- names */

/* Removes and decodes one byte of |s|, which is not empty. */
static char take_byte(struct slice *s)
{
	const char *d = s->data;
	bool octal = s->size_bytes >= 4 && d[0] == '\\' && d[1] >= '0' && d[1] <= '3' &&
		     d[2] >= '0' && d[2] <= '7' && d[3] >= '0' && d[3] <= '7';
	char byte = octal ? (char)((d[1] - '0') << 6 | (d[2] - '0') << 3 | (d[3] - '0')) : *d;
	size_t gone = octal ? 4 : 1;

	s->data += gone;
	s->size_bytes -= gone;
	return byte;
}

/* The rest of |path| after the mount point, or NULL: it is not below it. */
static const char *after(struct slice point, const char *path)
{
	while (point.size_bytes) {
		char byte = take_byte(&point);

		if (!byte || byte != *path)
			return NULL;
		path++;
	}
	return path;
}

bool mount_entry_is_at(const struct mount_entry *entry, const char *path)
{
	const char *left = after(entry->point, path);

	return left && !*left;
}

bool mount_text_above(struct slice text, const char *path, struct mount_entry *ret)
{
	struct mount_entry e;
	bool found = false;

	while (mount_text_next(&text, &e)) {
		const char *left = after(e.point, path);

		if (!left || (*left && *left != '/' && left[-1] != '/') ||
		    (found && e.point.size_bytes < ret->point.size_bytes))
			continue;
		*ret = e;
		found = true;
	}
	return found;
}

/* ---- types */

bool mount_type_is_local(struct slice type)
{
	for (size_t i = 0; i < sizeof(local_types) / sizeof(local_types[0]); i++)
		if (slice_equal(type, local_types[i]))
			return true;
	return false;
}

bool mount_type_is_overlay(struct slice type)
{
	return slice_equal(type, SLICE("overlay"));
}

/* Copies up to a colon; a backslash makes a colon part of the name. */
static void take_layer(struct slice *value, char ret[PATH_MAX])
{
	size_t n = 0;

	while (value->size_bytes) {
		char byte = take_byte(value);

		if (byte == ':')
			break;
		if (byte == '\\' && value->size_bytes)
			byte = take_byte(value);
		if (n < PATH_MAX - 1)
			ret[n++] = byte;
	}
	ret[n] = 0;
}

/* The layers in |option|; empty if it is another option. */
static struct slice layers_of(struct slice option)
{
	for (size_t i = 0; i < sizeof(layer_options) / sizeof(layer_options[0]); i++) {
		size_t name_bytes = layer_options[i].size_bytes;

		if (slice_starts_with(option, layer_options[i]))
			return (struct slice){option.data + name_bytes,
					      option.size_bytes - name_bytes};
	}
	return (struct slice){0};
}

bool mount_layer_next(struct mount_layers *l, char ret[PATH_MAX])
{
	while (!l->value.size_bytes) {
		if (!l->options.size_bytes)
			return false;
		l->value = layers_of(take(&l->options, ','));
	}
	take_layer(&l->value, ret);
	return true;
}
