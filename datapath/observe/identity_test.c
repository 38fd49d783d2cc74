// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names of workloads from control groups as they are found in the wild, and their interning. */
#include "datapath/observe/cgroup_name.h"
#include "datapath/observe/identity.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ID    "4f1c8a0b9d2e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a"
#define SHORT "4f1c8a0b9d2e"

static const struct {
	const char *path;
	const char *kind; /* NULL: names nothing */
	const char *name;
} groups[] = {
	{"/", NULL, NULL},
	{"", NULL, NULL},
	{"/system.slice/nginx.service", "unit", "nginx"},
	{"/system.slice/system-postgresql.slice/postgresql@15-main.service", "unit",
	 "postgresql@15-main"},
	{"/system.slice/ssh.service", "unit", "ssh"},
	{"/system.slice/app.service/worker", "unit", "app"},
	{"/system.slice/docker-" ID ".scope", "container", SHORT},
	{"/docker/" ID, "container", SHORT},
	{"/docker/" ID "/init", "container", SHORT},
	{"/system.slice/docker.service", "unit", "docker"},
	{"/kubepods/burstable/pod0f6d2c1a-1111-2222-3333-444455556666/" ID, "container", SHORT},
	{"/kubepods.slice/kubepods-besteffort.slice/"
	 "kubepods-besteffort-pod0f6d2c1a_1111_2222_3333_444455556666.slice/cri-containerd-" ID
	 ".scope",
	 "container", SHORT},
	{"/kubepods.slice/kubepods-pod1.slice/crio-" ID ".scope", "container", SHORT},
	{"/kubepods.slice/kubepods-pod1.slice/crio-conmon-" ID ".scope", "cgroup",
	 "crio-conmon-" ID},
	{"/system.slice/containerd.service/kubepods-burstable-pod1.slice:cri-containerd:" ID,
	 "container", SHORT},
	{"/machine.slice/libpod-" ID ".scope/container", "container", SHORT},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope",
	 "container", SHORT},
	{"/machine.slice/machine-debian.scope", "container", "debian"},
	{"/machine.slice/systemd-nspawn@web.service/payload", "container", "web"},
	{"/machine.slice/systemd-nspawn@web.service/payload/system.slice/nginx.service",
	 "container", "web"},
	{"/machine.slice/machine-my\\x2dweb.scope", "container", "my-web"},
	{"/machine.slice/machine-a\\x2.scope", "container", "a\\x2"},
	{"/lxc.payload.web1/system.slice/nginx.service", "container", "web1"},
	{"/user.slice/user-1000.slice/session-3.scope", NULL, NULL},
	{"/user.slice/user-1000.slice/user@1000.service/init.scope", NULL, NULL},
	{"/user.slice/user-1000.slice/user@1000.service", NULL, NULL},
	{"/user.slice/user-1000.slice/user@1000.service/app.slice/syncthing.service", "unit",
	 "syncthing"},
	{"/init.scope", NULL, NULL},
	{"/system.slice", NULL, NULL},
	{"/shop/cart", "cgroup", "cart"},
	{"/.service", "cgroup", ".service"},
	{"/system.slice/run-r1234.scope", "cgroup", "run-r1234.scope"},
	{"/" SHORT "/x", "cgroup", "x"},
};

static void test_groups(void **state)
{
	char name[64];

	(void)state;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		const char *kind = cgroup_name(groups[i].path, name, sizeof(name));

		if (!groups[i].kind) {
			assert_null(kind);
			continue;
		}
		assert_non_null(kind);
		assert_string_equal(kind, groups[i].kind);
		assert_memory_equal(name, groups[i].name, strnlen(groups[i].name, 63));
	}
}

static const uint8_t nowhere[16];
static unsigned asked;

static int path_of(void *arg, uint64_t id, char *out, size_t size)
{
	(void)arg;
	asked++;
	snprintf(out, size, id == 7 ? "/" : "/system.slice/s%d.service", (int)id);
	return id == 8 ? -2 : 0;
}

