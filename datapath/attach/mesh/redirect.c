// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Attaching, self-test, and the list of services. */
#include "datapath/attach/mesh/redirect.h"

#include "base/cleanup.h"
#include "datapath/attach/core/attach.h"
#include "datapath/attach/mesh/redirect_proof.h"
#include "datapath/attach/core/pins.h"
#include "datapath/attach/core/repin.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define OLDEST_MAJOR 6 /* older kernels have bugs here that the self-test cannot detect */
#define OLDEST_MINOR 6

/* In order of attachment: no socket is enrolled before its reads are watched. */
static const enum program LINKS[] = {PROGRAM_redirect_read, PROGRAM_redirect_option,
				     PROGRAM_redirect_enrol};
#define LINK_COUNT (sizeof(LINKS) / sizeof(LINKS[0]))

static const char *const MAPS[] = {"weft_sockets", "weft_accel", "weft_pairs", "weft_syns",
				   "weft_readers"};

struct redirect {
	const struct attach *attach;
	struct bpf_link *links[LINK_COUNT];
	int sockets_fd; /* owned by attach */
	int accel_fd;
	bool adopted;
	char limits[200];
};

int redirect_service_parse(const char *text, struct redirect_service *ret)
{
	const char *colon = strrchr(text, ':');
	struct redirect_service service = {0};
	size_t length = colon ? (size_t)(colon - text) : 0;
	char address[64], *end;
	unsigned long port;

	if (!colon || length >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = 0;
	port = strtoul(colon + 1, &end, 10);
	if (*end || end == colon + 1 || port < 1 || port > 65535)
		return -EINVAL;
	service.key.port = (__u16)port;
	if (length > 1 && address[0] == '[' && address[length - 1] == ']') {
		address[length - 1] = 0;
		if (inet_pton(AF_INET6, address + 1, service.key.addr) != 1)
			return -EINVAL;
	} else if (length) {
		memset(service.key.addr + 10, 0xff, 2);
		if (inet_pton(AF_INET, address, service.key.addr + 12) != 1)
			return -EINVAL;
	}
	*ret = service;
	return 0;
}

void redirect_leave_out(struct bpf_object *object)
{
	for (size_t i = 0; i < sizeof(MAPS) / sizeof(MAPS[0]); i++)
		bpf_map__set_autocreate(bpf_object__find_map_by_name(object, MAPS[i]), false);
	bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "weft_lanes"), 1);
}

/* ---- attaching */

static void link_path(const struct redirect *r, size_t i, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", attach_link_dir(r->attach), program_table[LINKS[i]].name);
}

/* All of them or none. */
static bool links_adopt(struct redirect *r)
{
	char path[512];

	for (size_t i = 0; i < LINK_COUNT && attach_link_dir(r->attach); i++) {
		link_path(r, i, path, sizeof(path));
		r->links[i] = bpf_link__open(path);
	}
	for (size_t i = 0; i < LINK_COUNT; i++)
		if (!r->links[i])
			return false;
	return true;
}

static void links_remove(struct redirect *r)
{
	char path[512];

	for (size_t i = LINK_COUNT; i--;) {
		if (attach_link_dir(r->attach)) {
			link_path(r, i, path, sizeof(path));
			unlink(path);
		}
		bpf_link__destroy(r->links[i]);
		r->links[i] = NULL;
	}
}

/* NULL, with |err|: the kernel does not load it. */
static struct bpf_program *loaded(const struct redirect *r, enum program p, struct error *err)
{
	struct bpf_program *program = attach_program(r->attach, p);

	if (!program)
		error_set(err, -ENOTSUP, "this kernel does not load %s", program_table[p].name);
	return program;
}

static int refused(enum program p, struct error *err)
{
	return error_set(err, -errno, "%s cannot be attached: %s", program_table[p].name,
			 strerror(errno));
}

static int link_attach(struct redirect *r, size_t i, int cgroup_fd, struct error *err)
{
	struct bpf_program *program = loaded(r, LINKS[i], err);

	if (!program)
		return -ENOTSUP;
	r->links[i] = program_table[LINKS[i]].hook == HOOK_ACCEL_CGROUP
			      ? bpf_program__attach_cgroup(program, cgroup_fd)
			      : bpf_program__attach(program);
	return r->links[i] ? 0 : refused(LINKS[i], err);
}

/* Attaches a program to the map; it stays with the map and each socket in it. */
static int map_attach(struct redirect *r, enum program p, enum bpf_attach_type type,
		      struct error *err)
{
	struct bpf_program *program = loaded(r, p, err);

	if (!program)
		return -ENOTSUP;
	if (!bpf_prog_attach(bpf_program__fd(program), r->sockets_fd, type, 0))
		return 0;
	return refused(p, err);
}

