// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The maps that agent and programs share as memory: settings, ranges to skip, the account. */
#include "datapath/attach/core/attach_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SKIPS_BYTES ((WEFT_SKIPS * sizeof(struct weft_skip) + 4095) / 4096 * 4096)

int attach_settings_start(struct attach *a, const struct attach_options *options,
			  uint32_t ring_bytes, struct error *err)
{
	struct weft_settings *s = mmap(NULL, (size_t)getpagesize(), PROT_READ | PROT_WRITE,
				       MAP_SHARED, attach_map_fd(a, "weft_settings"), 0);
	int cpus = libbpf_num_possible_cpus();
	struct timespec now;

	if (s == MAP_FAILED)
		return error_set(err, -errno, "cannot map the settings: %s", strerror(errno));
	clock_gettime(CLOCK_MONOTONIC, &now);
	a->settings = s;
	a->skips = mmap(NULL, SKIPS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			attach_map_fd(a, "weft_skips"), 0);
	if (a->skips == MAP_FAILED)
		a->skips = NULL; /* without it long bodies inside TLS are copied */
	a->account = mmap(NULL, (size_t)getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED,
			  attach_map_fd(a, "weft_account"), 0);
	if (a->account == MAP_FAILED) {
		a->account = NULL;
		return error_set(err, -errno, "cannot map the account: %s", strerror(errno));
	}
	s->epoch = s->epoch ? s->epoch : 1;
	s->ring_bytes = ring_bytes;
	s->ring_reserve_bytes = ring_bytes / 10;
	s->ring_wakeup_bytes = ring_bytes / 4;
	s->ring_grant_bytes = cpus > 0 ? s->ring_reserve_bytes / 2 / (uint32_t)cpus : 0;
	s->own_pid = (uint32_t)getpid();
	s->tls_keys = options->tls_keys;
	s->programs = options->mesh;
	attach_heartbeat(a, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
	s->capture = options->capture;
	return 0;
}

void attach_settings_end(struct attach *a)
{
	if (!a->settings)
		return;
	a->settings->capture = 0;
	munmap(a->settings, (size_t)getpagesize());
	if (a->account)
		munmap(a->account, (size_t)getpagesize());
	if (a->skips)
		munmap(a->skips, SKIPS_BYTES);
}