static void test_long_names(void **state)
{
	struct observe_counters counters = {0};
	struct observe_listener l = {0};
	struct identities *ids = identities_new(3, 0, &l, &counters);
	struct weft_owner one = {.exe = "payments-reconciliation-worker-prod"};
	struct weft_owner other = {.exe = "payments-reconciliation-worker-test"};

	(void)state;
	assert_string_equal(identity_of(ids, &one, nowhere, 0)->workload, one.exe);
	assert_string_equal(identity_of(ids, &other, nowhere, 0)->workload, other.exe);
	identities_free(ids);
}

static void test_interning(void **state)
{
	struct observe_listener l = {.cgroup_path = path_of};
	struct observe_counters counters = {0};
	struct identities *ids = identities_new(3, 0, &l, &counters);
	struct weft_owner owner = {.cgroup_id = 1, .comm = "comm", .exe = "program"};
	const struct identity *a = identity_of(ids, &owner, nowhere, 0), *b;

	(void)state;
	asked = 0;
	assert_string_equal(a->workload, "s1");
	assert_string_equal(a->service, "s1");
	assert_string_equal(a->version, "latest");
	assert_string_equal(a->namespace_, "unknown");
	assert_ptr_equal(identity_of(ids, &owner, nowhere, 0), a);
	assert_int_equal(asked, 0);

	owner.cgroup_id = 7; /* the root: the executable names it */
	b = identity_of(ids, &owner, nowhere, 0);
	assert_string_equal(b->workload, "program");
	assert_string_equal(b->kind, "process");
	owner.cgroup_id = 8;
	assert_ptr_equal(identity_of(ids, &owner, nowhere, 0), b);
	owner.exe[0] = 0;
	assert_string_equal(identity_of(ids, &owner, nowhere, 0)->workload, "comm");

	owner.cgroup_id = 2; /* the fourth name */
	assert_string_equal(identity_of(ids, &owner, nowhere, 0)->workload, "overflow");
	assert_int_equal(counters.lost[OBSERVE_LOST_IDENTITIES_FULL], 1);
	memset(&owner, 0, sizeof(owner));
	assert_ptr_equal(identity_of(ids, &owner, nowhere, 0), identity_of(ids, NULL, nowhere, 0));
	assert_int_equal(identity_of(ids, NULL, nowhere, 0)->index, 0);
	assert_int_equal(counters.identities, 5);
	identities_free(ids);
}

/* The path is not known yet when it is asked for first. */
static int path_later(void *arg, uint64_t id, char *out, size_t size)
{
	return path_of(arg, id, out, size) || asked > 1 ? 0 : -EAGAIN;
}

static void test_a_name_that_comes_later(void **state)
{
	struct observe_listener l = {.cgroup_path = path_later};
	struct observe_counters counters = {0};
	struct identities *ids = identities_new(3, 0, &l, &counters);
	struct weft_owner owner = {.cgroup_id = 1, .exe = "program"};

	(void)state;
	asked = 0;
	assert_string_equal(identity_of(ids, &owner, nowhere, 0)->workload, "program");
	assert_string_equal(identity_of(ids, &owner, nowhere, 0)->workload, "s1");
	assert_string_equal(identity_of(ids, &owner, nowhere, 0)->workload, "s1");
	assert_int_equal(asked, 2);
	identities_free(ids);
}

/* Port 80 is the service "web", whoever is behind it; port 81 is a workload of its own. */
static int names_of(void *arg, const struct weft_owner *owner, const uint8_t addr[16],
		    uint16_t port, struct observe_names *ret)
{
	(void)arg;
	(void)owner;
	if (!addr || (port != 80 && port != 81))
		return -2;
	snprintf(ret->service, sizeof(ret->service), "web.shop.svc.cluster.local");
	snprintf(ret->namespace_name, sizeof(ret->namespace_name), "shop");
	if (port == 81)
		snprintf(ret->workload, sizeof(ret->workload), "web-v2");
	return 0;
}

