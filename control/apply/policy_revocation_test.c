// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Connections that live while random policies come into force: those are ended that the judge
 * denies by a policy that ends connections, all others live on. Connections to endpoints that are
 * ejected, and left. */
#include <fcntl.h>
#include <poll.h>

#include "control/apply/policy_mesh_test.h"
#include "datapath/attach/mesh/revocation.h"

#define WORLDS	    30
#define CONNECTIONS 60

static struct revocation *revocation;
static unsigned reported;

struct held {
	struct spec_connection c;
	int fd;
};

static void ended(void *arg, const struct weft_verdict *v)
{
	(void)arg;
	assert_int_equal(v->generation, mesh_maps_live(maps)->generation);
	assert_int_equal(v->verdict, WEFT_VERDICT_ENDED);
	reported++;
}

/* Until the thread that ends connections has nothing to do any more. */
static void revocation_run(void (*tell)(void *arg, const struct weft_verdict *v))
{
	struct pollfd p = {.fd = revocation_fd(revocation), .events = POLLIN};

	revocation_want(revocation, 0);
	assert_int_equal(poll(&p, 1, 1000), 1);
	revocation_handle(revocation, 0, tell, NULL);
}

static bool lives(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* Whether the judge's denial ends connections. */
static bool judge_ends(const struct spec_connection *c)
{
	struct spec_verdict v = spec_judge(specs, spec_count, c);
	bool ends = false;

	if (v.allowed || v.policy != SPEC_NONE)
		return !v.allowed && spec_ends[v.policy];
	for (int i = 0; i < spec_count; i++)
		ends |= specs[i].action == SPEC_ALLOW && !specs[i].dry_run && spec_ends[i] &&
			spec_selects(&specs[i], &c->target);
	return ends;
}

static struct weft_mesh_header *random_world(void)
{
	struct weft_mesh_header *h;

	spec_count = random_policies(specs);
	for (int i = 0; i < spec_count; i++)
		spec_ends[i] = dice(4) > 0;
	h = policies_begin();
	h->flags |= WEFT_MESH_ENDS;
	return h;
}

static void held_open(struct held *held)
{
	spec_count = 0;
	policies_begin();
	mesh_force();
	for (int i = 0; i < CONNECTIONS; i++) {
		struct spec_connection *c = &held[i].c;

		loopback_connection(c);
		held[i].fd = dial_from(SOCK_STREAM, c->source.address, c->target.address,
				       (uint16_t)c->port);
		assert_true(held[i].fd >= 0);
	}
}

static void test_judged(void **state)
{
	static struct held held[CONNECTIONS];
	unsigned ends = 0, stay = 0;

	(void)state;
	world_seed = 77;
	servers_open(SOCK_STREAM);
	for (int w = 0; w < WORLDS; w++) {
		unsigned wanted = 0;

		held_open(held);
		random_world();
		mesh_force();
		reported = 0;
		revocation_run(ended);
		for (int i = 0; i < CONNECTIONS; i++) {
			bool end = judge_ends(&held[i].c);

			assert_int_equal(lives(held[i].fd), !end);
			wanted += end;
			hang_up(held[i].fd);
		}
		assert_int_equal(reported, wanted);
		ends += wanted;
		stay += CONNECTIONS - wanted;
	}
	servers_close();
	print_message("%u connections ended, %u live on, each as judged\n", ends, stay);
	assert_true(ends > 150 && stay > 150);
	assert_int_equal(revocation_counts(revocation)->failed, 0);
}

/* Without the flag of the generation no connection is checked, whatever the policies say. */
static void test_asked_for(void **state)
{
	static struct held held[CONNECTIONS];

	(void)state;
	servers_open(SOCK_STREAM);
	held_open(held);
	random_world()->flags &= ~WEFT_MESH_ENDS;
	mesh_force();
	reported = 0;
	revocation_run(ended);
	assert_int_equal(reported, 0);
	for (int i = 0; i < CONNECTIONS; i++) {
		assert_true(lives(held[i].fd));
		hang_up(held[i].fd);
	}
	servers_close();
}

/* ---- endpoints that are to be left */

static void ejected(void *arg, const struct weft_verdict *v)
{
	(void)arg;
	assert_int_equal(v->verdict, WEFT_VERDICT_EJECTED);
	assert_int_equal(v->endpoint, 7);
	assert_int_equal(v->place, WEFT_PLACE_CONNECT);
	reported++;
}

static void eject(uint32_t flags)
{
	states()->endpoints[7].flags = flags;
	reported = 0;
	revocation_run(ejected);
}

static void test_ejected(void **state)
{
	uint32_t service, pool;
	int left, other;

	(void)state;
	servers_open(SOCK_STREAM);
	mesh_begin();
	service_add(1, &service);
	front_add("198.18.7.1", 80, IPPROTO_TCP, service, used, 1);
	route_add(used + 1);
	endpoint_add(pool_add(2, WEFT_BALANCE_RANDOM, &pool), 0, "127.0.1.1", 80, 7);
	mesh_force();
	left = dial("198.18.7.1", 80);
	other = dial("127.0.1.1", 80);
	assert_true(left >= 0 && other >= 0);
	eject(0);
	assert_true(lives(left));
	eject(WEFT_EJECTED);
	assert_true(lives(left));
	eject(WEFT_EJECTED | WEFT_EJECTED_CLOSE);
	assert_false(lives(left));
	assert_true(lives(other));
	assert_int_equal(reported, 1);
	hang_up(left);
	hang_up(other);
	servers_close();
}

static void gone(void *arg, const struct weft_verdict *v)
{
	(void)arg;
	assert_int_equal(v->verdict, WEFT_VERDICT_GONE);
	assert_int_equal(v->endpoint, 7);
	assert_int_equal(v->protocol, IPPROTO_UDP);
	reported++;
}

/* A connected datagram socket does not stay with an endpoint that is no more; nor does a connection
 * that lives end for that. */
static void test_datagrams(void **state)
{
	int left, again, other, stream;
	uint32_t service, pool;

	(void)state;
	servers_open(SOCK_STREAM);
	states()->endpoints[7].flags = 0;
	mesh_begin();
	service_add(1, &service);
	front_add("198.18.7.1", 80, IPPROTO_UDP, service, used, 1);
	front_add("198.18.7.1", 80, IPPROTO_TCP, service, used, 1);
	route_add(used + 1);
	endpoint_add(pool_add(2, WEFT_BALANCE_RANDOM, &pool), 0, "127.0.1.1", 80, 7);
	mesh_force();
	left = dial_from(SOCK_DGRAM, NULL, "198.18.7.1", 80);
	other = dial_from(SOCK_DGRAM, NULL, "127.0.1.1", 80);
	stream = dial("198.18.7.1", 80);
	assert_true(left >= 0 && other >= 0 && stream >= 0);
	reported = 0;
	revocation_run(gone);
	assert_true(lives(left));
	states()->endpoints[7].flags = WEFT_GONE;
	revocation_run(gone);
	assert_false(lives(left));
	assert_true(lives(other));
	assert_true(lives(stream));
	assert_int_equal(reported, 1);
	states()->endpoints[7].flags = 0;
	again = dial_from(SOCK_DGRAM, NULL, "198.18.7.1", 80);
	revocation_run(gone);
	assert_true(lives(again));
	assert_int_equal(reported, 1);
	close(left);
	close(again);
	close(other);
	hang_up(stream);
	servers_close();
}

static int setup(void **state)
{
	struct error err;

	(void)state;
	return revocation || !revocation_new(attach, &revocation, &err) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_judged, setup),
		cmocka_unit_test_setup(test_asked_for, setup),
		cmocka_unit_test_setup(test_ejected, setup),
		cmocka_unit_test_setup(test_datagrams, setup),
	};

	names_fill(&names);
	world_on_loopback();
	return world_run(tests);
}
