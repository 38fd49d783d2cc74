/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests of the keys probe: the programs loaded, libraries watched, secrets collected. Needs
 * root. */
#pragma once

#include "datapath/attach/tls/libraries.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/types.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "bpf/abi.h"
#include "datapath/attach/tls/mapping_trace.h"
#include "datapath/attach/core/sandbox_test.h"
#include "weft.skel.h"

#define CAUGHT_MAX 4096

static struct fixture {
	struct weft_bpf *skeleton;
	struct libraries *libraries;
	bool derive_only; /* as with libraries of which only the derivation can be probed */
	struct ring_buffer *ring;
	pthread_t pump;
	volatile bool stop;
	char dir[64];
	char pins[80];
	uint64_t cgroup_id;	  /* of the test's programs: the probe sees the whole machine */
	pthread_mutex_t watching; /* held while |libraries| is used */
	pthread_mutex_t lock;
	struct weft_secret caught[CAUGHT_MAX];
	unsigned count;
} fx = {.watching = PTHREAD_MUTEX_INITIALIZER, .lock = PTHREAD_MUTEX_INITIALIZER};

static inline int on_record(void *arg, void *data, size_t size_bytes)
{
	const struct weft_secret *s = data;

	(void)arg;
	if (size_bytes < sizeof(*s) || s->event.kind != WEFT_EVENT_SECRET)
		return 0;
	if (fx.cgroup_id && s->cgroup_id != fx.cgroup_id)
		return 0;
	pthread_mutex_lock(&fx.lock);
	if (fx.count < CAUGHT_MAX)
		fx.caught[fx.count++] = *s;
	pthread_mutex_unlock(&fx.lock);
	return 0;
}

static inline void *pump(void *arg)
{
	struct pollfd fds[] = {
		{.fd = libraries_fd(fx.libraries), .events = POLLIN},
		{.fd = ring_buffer__epoll_fd(fx.ring), .events = POLLIN},
	};

	(void)arg;
	while (!fx.stop) {
		poll(fds, 2, 20);
		pthread_mutex_lock(&fx.watching);
		if (fds[0].revents)
			libraries_handle(fx.libraries);
		pthread_mutex_unlock(&fx.watching);
		ring_buffer__consume(fx.ring);
	}
	return NULL;
}

static inline int load(void)
{
	struct bpf_program *p;

	fx.skeleton = weft_bpf__open();
	if (!fx.skeleton)
		return -1;
	bool multi = uprobe_multi_supported();

	bpf_object__for_each_program(p, fx.skeleton->obj) bpf_program__set_autoload(
		p, p == fx.skeleton->progs.tls_keys || p == fx.skeleton->progs.tls_log);
	bpf_program__set_autoload(fx.skeleton->progs.tls_keys_multi, multi);
	bpf_program__set_autoload(fx.skeleton->progs.tls_log_multi, multi);
	bpf_program__set_autoload(fx.skeleton->progs.code_mapped, mapping_trace_supported());
	return weft_bpf__load(fx.skeleton);
}

static inline int set_settings(uint32_t tls_keys, uint32_t own_pid)
{
	struct weft_settings set = {.tls_keys = tls_keys, .own_pid = own_pid};
	uint32_t zero = 0;

	return bpf_map_update_elem(bpf_map__fd(fx.skeleton->maps.weft_settings), &zero, &set, 0);
}

static inline struct libraries_options options(const char *pin_dir)
{
	struct libraries_options o = {
		.derives = {fx.skeleton->progs.tls_keys_multi, fx.skeleton->progs.tls_keys},
		.logs = {fx.skeleton->progs.tls_log_multi, fx.skeleton->progs.tls_log},
		.mappings = {fx.skeleton->progs.code_mapped,
			     bpf_map__fd(fx.skeleton->maps.mapped_ring),
			     bpf_map__fd(fx.skeleton->maps.mapped_lost)},
		.pin_dir = pin_dir,
	};

	if (fx.derive_only)
		o.logs = (struct uprobe_programs){0};
	return o;
}

static inline int start_watching(void)
{
	struct libraries_options o = options(fx.pins);
	struct error err;

	if (libraries_new(&o, &fx.libraries, &err)) {
		print_error("%s\n", err.text);
		return -1;
	}
	if (libraries_scan(fx.libraries))
		return -1;
	fx.stop = false;
	return pthread_create(&fx.pump, NULL, pump, NULL);
}

static inline void stop_watching(void)
{
	fx.stop = true;
	pthread_join(fx.pump, NULL);
	libraries_free(fx.libraries, false);
	fx.libraries = NULL;
}

static const char make_certificate[] = "cd $T && openssl req -x509 -newkey rsa:2048 -nodes -keyout "
				       "key -out crt -days 2 -subj /CN=localhost 2>/dev/null";

static inline int setup(void **state)
{
	(void)state;
	if (geteuid())
		return 0;
	libbpf_set_print(NULL);
	snprintf(fx.dir, sizeof(fx.dir), "/tmp/weft-libraries-XXXXXX");
	fx.cgroup_id = private_cgroup();
	if (!mkdtemp(fx.dir) || setenv("T", fx.dir, 1) || private_loopback())
		return -1;
	snprintf(fx.pins, sizeof(fx.pins), "%s/pins", fx.dir);
	if (mkdir(fx.pins, 0700) || mount("bpf", fx.pins, "bpf", 0, NULL))
		return -1;
	if (system(make_certificate) || load() || set_settings(1, (uint32_t)getpid()))
		return -1;
	fx.ring = ring_buffer__new(bpf_map__fd(fx.skeleton->maps.weft_ring), on_record, NULL, NULL);
	return fx.ring ? start_watching() : -1;
}

static inline int teardown(void **state)
{
	(void)state;
	if (geteuid())
		return 0;
	stop_watching();
	ring_buffer__free(fx.ring);
	weft_bpf__destroy(fx.skeleton);
	umount(fx.pins);
	leave_cgroup();
	return system("rm -rf $T") ? -1 : 0;
}