static void test_names_from_configuration(void **state)
{
	struct observe_listener l = {.cgroup_path = path_of, .names = names_of};
	struct observe_counters counters = {0};
	struct identities *ids = identities_new(8, 0, &l, &counters);
	struct weft_owner owner = {.cgroup_id = 1, .exe = "program"};
	const struct identity *a = identity_of(ids, &owner, nowhere, 80);

	(void)state;
	assert_string_equal(a->workload, "s1");
	assert_string_equal(a->kind, "unit");
	assert_string_equal(a->service, "web.shop.svc.cluster.local");
	assert_string_equal(a->namespace_, "shop");
	assert_string_equal(a->app, "s1"); /* configuration says nothing about it */
	assert_ptr_equal(identity_of(ids, &owner, nowhere, 80), a);
	assert_ptr_not_equal(identity_of(ids, &owner, nowhere, 5), a);
	a = identity_of(ids, NULL, nowhere, 81); /* not on this node, and known all the same */
	assert_string_equal(a->workload, "web-v2");
	assert_string_equal(a->kind, "mesh");
	assert_string_equal(identity_of(ids, NULL, nowhere, 5)->workload, "unknown");
	assert_string_equal(identity_of(ids, NULL, NULL, 81)->workload, "unknown");
	assert_string_equal(identity_of(ids, &owner, NULL, 81)->workload, "s1");
	identities_free(ids);
}

static int container_path(void *arg, uint64_t id, char *out, size_t size)
{
	(void)arg;
	(void)id;
	snprintf(out, size, "/system.slice/docker-" ID ".scope/init");
	return 0;
}

/* The container of group 1 has a name, that of group 2 is a Pod's, that of group 3 has none. */
static int container_of(void *arg, uint64_t cgroup_id, const char *id, struct observe_names *ret)
{
	(void)arg;
	asked++;
	assert_string_equal(id, ID);
	if (cgroup_id == 3)
		return -2;
	snprintf(ret->workload, sizeof(ret->workload), cgroup_id == 1 ? "web" : "cart");
	if (cgroup_id == 2)
		snprintf(ret->namespace_name, sizeof(ret->namespace_name), "shop");
	return 0;
}

static void test_containers_have_names(void **state)
{
	struct observe_listener l = {.cgroup_path = container_path, .container = container_of};
	struct observe_counters counters = {0};
	struct identities *ids = identities_new(8, 0, &l, &counters);
	struct weft_owner owner = {.cgroup_id = 1, .exe = "nginx"};
	const struct identity *a = identity_of(ids, &owner, nowhere, 0);

	(void)state;
	assert_string_equal(a->workload, "web");
	assert_string_equal(a->kind, "container");
	assert_string_equal(a->namespace_, "unknown");
	owner.cgroup_id = 2;
	a = identity_of(ids, &owner, nowhere, 0);
	assert_string_equal(a->workload, "cart");
	assert_string_equal(a->namespace_, "shop");
	asked = 0;
	owner.cgroup_id = 3; /* no runtime answers: as the program in it */
	a = identity_of(ids, &owner, nowhere, 0);
	assert_string_equal(a->workload, "nginx");
	assert_string_equal(a->kind, "container");
	snprintf(owner.exe, sizeof(owner.exe), "sidecar");
	assert_string_equal(identity_of(ids, &owner, nowhere, 0)->workload, "sidecar");
	assert_int_equal(asked, 1);
	identities_free(ids);

	l.container = NULL; /* by the id */
	ids = identities_new(8, 0, &l, &counters);
	assert_string_equal(identity_of(ids, &owner, nowhere, 0)->workload, SHORT);
	identities_free(ids);
}

/* What the mesh says of an end that it does not name leaves a Pod its namespace. */
static int service_of(void *arg, const struct weft_owner *owner, const uint8_t addr[16],
		      uint16_t port, struct observe_names *ret)
{
	(void)arg;
	(void)owner;
	(void)addr;
	(void)port;
	snprintf(ret->service, sizeof(ret->service), "cart.example");
	return 0;
}

static void test_pods_keep_their_namespace(void **state)
{
	struct observe_listener l = {
		.cgroup_path = container_path, .container = container_of, .names = service_of};
	struct observe_counters counters = {0};
	struct identities *ids = identities_new(8, 0, &l, &counters);
	struct weft_owner owner = {.cgroup_id = 2, .exe = "nginx"};
	const struct identity *a = identity_of(ids, &owner, nowhere, 80);

	(void)state;
	assert_string_equal(a->workload, "cart");
	assert_string_equal(a->namespace_, "shop");
	assert_string_equal(a->service, "cart.example");
	identities_free(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_names_from_configuration),
		cmocka_unit_test(test_interning),
		cmocka_unit_test(test_a_name_that_comes_later),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_containers_have_names),
		cmocka_unit_test(test_pods_keep_their_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
