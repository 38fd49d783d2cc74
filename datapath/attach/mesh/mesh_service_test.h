/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tests of what programs see: a mesh with one service. */
#pragma once

#include "datapath/attach/mesh/mesh_world_test.h"

#define VIP  "10.96.0.1"
#define VIP6 "fd00:96::1"
#define PORT 80

static inline struct weft_endpoint_state *endpoint(unsigned state)
{
	return states()->endpoints + state;
}

static inline struct weft_service_state *service(unsigned state)
{
	return states()->services + state;
}

/* One service, whose endpoints are |addr|, |port|.. */
static inline struct weft_mesh_service *one_service(const char *vip, uint8_t protocol,
						    uint8_t balance)
{
	struct weft_mesh_service *s;
	uint32_t index;

	mesh_begin();
	s = service_add(1, &index);
	front_add(vip, PORT, protocol, index, used, 1);
	route_add(used + 1);
	pool_add(2, balance, &index);
	return s;
}

static inline struct weft_mesh_pool *last_pool(void)
{
	return cell(used - 1);
}

static inline void to_listener(void)
{
	listeners_open(1);
	endpoint_add(last_pool(), 0, listener_addr(0), ports[0], 1);
	mesh_force();
}

static inline void expect_none(void)
{
	assert_int_equal(endpoint(1)->connections, 0);
	assert_int_equal(service(1)->connections, 0);
}
