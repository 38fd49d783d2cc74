// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a control group's path says about the workload in it. */
#include "datapath/observe/cgroup_name.h"
#include "base/slice.h"

#define SHORT_ID_BYTES 12

/* Takes the last component from the end of |path|; false when nothing is left. */
static bool take_last(struct slice *path, struct slice *ret_component)
{
	size_t start;

	while (path->size_bytes && path->data[path->size_bytes - 1] == '/')
		path->size_bytes--;
	if (!path->size_bytes)
		return false;
	start = path->size_bytes;
	while (start && path->data[start - 1] != '/')
		start--;
	*ret_component = (struct slice){path->data + start, path->size_bytes - start};
	path->size_bytes = start;
	return true;
}

static struct slice without(struct slice s, size_t front_bytes, size_t back_bytes)
{
	return (struct slice){s.data + front_bytes, s.size_bytes - front_bytes - back_bytes};
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* Runtimes write ids of 64 hex digits, alone or between a prefix and ".scope";
 * conmon only watches. */
static bool container_id(struct slice component, struct slice *ret_id)
{
	size_t run = 0;

	if (memmem(component.data, component.size_bytes, "conmon", 6))
		return false;
	for (size_t i = 0; i <= component.size_bytes; i++) {
		if (i < component.size_bytes && is_hex(component.data[i])) {
			run++;
			continue;
		}
		if (run == CGROUP_CONTAINER_ID_BYTES) {
			*ret_id = (struct slice){component.data + i - run, run};
			return true;
		}
		run = 0;
	}
	return false;
}

/* LXC and systemd-nspawn name their groups after the container: alone, or as a unit. */
static bool container_called(struct slice component, struct slice *ret_name)
{
	static const struct slice prefixes[] = {
		{"lxc.payload.", 12}, {"machine-", 8}, {"systemd-nspawn@", 15}};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (!slice_starts_with(component, prefixes[i]))
			continue;
		*ret_name = without(component, prefixes[i].size_bytes, 0);
		if (slice_ends_with(*ret_name, SLICE(".scope")))
			*ret_name = without(*ret_name, 0, 6);
		else if (slice_ends_with(*ret_name, SLICE(".service")))
			*ret_name = without(*ret_name, 0, 8);
		return ret_name->size_bytes;
	}
	return false;
}

static bool find_container(struct slice path, struct slice *ret_name)
{
	struct slice component;

	while (take_last(&path, &component)) {
		if (container_id(component, ret_name)) {
			ret_name->size_bytes = SHORT_ID_BYTES;
			return true;
		}
		if (container_called(component, ret_name))
			return true;
	}
	return false;
}

static bool find_unit(struct slice path, struct slice *ret_name)
{
	while (take_last(&path, ret_name)) {
		if (!slice_ends_with(*ret_name, SLICE(".service")) || ret_name->size_bytes == 8 ||
		    slice_starts_with(*ret_name, SLICE("user@")))
			continue;
		*ret_name = without(*ret_name, 0, 8);
		return true;
	}
	return false;
}

static int digit_of(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* In names of units systemd writes other characters than its own as "\xHH". */
static void unescape(char *name)
{
	char *out = name;

	for (; *name; name++) {
		*out = *name;
		if (name[0] == '\\' && name[1] == 'x' && is_hex(name[2]) && is_hex(name[3])) {
			*out = (char)(digit_of(name[2]) << 4 | digit_of(name[3]));
			name += 3;
		}
		out++;
	}
	*out = 0;
}

const char *cgroup_name(const char *path, char *name, size_t size)
{
	struct slice whole = {path, strlen(path)};
	struct slice found;

	if (find_container(whole, &found)) {
		slice_copy(found, name, size);
		unescape(name);
		return "container";
	}
	if (find_unit(whole, &found)) {
		slice_copy(found, name, size);
		return "unit";
	}
	if (!take_last(&whole, &found) || slice_ends_with(found, SLICE(".slice")) ||
	    slice_starts_with(found, SLICE("session-")) ||
	    slice_starts_with(found, SLICE("user@")) || slice_equal(found, SLICE("init.scope")))
		return NULL;
	slice_copy(found, name, size);
	return "cgroup";
}

bool cgroup_container_id(const char *path, char ret_id[CGROUP_CONTAINER_ID_BYTES + 1])
{
	struct slice whole = {path, strlen(path)}, component, id;

	while (take_last(&whole, &component)) {
		if (!container_id(component, &id))
			continue;
		slice_copy(id, ret_id, CGROUP_CONTAINER_ID_BYTES + 1);
		return true;
	}
	return false;
}
