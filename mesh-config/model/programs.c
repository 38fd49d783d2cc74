// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The hash is that of bpf/abi_program.h: components from the last to the first. */
#include "mesh-config/model/programs.h"

#include <limits.h>
#include <string.h>

bool program_is_path(const char *executable)
{
	return executable[0] == '/';
}

const char *program_name(const char *executable)
{
	const char *slash = strrchr(executable, '/');

	return slash ? slash + 1 : executable;
}

static void add_component(struct weft_path_hash *hash, const char *name, size_t size)
{
	for (size_t i = 0; i < size; i += sizeof(__u64)) {
		size_t rest = size - i;
		__u64 word = 0;

		memcpy(&word, name + i, rest < sizeof(word) ? rest : sizeof(word));
		weft_path_word(hash, word);
	}
	weft_path_word(hash, size);
}

static __u64 name_hash(const char *name)
{
	struct weft_path_hash hash;

	weft_path_begin(&hash);
	add_component(&hash, name, strlen(name));
	return weft_path_end(&hash);
}

void program_of(const char *executable, struct weft_program *ret)
{
	const char *end = executable + strlen(executable), *name;
	struct weft_path_hash hash;

	*ret = (struct weft_program){.name = name_hash(program_name(executable))};
	if (!program_is_path(executable))
		return;
	weft_path_begin(&hash);
	for (; end > executable; end = name - 1) {
		for (name = end; name[-1] != '/';)
			name--;
		add_component(&hash, name, (size_t)(end - name));
	}
	ret->path = weft_path_end(&hash);
	ret->path_more = weft_path_more(&hash);
}

static bool name_is_clean(const char *name, size_t size)
{
	return size && !(size == 1 && name[0] == '.') && !(size == 2 && !memcmp(name, "..", 2));
}

const char *program_path_problem(const char *path)
{
	unsigned components = 0;

	if (strlen(path) >= PATH_MAX)
		return "is longer than a path can be";
	while (*path) {
		size_t size = strcspn(++path, "/");

		if (!name_is_clean(path, size))
			return "is not a path as the kernel writes it";
		if (size > NAME_MAX)
			return "has a component that is longer than 255 characters";
		path += size;
		components++;
	}
	return components > WEFT_PATH_COMPONENTS ? "has more than 32 components" : NULL;
}
