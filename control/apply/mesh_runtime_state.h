/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* State shared only by the files of the mesh runtime. */
#pragma once

#include "control/apply/eject.h"
#include "control/apply/evidence.h"
#include "control/apply/generation.h"
#include "datapath/attach/mesh/mesh_state.h"

#define SERVICE_NAME_BYTES 160

struct mesh_runtime {
	struct config_compiler *config_compiler;
	struct mesh_state state;
	bool earlier_build; /* another build's mesh is in force until ours is */
	struct eject *eject;
	struct evidence *evidence;
	struct generation *generation; /* NULL: none yet */
	struct process_match *match;
	void (*end_connections)(void *arg);
	void *end_arg;
	uint64_t close_until_ns; /* WEFT_EJECTED_CLOSE holds somewhere until then, 0: nowhere */
	struct health_service *shown; /* of the latest mesh_runtime_health */
	uint32_t shown_room;
	char (*names)[SERVICE_NAME_BYTES];
};