static int links_attach(struct redirect *r, const char *cgroup_path, struct error *err)
{
	cleanup_close int cgroup_fd = open(cgroup_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int failed;

	if (cgroup_fd < 0)
		return error_set(err, -errno, "cannot open %s: %s", cgroup_path, strerror(errno));
	failed = map_attach(r, PROGRAM_redirect_msg, BPF_SK_MSG_VERDICT, err);
	failed = failed ? failed : map_attach(r, PROGRAM_redirect_skb, BPF_SK_SKB_VERDICT, err);
	for (size_t i = 0; i < LINK_COUNT && !failed; i++)
		failed = link_attach(r, i, cgroup_fd, err);
	return failed;
}

static void links_pin(struct redirect *r)
{
	char path[512];

	for (size_t i = 0; i < LINK_COUNT && attach_link_dir(r->attach); i++) {
		link_path(r, i, path, sizeof(path));
		bpf_link__pin(r->links[i], path);
	}
}

void redirect_repin(const struct redirect *r, struct repin *repin)
{
	char path[512];

	for (size_t i = 0; i < LINK_COUNT && attach_link_dir(r->attach); i++) {
		link_path(r, i, path, sizeof(path));
		if (r->links[i])
			repin_object(repin, path, bpf_link__fd(r->links[i]));
	}
}

/* ---- self-test */

static void limits_write(struct redirect *r, const struct redirect_proof *proof)
{
	const char *both = !proof->splice && !proof->waits_all ? " and " : "";

	if (proof->splice && proof->waits_all)
		return;
	snprintf(r->limits, sizeof(r->limits),
		 "%s%s%s do not work with redirected bytes on this kernel: a program is "
		 "accelerated after a trial connection that it reads without",
		 proof->splice ? "" : "splice()", both, proof->waits_all ? "" : "MSG_WAITALL");
}

static int prove(struct redirect *r, struct error *err)
{
	struct redirect_proof proof = {.lanes_fd = attach_map_fd(r->attach, "weft_lanes")};
	struct redirect_service own = {.flags = WEFT_ACCEL_TRUSTED};
	int failed, port = redirect_proof_listen(&proof);
	char address[32];

	if (port < 0)
		return error_set(err, port, "no connection over the loopback can be made: %s",
				 strerror(-port));
	snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	redirect_service_parse(address, &own);
	own.flags = WEFT_ACCEL_TRUSTED;
	failed = redirect_set(r, &own, 1, err);
	failed = failed ? failed : redirect_proof_run(&proof, err);
	close(proof.listener_fd);
	limits_write(r, &proof);
	return failed;
}

static int kernel_is_new(struct error *err)
{
	struct utsname name;
	int major = 0, minor = 0;

	if (uname(&name) || sscanf(name.release, "%d.%d", &major, &minor) != 2)
		return error_set(err, -ENOTSUP, "the version of the kernel is not known");
	if (major > OLDEST_MAJOR || (major == OLDEST_MAJOR && minor >= OLDEST_MINOR))
		return 0;
	return error_set(err, -ENOTSUP, "Linux %d.%d is too old, %d.%d is needed", major, minor,
			 OLDEST_MAJOR, OLDEST_MINOR);
}

static int start(struct redirect *r, const char *cgroup_path, struct error *err)
{
	int failed = kernel_is_new(err);

	if (failed)
		return failed;
	r->sockets_fd = attach_map_fd(r->attach, "weft_sockets");
	r->accel_fd = attach_map_fd(r->attach, "weft_accel");
	if (r->sockets_fd < 0 || r->accel_fd < 0)
		return error_set(err, -ENOTSUP, "this kernel has no map for sockets");
	r->adopted = links_adopt(r);
	if (r->adopted)
		return 0;
	links_remove(r);
	failed = links_attach(r, cgroup_path, err);
	failed = failed ? failed : prove(r, err);
	if (failed)
		links_remove(r);
	else
		links_pin(r);
	return failed;
}

int redirect_new(const struct attach *a, const char *cgroup_path, struct redirect **ret,
		 struct error *err)
{
	struct redirect *r = calloc(1, sizeof(*r));
	int failed;

	if (!r)
		return error_set(err, -ENOMEM, "no memory");
	r->attach = a;
	failed = start(r, cgroup_path, err);
	if (failed)
		redirect_free(r);
	else
		*ret = r;
	return failed;
}

void redirect_free(struct redirect *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < LINK_COUNT; i++)
		bpf_link__destroy(r->links[i]);
	free(r);
}

/* ---- the list */

static bool listed(const struct redirect_service *services, size_t count,
		   const struct weft_accel_key *key)
{
	for (size_t i = 0; i < count; i++)
		if (!memcmp(&services[i].key, key, sizeof(*key)))
			return true;
	return false;
}

int redirect_set(struct redirect *r, const struct redirect_service *services, size_t count,
		 struct error *err)
{
	struct weft_accel_key key, next;
	bool more = !bpf_map_get_next_key(r->accel_fd, NULL, &key);

	while (more) {
		more = !bpf_map_get_next_key(r->accel_fd, &key, &next);
		if (!listed(services, count, &key))
			bpf_map_delete_elem(r->accel_fd, &key);
		key = next;
	}
	for (size_t i = 0; i < count; i++)
		if (bpf_map_update_elem(r->accel_fd, &services[i].key, &services[i].flags, BPF_ANY))
			return error_set(err, -errno, "weft_accel takes no more: %s",
					 strerror(errno));
	return 0;
}

const char *redirect_limits(const struct redirect *r)
{
	return r->limits;
}

uint64_t redirect_sockets(const struct redirect *r)
{
	__u64 key, next, count = 0;
	bool more = !bpf_map_get_next_key(r->sockets_fd, NULL, &key);

	while (more) {
		count++;
		more = !bpf_map_get_next_key(r->sockets_fd, &key, &next);
		key = next;
	}
	return count;
}

void redirect_end(const char *map_dir, const char *pin_dir)
{
	char path[512];

	for (size_t i = LINK_COUNT; i--;) {
		snprintf(path, sizeof(path), "%s/links/%s", map_dir, program_table[LINKS[i]].name);
		unlink(path);
	}
	pins_retire_sockets(map_dir, pin_dir);
}
