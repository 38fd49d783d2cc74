/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One uprobe on one place of one file, for all processes: attached, pinned and adopted. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct bpf_link;
struct bpf_program;

/* The same program for both ways to attach; only one needs to be loaded, the other may be NULL. */
struct uprobe_programs {
	struct bpf_program *multi; /* uprobe_multi link: Linux 6.6, needs CAP_BPF and CAP_PERFMON */
	struct bpf_program *single; /* perf event: needs CAP_SYS_ADMIN on newer kernels */
};

/* Whether this kernel has uprobe_multi links: decides which program to load. */
bool uprobe_multi_supported(void);

/* Puts a probe on byte |file_offset| of the file |fd| in every process, now and later. The caller
 * vouches that an instruction begins there. The file is held by the link; |fd| may be closed. 0 or
 * libbpf's errno. The caller frees with uprobe_link_close. */
int uprobe_link_attach(const struct uprobe_programs *programs, int fd, uint64_t file_offset,
		       struct bpf_link **ret, struct error *err);

/* Takes over the link pinned at |path| if it runs this very program into the same ring (map
 * weft_ring). 0; -ENOENT: nothing is pinned there; -ESTALE: the pin is of another
 * program or ring. */
int uprobe_link_adopt(const struct uprobe_programs *programs, const char *path,
		      struct bpf_link **ret);

/* Pins |link| at |path|, in place of what is pinned there. 0 or a negative errno; the link stays
 * valid. */
int uprobe_link_pin(struct bpf_link *link, const char *path);

/* Gives |link| (may be NULL) back. The probe goes away with it unless it is pinned and |keep| is
 * true. */
void uprobe_link_close(struct bpf_link *link, bool keep);
