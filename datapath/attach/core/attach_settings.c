// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The settings, which agent and programs share as memory. */
#include "datapath/attach/core/attach_state.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

int attach_settings_start(struct attach *a, const struct attach_options *options,
			  uint32_t ring_bytes, struct error *err)
{
	struct weft_settings *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED,
				       attach_map_fd(a, "weft_settings"), 0);
	int cpus = libbpf_num_possible_cpus();
	struct timespec now;

	if (s == MAP_FAILED)
		return error_set(err, -errno, "cannot map the settings: %s", strerror(errno));
	clock_gettime(CLOCK_MONOTONIC, &now);
	a->settings = s;
	s->reader.epoch = s->reader.epoch ? s->reader.epoch : 1;
	s->ring_bytes = ring_bytes;
	s->ring_reserve_bytes = ring_bytes / 10;
	s->ring_wakeup_bytes = ring_bytes / 4;
	s->ring_grant_bytes = cpus > 0 ? s->ring_reserve_bytes / 2 / (uint32_t)cpus : 0;
	s->own_pid = (uint32_t)getpid();
	s->tls_keys = options->tls_keys;
	s->programs = options->mesh;
	s->reader.heartbeat_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	s->capture = options->capture;
	return 0;
}

void attach_settings_end(struct attach *a)
{
	if (!a->settings)
		return;
	a->settings->capture = 0;
	munmap(a->settings, sizeof(*a->settings));
}
