// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Defines the maps that the *maps.bpf.h of bpf/lib declare, and the object's licence. */
#include "bpf/lib/maps.bpf.h"
#include "bpf/lib/mesh_maps.bpf.h"
#include "bpf/lib/policy_maps.bpf.h"
#include "bpf/lib/redirect_maps.bpf.h"
#include "bpf/lib/talk_maps.bpf.h"

struct ring_map weft_ring SEC(".maps");
struct counter_map weft_counters SEC(".maps");
struct grant_map weft_grants SEC(".maps");
struct scratch_map weft_scratch SEC(".maps");
struct settings_map weft_settings SEC(".maps");
struct skip_map weft_skips SEC(".maps");
struct mapped_ring_map mapped_ring SEC(".maps");
struct mapped_lost_map mapped_lost SEC(".maps");
struct flow_map weft_flows SEC(".maps");
struct conn_map weft_conns SEC(".maps");
struct owner_map weft_owners SEC(".maps");
struct overflow_map weft_overflows SEC(".maps");
struct walked_map weft_walked SEC(".maps");
struct end_map weft_ends SEC(".maps");
struct early_map weft_early SEC(".maps");
struct blank_map weft_blank SEC(".maps");
struct traffic_note_map weft_tls_notes SEC(".maps");
struct enrolled_map weft_enrolled SEC(".maps");
struct lane_map weft_lanes SEC(".maps");
struct socket_map weft_sockets SEC(".maps");
struct accel_map weft_accel SEC(".maps");
struct pair_map weft_pairs SEC(".maps");
struct syn_map weft_syns SEC(".maps");
struct reader_map weft_readers SEC(".maps");
struct mesh_map weft_mesh SEC(".maps");
struct endpoint_map weft_endpoints SEC(".maps");
struct service_map weft_services SEC(".maps");
struct binding_map weft_picks SEC(".maps");
struct sticky_map weft_sticky SEC(".maps");
struct requested_map weft_asked SEC(".maps");
struct syn_owner_map weft_knocks SEC(".maps");
struct near_map weft_near SEC(".maps");
struct refused_map weft_refused SEC(".maps");
struct here_map weft_here SEC(".maps");
struct net_map weft_nets SEC(".maps");
struct where_map weft_where SEC(".maps");
struct talk_map weft_talk_out SEC(".maps");
struct talk_map weft_talk_in SEC(".maps");
struct talk_map weft_talk_denied SEC(".maps");
struct sender_map weft_senders SEC(".maps");
struct sender_list_map weft_sending SEC(".maps");
struct holders_map weft_holders SEC(".maps");
struct holding_map weft_holding SEC(".maps");
struct walker_map weft_walker SEC(".maps");
struct binder_map weft_binders SEC(".maps");
struct stir_map weft_stir SEC(".maps");

char LICENSE[] SEC("license") = "Dual BSD/GPL";
