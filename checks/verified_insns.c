// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Loads a BPF object and prints how many instructions the verifier walked through for each program.
 * 0: not loaded, as not every kernel loads it (iterators over a map where they are refused, what
 * the agent asks for only after it has tried), or its name begins with a prefix that is given.
 * Usage: verified_insns OBJECT [PREFIX...] */
#include <linux/types.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_wanted(const struct bpf_program *program, char **prefixes, bool maps_walked)
{
	for (; *prefixes; prefixes++)
		if (!strncmp(bpf_program__name(program), *prefixes, strlen(*prefixes)))
			return false;
	return maps_walked ||
	       strcmp(bpf_program__section_name(program), "iter/bpf_sk_storage_map") != 0;
}

static struct bpf_object *load(char **words, bool maps_walked)
{
	struct bpf_object *object = bpf_object__open_file(words[0], NULL);
	struct bpf_program *program;
	int r;

	if (!object)
		return NULL;
	bpf_object__for_each_program(program, object)
	{
		if (!is_wanted(program, words + 1, maps_walked))
			bpf_program__set_autoload(program, false);
	}
	r = bpf_object__load(object);
	if (!r)
		return object;
	bpf_object__close(object);
	errno = -r;
	return NULL;
}

int main(int argc, char **argv)
{
	struct bpf_object *object = argc > 1 ? load(argv + 1, true) : NULL;
	struct bpf_program *program;

	if (!object && argc > 1 && errno == EPERM)
		object = load(argv + 1, false);
	if (!object)
		return 1;
	bpf_object__for_each_program(program, object)
	{
		struct bpf_prog_info info = {0};
		__u32 size = sizeof(info);

		if (bpf_program__autoload(program) &&
		    bpf_prog_get_info_by_fd(bpf_program__fd(program), &info, &size))
			return 1;
		printf("%s %u\n", bpf_program__name(program), info.verified_insns);
	}
	bpf_object__close(object);
	return 0;
}
