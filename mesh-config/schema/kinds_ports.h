/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tables of several kinds share. */
#pragma once

#include "mesh-config/schema/schema.h"

/* enum mesh_app_protocol from appProtocol, from ServiceEntry's protocol or from the name of a
 * port ("grpc-web"). */
uint8_t app_protocol_of(const char *text);

/* Of WorkloadEntry, for endpoints and templates. */
extern const struct schema workload_entry_schema;

/* exportTo: only "*" is honoured. */
struct draft_list;
void export_check(struct reading *r, const struct draft_list *export_to);

/* {matchLabels: {...}}, {labels: {...}} */
extern const struct schema match_labels_schema;
extern const struct schema selector_schema;

/* {number: 80}: struct draft_port_selector */
extern const struct schema port_selector_schema;
