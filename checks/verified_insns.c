// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Loads a BPF object and prints how many instructions the verifier walked through for each program;
 * 0 for what not every kernel loads: iterators over a map where they are refused, and programs that
 * the agent asks for only after it has tried. */
#include <linux/types.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static struct bpf_object *load(const char *path, bool maps_walked)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	int r;

	if (!object)
		return NULL;
	bpf_object__for_each_program(program, object)
	{
		if (!strcmp(bpf_program__section_name(program), "iter/bpf_sk_storage_map"))
			bpf_program__set_autoload(program, maps_walked);
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
	struct bpf_object *object = argc == 2 ? load(argv[1], true) : NULL;
	struct bpf_program *program;

	if (!object && argc == 2 && errno == EPERM)
		object = load(argv[1], false);
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
